"""The link to a call's recording, and the rule by which it is given: https alone, and hosts that were named alone."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from sync.recordings import recording_hosts

_LONGEST = 4_096
_HTTPS_PORTS = frozenset({None, 443})


class Refusal(StrEnum):
    """Why there is no link."""

    NONE = "none"  # the call has no recording
    UNREADABLE = "unreadable"  # what stands in its place is no address
    NOT_HTTPS = "not-https"
    HOST = "host"  # its host was not named
    NUMBER = "number"  # it holds a number that the reader may not see


@dataclass(frozen=True, slots=True)
class Recording:
    """Either ``url`` or ``refusal``. ``host`` is told where one can be made out."""

    url: str = ""
    host: str = ""
    refusal: Refusal | None = None


def recording(address: Any, shown: Any, environment_id: int) -> Recording:
    """``address`` is the link as the vendor told it, ``shown`` as the reader may see it."""
    if address in (None, "", [], {}):
        return Recording(refusal=Refusal.NONE)
    if not isinstance(address, str) or len(address) > _LONGEST or not _is_plain(address.strip()):
        return Recording(refusal=Refusal.UNREADABLE)
    url = address.strip()
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return Recording(refusal=Refusal.UNREADABLE)
    if not host or parts.username is not None or parts.password is not None:
        return Recording(refusal=Refusal.UNREADABLE)
    if address != shown:
        return Recording(refusal=Refusal.NUMBER)
    if parts.scheme != "https":
        return Recording(host=host, refusal=Refusal.NOT_HTTPS)
    if port not in _HTTPS_PORTS or host not in recording_hosts(environment_id):
        return Recording(host=host, refusal=Refusal.HOST)
    return Recording(url=url, host=host)


def _is_plain(text: str) -> bool:
    """Nothing in it that a browser reads otherwise than we do: no blanks, no control signs, no backslashes."""
    return text.isascii() and text.isprintable() and " " not in text and "\\" not in text

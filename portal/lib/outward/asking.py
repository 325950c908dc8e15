"""One question to a server that somebody named: a small answer, soon, from a checked address. Follows no redirect."""

import http.client
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlencode

import requests
import urllib3.exceptions

from portal.lib.outward.addresses import read_base
from portal.lib.outward.dialling import PATIENCE, OneHost
from portal.lib.outward.errors import Obstacle, Unreachable
from portal.lib.version import VERSION

MOST_BYTES = 256 * 1024
SECONDS = 6.0  # for all of it
_CHUNK = 16 * 1024
_FAILURES = (requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException, OSError)


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    content: bytes


class _Deadline:
    """Waits for a whole answer until one moment, and takes so many bytes."""

    def __init__(self, seconds: float, most_bytes: int) -> None:
        self._until = time.monotonic() + seconds
        self._room = 2 * most_bytes  # heads included

    def connecting(self) -> float:
        return self.left()

    def left(self) -> float:
        left = self._until - time.monotonic()
        if left <= 0:
            raise self.ended()
        return left

    def ended(self) -> Unreachable:
        return Unreachable(Obstacle.TIMEOUT, "The answer did not come in time.")

    def receive(self, count: int) -> None:
        self._room -= count
        if self._room < 0:
            raise _too_large()


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """None at all: a redirect is an answer like any other."""


def ask(
    url: str,
    *,
    allow_private: bool,
    form: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    login: tuple[str, str] | None = None,
) -> Reply:
    """GET ``url`` with ``params`` for its query, or POST ``form`` to it; whatever is answered, with its status. Raises
    :class:`Unreachable`.

    ``login`` is a name and a secret, as basic authentication carries them.
    """
    base = read_base(url, allow_private=allow_private)
    headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": f"Ringbook/{VERSION}"}
    if form is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    body = urlencode(form) if form is not None else None
    method = "POST" if form is not None else "GET"
    request = requests.Request(method, url, headers=headers, params=params, data=body, auth=login)
    return _asked(request, base, allow_private=allow_private)


def post(url: str, body: bytes, headers: Mapping[str, str], *, allow_private: bool) -> Reply:
    """POST ``body`` to ``url``, which may have a query; whatever is answered. Raises :class:`Unreachable`."""
    base = read_base(url.partition("?")[0], allow_private=allow_private)
    usual = {"Accept-Encoding": "identity", "User-Agent": f"Ringbook/{VERSION}"}
    request = requests.Request("POST", url, headers={**usual, **headers}, data=body)
    return _asked(request, base, allow_private=allow_private)


def _asked(request: requests.Request, base: SplitResult, *, allow_private: bool) -> Reply:
    PATIENCE.set(_Deadline(SECONDS, MOST_BYTES))
    try:
        return _send(request.prepare(), OneHost(base, allow_private=allow_private))
    except _FAILURES:
        raise Unreachable(Obstacle.NETWORK, "The connection failed.") from None


def _send(request: requests.PreparedRequest, host: OneHost) -> Reply:
    with _Session() as session:
        session.trust_env = False
        session.adapters.clear()
        session.mount("", host)
        with session.send(
            request, stream=True, timeout=SECONDS, verify=True, proxies={}, allow_redirects=False
        ) as response:
            return Reply(response.status_code, _content(response))


def _content(response: requests.Response) -> bytes:
    content = b""
    for chunk in response.iter_content(_CHUNK):
        content += chunk
        if len(content) > MOST_BYTES:
            raise _too_large()
    return content


def _too_large() -> Unreachable:
    return Unreachable(Obstacle.NETWORK, f"The answer is larger than {MOST_BYTES:,} bytes.")

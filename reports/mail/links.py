"""Addresses a recipient can use without signing in: signed, for one purpose and one reader of one mail or alert.

They are signed under the vault's ring and not under ``SECRET_KEY``, so a link in an old mail outlives a change of that.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.urls import reverse

from portal.tenants.brand import address_of
from reports.mail.readers import Reader, kinds

CONFIRM, LEAVE = "confirm", "leave"
CONFIRM_WITHIN = timedelta(days=30)


class BadLink(Exception):
    """Not a link of ours, not for this purpose, or too old."""


@dataclass(frozen=True, slots=True)
class Pointer:
    """``read_id`` is the key of what is read, ``word`` the kind of its readers."""

    tenant_id: int
    read_id: int
    reader_id: int
    word: str = ""


def pointer_to(reader: Reader) -> Pointer:
    return Pointer(reader.tenant_id, reader.read_id, reader.pk, reader.WORD)


def address(reader: Reader, purpose: str) -> str:
    """The full address; leaving has no end, confirming has thirty days."""
    value = "-".join(filter(None, (str(reader.tenant_id), str(reader.read_id), str(reader.pk), reader.WORD)))
    return address_of(reader.tenant) + reverse(f"mail:{purpose}", args=[_signer(purpose).sign(value)])


def leaving(what: str, address: str) -> dict[str, str]:
    """The headers by which a mail program leaves for its reader (RFC 8058). ``what`` names the list."""
    return {
        "List-Id": f"<{what}.ringbook>",
        "List-Unsubscribe": f"<{address}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def read(token: str, purpose: str) -> Pointer:
    try:
        value = _signer(purpose).unsign(token, max_age=CONFIRM_WITHIN if purpose == CONFIRM else None)
        tenant, read, reader, *word = value.split("-")
        pointer = Pointer(int(tenant), int(read), int(reader), *word)
        kinds()[pointer.word]
    except (signing.BadSignature, ValueError, TypeError, KeyError) as error:
        raise BadLink from error
    return pointer


def _signer(purpose: str) -> signing.TimestampSigner:
    keys: list[str | bytes] = [
        hashlib.blake2b(key.encode(), person=b"ringbook-links", digest_size=32).digest() for key in settings.TOKEN_KEYS
    ]
    return signing.TimestampSigner(key=keys[0], fallback_keys=keys[1:], sep=".", salt=f"ringbook.mail.{purpose}")

"""Addresses a recipient can use without signing in: signed, for one purpose and one recipient of one subscription.

They are signed under the vault's ring and not under ``SECRET_KEY``, so a link in an old mail outlives a change of that.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.urls import reverse

from portal.tenants.brand import address_of
from reports.mail.models import Recipient

CONFIRM, LEAVE = "confirm", "leave"
CONFIRM_WITHIN = timedelta(days=30)


class BadLink(Exception):
    """Not a link of ours, not for this purpose, or too old."""


@dataclass(frozen=True, slots=True)
class Pointer:
    tenant_id: int
    subscription_id: int
    recipient_id: int


def pointer_to(recipient: Recipient) -> Pointer:
    return Pointer(recipient.tenant_id, recipient.subscription_id, recipient.pk)


def address(recipient: Recipient, purpose: str) -> str:
    """The full address; leaving has no end, confirming has thirty days."""
    value = f"{recipient.tenant_id}-{recipient.subscription_id}-{recipient.pk}"
    return address_of(recipient.tenant) + reverse(f"mail:{purpose}", args=[_signer(purpose).sign(value)])


def read(token: str, purpose: str) -> Pointer:
    try:
        value = _signer(purpose).unsign(token, max_age=CONFIRM_WITHIN if purpose == CONFIRM else None)
        return Pointer(*map(int, value.split("-")))
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise BadLink from error


def _signer(purpose: str) -> signing.TimestampSigner:
    keys: list[str | bytes] = [
        hashlib.blake2b(key.encode(), person=b"ringbook-links", digest_size=32).digest() for key in settings.TOKEN_KEYS
    ]
    return signing.TimestampSigner(key=keys[0], fallback_keys=keys[1:], sep=".", salt=f"ringbook.mail.{purpose}")

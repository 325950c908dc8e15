"""Who vouches for what a provider tells: its own signature, where it has one, or else the secret of the installation.

Signed things that are days old are nothing new, and are refused. Within the days a repetition is heard and changes
nothing (``feedback``).
"""

import hashlib
import hmac
import time
from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key
from django.conf import settings
from django.core.cache import cache

from portal.outbox import sns
from portal.outbox.doubts import Doubtful

LATE, EARLY = 3 * 86400, 600  # seconds: how long providers repeat what was not taken, and how far clocks differ

Headers = Mapping[str, str]


def is_signed(form: str) -> bool:
    """Whether things of a form are to be signed by the provider: the secret then opens nothing."""
    keys = {"sendgrid": settings.SENDGRID_WEBHOOK_KEY, "mailgun": settings.MAILGUN_WEBHOOK_KEY, "ses": True}
    return bool(keys.get(form))


def demand_signed(form: str, body: bytes, headers: Headers) -> None:
    """Raises :class:`Doubtful` for what its provider did not sign, and Unreachable where that cannot be found out."""
    try:
        at = _SIGNED[form](body, headers)
        if not -EARLY < time.time() - at < LATE:
            raise Doubtful("old")
    except (InvalidSignature, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise Doubtful(type(error).__name__) from error


def _sendgrid(body: bytes, headers: Headers) -> float:
    """ECDSA over the time and the body, by the key that SendGrid shows for the webhook."""
    at = headers.get("X-Twilio-Email-Event-Webhook-Timestamp", "")
    signature = b64decode(headers.get("X-Twilio-Email-Event-Webhook-Signature", ""), validate=True)
    key: Any = load_der_public_key(b64decode(settings.SENDGRID_WEBHOOK_KEY))
    key.verify(signature, at.encode() + body, ec.ECDSA(hashes.SHA256()))
    return int(at)


def _mailgun(body: bytes, headers: Headers) -> float:
    """HMAC over a time and a token alone, so a token vouches for the first body that comes with it and for no other."""
    told = msgspec.json.decode(body)["signature"]
    at, token = str(told["timestamp"]), str(told["token"])
    digest = hmac.new(settings.MAILGUN_WEBHOOK_KEY.encode(), f"{at}{token}".encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(digest.encode(), str(told["signature"]).encode()):
        raise Doubtful("signature")
    key, seal = f"outbox:token:{digest}", hashlib.sha256(body).hexdigest()
    if not cache.add(key, seal, LATE + EARLY) and cache.get(key) != seal:
        raise Doubtful("token")
    return int(at)


def _ses(body: bytes, headers: Headers) -> float:
    return sns.demand_signed(body)


_SIGNED: dict[str, Callable[[bytes, Headers], float]] = {"sendgrid": _sendgrid, "mailgun": _mailgun, "ses": _ses}

"""Messages of Amazon SNS, which carry what Amazon SES tells: signed by a certificate of Amazon's, of a named topic.

Of addresses in a message none is believed: the certificate is read from the host of the topic's region, and a
subscription is confirmed there. Version 1 of the signatures rests on SHA-1 and is refused.
"""

import hashlib
import logging
import re
import time
from base64 import b64decode
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509 import Certificate, load_pem_x509_certificate
from django.conf import settings
from django.core.cache import cache

from portal.lib.outward.asking import ask
from portal.lib.outward.errors import Obstacle, Unreachable
from portal.lib.outward.trials import HOOKS
from portal.outbox.doubts import Doubtful

logger = logging.getLogger("ringbook.outbox")

CONFIRMATION, NOTIFICATION = "SubscriptionConfirmation", "Notification"
KEPT = 86400  # seconds that a certificate is used without asking for it again
MOST_READ = 20  # certificates in a minute: a message that is not signed yet may name any
_SIGNED = {
    NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    CONFIRMATION: ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
_CERTIFICATE = re.compile(r"/SimpleNotificationService-[0-9A-Za-z]{1,64}\.pem")
_OF_CHINA = "arn:aws-cn:"


def demand_signed(body: bytes) -> float:
    """When a message was published, in seconds since 1970. Raises Doubtful or whatever reading it raised, and
    :class:`Unreachable` where the certificate is not to be had."""
    told = msgspec.json.decode(body)
    if told["TopicArn"] not in settings.SNS_TOPICS:
        raise Doubtful("topic")
    if told["SignatureVersion"] != "2":
        raise Doubtful("signature version")
    names = [name for name in _SIGNED[told["Type"]] if name in told]
    text = "".join(f"{name}\n{told[name]}\n" for name in names)
    key = _certificate(told["SigningCertURL"], _host(told["TopicArn"])).public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise Doubtful("certificate")
    key.verify(b64decode(told["Signature"], validate=True), text.encode(), padding.PKCS1v15(), hashes.SHA256())
    at: datetime = datetime.fromisoformat(told["Timestamp"])
    return at.timestamp()


def confirm(body: bytes) -> None:
    """Agree to a subscription, if that is what a signed message asks for. Raises :class:`Unreachable`."""
    told = msgspec.json.decode(body)
    if told["Type"] != CONFIRMATION:
        return
    topic = told["TopicArn"]
    asked = {"Action": "ConfirmSubscription", "TopicArn": topic, "Token": told["Token"]}
    with HOOKS.take(None):
        reply = ask(f"https://{_host(topic)}/", allow_private=settings.UPSTREAM_ALLOW_PRIVATE, params=asked)
    if reply.status != 200:
        raise Unreachable(Obstacle.NETWORK, f"The confirmation was answered with status {reply.status}.")
    logger.info("the topic %s tells from now on", topic)


def message_of(body: bytes) -> Any:
    """What a notification carries, or None where that is no JSON, as in the test of a topic, or where it is another
    kind of message."""
    told = msgspec.json.decode(body)
    if told["Type"] != NOTIFICATION:
        return None
    try:
        return msgspec.json.decode(told["Message"])
    except msgspec.DecodeError:
        return None


def _host(topic: str) -> str:
    """Where SNS stands in the region of one of our topics."""
    return f"sns.{topic.split(':')[3]}.amazonaws.com{'.cn' if topic.startswith(_OF_CHINA) else ''}"


def _certificate(address: str, host: str) -> Certificate:
    parts = urlsplit(address)
    if (parts.scheme, parts.netloc, parts.query, parts.fragment) != ("https", host, "", ""):
        raise Doubtful("address of the certificate")
    if not _CERTIFICATE.fullmatch(parts.path):
        raise Doubtful("address of the certificate")
    address = f"https://{host}{parts.path}"
    key = f"outbox:sns:{hashlib.sha256(address.encode()).hexdigest()}"
    kept = cache.get(key)
    text = kept if isinstance(kept, str) else _read(address)
    found = load_pem_x509_certificate(text.encode())
    if not found.not_valid_before_utc <= datetime.now(UTC) <= found.not_valid_after_utc:
        raise Doubtful("certificate")
    if kept is None:
        cache.set(key, text, KEPT)
    return found


def _read(address: str) -> str:
    counter = f"outbox:sns:read:{int(time.time() // 60)}"
    if not cache.add(counter, 1, 120) and cache.incr(counter) > MOST_READ:
        raise Unreachable(Obstacle.NETWORK, "Too many certificates were asked for.")
    with HOOKS.take(None):
        reply = ask(address, allow_private=settings.UPSTREAM_ALLOW_PRIVATE)
    if reply.status != 200:
        raise Unreachable(Obstacle.NETWORK, f"The certificate was answered with status {reply.status}.")
    return reply.content.decode("ascii")

"""Where secrets sleep: an encrypted model field, the key ring behind it, and text that never shows itself.

The keys are ``TOKEN_KEYS``, newest first: the first encrypts, all of them decrypt, so a key is rotated by putting a new
one in front, running ``manage.py rotate_tokens``, and taking the old one away. What is sealed begins with the mark of
its key, so that one that is missing can be named.
"""

import base64
import hashlib
import hmac
import secrets
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from django.conf import settings
from django.db import models

HIDDEN = "•••"


class VaultError(Exception):
    """A secret cannot be read with the keys at hand; its stored form is left as it is."""


class Masked(str):
    """A secret in memory: equal to its text, but its repr and its formatted form are dots."""

    __slots__ = ()

    def __repr__(self) -> str:
        return HIDDEN

    def __str__(self) -> str:
        return HIDDEN

    def __format__(self, spec: str) -> str:
        return HIDDEN

    def reveal(self) -> str:
        """The secret itself, for the one line that sends it."""
        return str.__add__(self, "")


def new_key() -> str:
    """A fresh vault key, as ``TOKEN_KEYS`` takes it."""
    return Fernet.generate_key().decode("ascii")


@lru_cache(maxsize=4)
def _ring(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def ring() -> MultiFernet:
    return _ring(tuple(settings.TOKEN_KEYS))


@lru_cache(maxsize=16)
def mark(key: str) -> str:
    """What a key of ``TOKEN_KEYS`` is called where the key itself may not be shown: eight hex digits."""
    return hashlib.blake2b(key.encode(), person=b"ringbook-mark", digest_size=4).hexdigest()


def seal(secret: str) -> str:
    """Encrypt under the newest key; the answer is ASCII."""
    return f"{mark(settings.TOKEN_KEYS[0])}:{ring().encrypt(secret.encode()).decode('ascii')}"


def unseal(sealed: str) -> Masked:
    """The secret; raises VaultError, which names the key that is missing, if none of ``TOKEN_KEYS`` opens it."""
    key, _, content = sealed.rpartition(":")  # older ones have no mark
    try:
        return Masked(ring().decrypt(content.encode("ascii")).decode())
    except (InvalidToken, UnicodeError) as error:
        marks = [mark(token_key) for token_key in settings.TOKEN_KEYS]
        if key in marks:
            raise VaultError(f"The stored secret is damaged: its key {key} is there and does not open it.") from error
        needed = f"the key {key}, which" if key else "a key that"
        raise VaultError(
            f"The stored secret needs {needed} is not among TOKEN_KEYS (these are {', '.join(marks)})."
        ) from error


def keyed_hash(purpose: str, *parts: str, size: int = 16) -> str:
    """A hash nobody can make without our key: for fingerprints, contact ids and tombstones. Hex, ``2 * size`` long.

    The key is derived from ``SECRET_KEY`` and not from the ring, so that rotating token keys changes no address.
    """
    key = hashlib.blake2b(settings.SECRET_KEY.encode(), person=b"ringbook-keyed", digest_size=32).digest()
    text = "\x1f".join((purpose, *parts)).encode()
    return hmac.digest(key, text, "sha256")[:size].hex()


def sealed_id(purpose: str, owner: str, content: bytes) -> str:
    """An id that hides ``content`` and is the same each time: a keyed hash, and under it the content itself (AES-SIV).

    URL-safe text. Like :func:`keyed_hash` it does not change when token keys rotate.
    """
    sealed = _siv().encrypt(content, [purpose.encode(), owner.encode()])
    return base64.urlsafe_b64encode(sealed).decode("ascii").rstrip("=")


def open_id(purpose: str, owner: str, text: str) -> bytes | None:
    """What :func:`sealed_id` hid; None for an id of another purpose or owner, or for no id at all."""
    try:
        sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return _siv().decrypt(sealed, [purpose.encode(), owner.encode()])
    except (InvalidTag, ValueError):
        return None


def _siv() -> AESSIV:
    return _siv_of(settings.SECRET_KEY)


@lru_cache(maxsize=4)
def _siv_of(secret: str) -> AESSIV:
    return AESSIV(hashlib.blake2b(secret.encode(), person=b"ringbook-ids", digest_size=64).digest())


def new_secret(prefix: str) -> str:
    """A secret to be shown once; the prefix lets scanners find leaked ones."""
    return f"{prefix}{base64.urlsafe_b64encode(secrets.token_bytes(30)).decode('ascii')}"


class EncryptedText(models.TextField):  # type: ignore[type-arg]  # Django has no runtime generics
    """Text that is encrypted in the database and :class:`Masked` in memory. It can't be searched."""

    def from_db_value(self, value: str | None, *_: Any) -> Masked | None:
        return None if value is None else unseal(value) if value else Masked("")

    def get_prep_value(self, value: Any) -> Any:
        if value is None or value == "":
            return value
        return seal(value.reveal() if isinstance(value, Masked) else value)

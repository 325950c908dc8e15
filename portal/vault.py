"""Where secrets sleep: an encrypted model field, the key ring behind it, and text that never shows itself.

The keys are ``TOKEN_KEYS``, newest first: the first encrypts, all of them decrypt, so a key is rotated by putting a new
one in front, running ``manage.py rotate_tokens``, and taking the old one away. What is sealed carries the mark of its
key, so that one that is missing can be named.

A secret is sealed *for a place*: the words given to :func:`seal` have to be given to :func:`unseal` again, so what is
copied to another place does not open there. The field gives table, column, tenant and row. Secrets of before that were
bound to nothing; they open until ``TOKENS_BOUND`` is set, and ``rotate_tokens`` binds them.
"""

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV
from django.conf import settings
from django.core import checks
from django.db import models
from django.db.models.query_utils import DeferredAttribute

HIDDEN = "•••"
BOUND = "bound"  # what is sealed for a place begins with it
ROW = ("tenant_id", "public_id")  # a row's own part of the place its secrets are sealed for
_NONCE = 12


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


@lru_cache(maxsize=16)
def mark(key: str) -> str:
    """What a key of ``TOKEN_KEYS`` is called where the key itself may not be shown: eight hex digits."""
    return hashlib.blake2b(key.encode(), person=b"ringbook-mark", digest_size=4).hexdigest()


def seal(secret: str, *place: object) -> str:
    """Encrypt under the newest key, for ``place`` alone; the answer is ASCII, and another one each time."""
    key = settings.TOKEN_KEYS[0]
    nonce = os.urandom(_NONCE)
    content = base64.urlsafe_b64encode(nonce + _cipher(key).encrypt(nonce, secret.encode(), _told(place)))
    return f"{BOUND}:{mark(key)}:{content.decode('ascii')}"


def unseal(sealed: str, *place: object) -> Masked:
    """The secret that was sealed for ``place``.

    Raises VaultError, which names the key that is missing if none of ``TOKEN_KEYS`` opens it.
    """
    if not sealed.startswith(f"{BOUND}:"):
        return _unseal_unbound(sealed)
    needed, _, content = sealed.removeprefix(f"{BOUND}:").partition(":")
    key = next((key for key in settings.TOKEN_KEYS if mark(key) == needed), None)
    if key is None:
        raise _key_missing(needed)
    try:
        raw = base64.b64decode(content, altchars=b"-_", validate=True)
        return Masked(_cipher(key).decrypt(raw[:_NONCE], raw[_NONCE:], _told(place)).decode())
    except (InvalidTag, ValueError) as error:
        raise VaultError(
            f"The stored secret is damaged, or was sealed for another place: its key {needed} does not open it here."
        ) from error


def _unseal_unbound(sealed: str) -> Masked:
    """A secret as it was sealed before secrets were bound to places, with the mark of its key or, once, without."""
    if settings.TOKENS_BOUND:
        raise VaultError("The stored secret is bound to no place, and TOKENS_BOUND refuses such: enter it again.")
    needed, _, content = sealed.rpartition(":")
    try:
        return Masked(_old_ring(tuple(settings.TOKEN_KEYS)).decrypt(content.encode("ascii")).decode())
    except (InvalidToken, UnicodeError) as error:
        if needed in map(mark, settings.TOKEN_KEYS):
            raise VaultError(
                f"The stored secret is damaged: its key {needed} is there and does not open it."
            ) from error
        raise _key_missing(needed) from error


def _key_missing(needed: str) -> VaultError:
    marks = ", ".join(map(mark, settings.TOKEN_KEYS))
    key = f"the key {needed}, which" if needed else "a key that"
    return VaultError(f"The stored secret needs {key} is not among TOKEN_KEYS (these are {marks}).")


def _told(place: Iterable[object]) -> bytes:
    """The words of a place as one text that no other words make."""
    return b"".join(b"%d:%b" % (len(word), word) for word in (str(part).encode() for part in place))


@lru_cache(maxsize=16)
def _cipher(key: str) -> AESGCM:
    """Of a key of ``TOKEN_KEYS``; not the key itself, which opens the older form."""
    return AESGCM(hashlib.blake2b(base64.urlsafe_b64decode(key), person=b"ringbook-bound", digest_size=32).digest())


@lru_cache(maxsize=4)
def _old_ring(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


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


class Sealed(str):
    """A secret as it is stored. The row that it belongs to opens it."""

    __slots__ = ()


class _SecretOfRow(DeferredAttribute):
    """Opens a row's secret when it is asked for, so that one that does not open hides nothing else of its row."""

    field: Any

    def __get__(self, instance: Any, cls: Any = None) -> Any:
        value = super().__get__(instance, cls)
        return unseal(value, *self.field.place(instance)) if isinstance(value, Sealed) else value

    def __set__(self, instance: Any, value: Any) -> None:
        plain = value is None or isinstance(value, Sealed | Masked)
        instance.__dict__[self.field.attname] = value if plain else Masked(value)


class EncryptedText(models.TextField):  # type: ignore[type-arg]  # Django has no runtime generics
    """Text that is encrypted in the database and :class:`Masked` in memory. It can't be searched.

    It is sealed for its table, column, tenant and row, so it is written with its row alone: ``update`` and
    ``bulk_update`` know no row, and raise VaultError. Reading it raises VaultError where it does not open.
    """

    descriptor_class = _SecretOfRow

    def place(self, row: models.Model) -> tuple[object, ...]:
        """What the secret of ``row`` is sealed for."""
        return (row._meta.db_table, self.column, *(getattr(row, name) for name in ROW))

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        lacking = [name for name in ROW if not hasattr(self.model, name)]
        hint = "An encrypted field is sealed for its row: make the model a PublicModel."
        errors = [checks.Error(f"The model has no {name}.", hint=hint, obj=self, id="vault.E001") for name in lacking]
        return [*super().check(**kwargs), *errors]

    def from_db_value(self, value: str | None, *_: Any) -> Sealed | Masked | None:
        return None if value is None else Sealed(value) if value else Masked("")

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = getattr(model_instance, self.attname)
        if not value:
            return value
        return Sealed(seal(value.reveal() if isinstance(value, Masked) else value, *self.place(model_instance)))

    def get_prep_value(self, value: Any) -> Any:
        if value is None or isinstance(value, Sealed):
            return value
        if len(value):
            raise VaultError("A secret is sealed for its row: save the row, instead of writing the column.")
        return ""

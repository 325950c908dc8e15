"""The cache that processes share: Redis, with values as JSON.

Django's own serialiser is pickle, and reading a pickle runs what is in it: whoever can write to Redis would run code in
every web process. What is read here is data or nothing.
"""

import json
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.redis import RedisCache

from portal import django_inside

_UNREADABLE = object()
_COUNT = "if redis.call('exists', KEYS[1]) == 0 then return false end return redis.call('incrby', KEYS[1], ARGV[1])"
# What JSON has no form for, by the name it goes under; tuples come back as lists.
_WRITE: dict[type, tuple[str, Any]] = {
    datetime: ("datetime", datetime.isoformat),
    date: ("date", date.isoformat),
    Decimal: ("decimal", str),
    UUID: ("uuid", str),
}
_READ: dict[str, Any] = {
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "decimal": Decimal,
    "uuid": UUID,
}
_MARK = "__form__"


class JsonSerializer:
    """Numbers, texts, lists, dictionaries by text, moments, days, decimals and UUIDs. Raises TypeError for all else."""

    def dumps(self, value: object) -> str | int:
        """Whole numbers stay as they are, so that Redis can count with them."""
        return value if type(value) is int else json.dumps(value, default=_write, separators=(",", ":"))

    def loads(self, data: bytes) -> Any:
        """The value; what is no JSON of ours is told by a mark that :class:`SharedCache` takes for nothing at all."""
        try:
            return json.loads(data, object_hook=_read)
        except (ValueError, ArithmeticError, RecursionError):
            return _UNREADABLE


class SharedCache(RedisCache):
    """Django's, in which a value that cannot be read is as good as none: of an earlier release, or planted."""

    def __init__(self, server: str | list[str], params: dict[str, Any]) -> None:
        options = {"serializer": JsonSerializer} | params.get("OPTIONS", {})
        super().__init__(server, params | {"OPTIONS": options})

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        found = super().get(key, _UNREADABLE, version)
        return default if found is _UNREADABLE else found

    def get_many(self, keys: Iterable[Any], version: int | None = None) -> dict[Any, Any]:
        found = super().get_many(keys, version)
        return {key: value for key, value in found.items() if value is not _UNREADABLE}

    def add(self, key: Any, value: Any, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """As Django's; what cannot be read is no value, and gives way."""
        if super().add(key, value, timeout, version):
            return True
        if super().get(key, None, version) is not _UNREADABLE:
            return False
        self.delete(key, version)
        return bool(super().add(key, value, timeout, version))

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        """As Django's, in one step. Between looking for a count and adding to it, it may end, and would begin anew
        without an end: a limit that is used up once would never open again.
        """
        name = self.make_and_validate_key(key, version=version)
        count = django_inside.redis_of(self, name).eval(_COUNT, 1, name, delta)
        if count is None:
            raise ValueError("There is no such count.")
        return int(count)


def _write(value: object) -> dict[str, str]:
    form = _WRITE.get(type(value))
    if form is None:
        raise TypeError(f"{type(value).__name__} cannot be kept in the shared cache.")
    return {_MARK: form[0], "value": form[1](value)}


def _read(found: dict[str, Any]) -> Any:
    read = _READ.get(str(found.get(_MARK)))
    return read(str(found["value"])) if read is not None and "value" in found else found

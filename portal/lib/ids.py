"""Identifiers that sort by time."""

import secrets
import time
from uuid import UUID


def uuid7(at_ms: int | None = None, tail: bytes | None = None) -> UUID:
    """A version 7 UUID (RFC 9562): milliseconds first, so that new rows land at the end of an index.

    ``at_ms`` is Unix time in milliseconds, now by default; ``tail`` ten bytes that stand for the random part, for an id
    that has to come out the same each time.
    """
    at_ms = int(time.time() * 1000) if at_ms is None else max(0, min(at_ms, (1 << 48) - 1))
    rest = int.from_bytes(tail or secrets.token_bytes(10), "big")
    number = at_ms << 80 | 0x7 << 76 | (rest >> 64 & 0xFFF) << 64 | 0x2 << 62 | rest & (1 << 62) - 1
    return UUID(int=number)

"""Identifiers that sort by time, and the form of sealed ones."""

import re
import secrets
import time
from uuid import UUID

_SEALED = re.compile(r"[A-Za-z0-9_-]{32}|[A-Za-z0-9_-]{44}")


def uuid7_number(at_ms: int, rest: int) -> int:
    """A version 7 UUID (RFC 9562) as a number: milliseconds of Unix time first, then 74 of the bits of ``rest``."""
    return at_ms << 80 | 0x7 << 76 | (rest >> 64 & 0xFFF) << 64 | 0x2 << 62 | rest & 0x3FFFFFFFFFFFFFFF


def uuid7() -> UUID:
    """A version 7 UUID of this moment, so that new rows land at the end of an index."""
    return UUID(int=uuid7_number(int(time.time() * 1000), secrets.randbits(80)))


def is_sealed_id(text: str) -> bool:
    """Whether a text has the form of a sealed id (:mod:`portal.vault`), and so is no number."""
    return bool(_SEALED.fullmatch(text)) and not text.isdecimal()

"""OriginsAI's one endpoint: every call of an agent as a bare array, sent piece by piece."""

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

INTEGER = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)  # of any sign: no bounds are documented
_encode = msgspec.json.Encoder().encode


def refusal(detail: str) -> bytes:
    return _encode({"detail": detail})


def not_a_number() -> bytes:
    problem = {"loc": ["path", "agent_id"], "msg": "value is not a valid integer", "type": "type_error.integer"}
    return _encode({"detail": [problem]})


def array(elements: Sequence[bytes], more: Iterable[bytes] = ()) -> Iterator[bytes]:
    """The array's bytes in pieces of about 64 KiB; it is never held whole."""
    pending, size, before = [b"["], 1, b""
    for source in (elements, more):
        for element in source:
            pending += (before, element)
            size += len(element) + 1
            before = b","
            if size > 65_536:
                yield b"".join(pending)
                pending, size = [], 0
    yield b"".join([*pending, b"]"])


def size(elements: Sequence[bytes], more: int = 0, each: int = 0) -> int:
    """The bytes of :func:`array` over these elements and ``more`` others of ``each`` bytes."""
    count = len(elements) + more
    return sum(map(len, elements)) + more * each + max(count - 1, 0) + 2

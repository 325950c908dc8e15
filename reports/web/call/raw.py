"""The vendor's element as text for eyes: in lines, with its numbers and the order of its keys, and never too long."""

import re
from dataclasses import dataclass

MOST_CHARACTERS = 32_000
_MOST_INDENT = 40
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\],:]|[^\s"{}\[\],:]++')
_OPENING, _CLOSING = "{[", "}]"
# What turns the direction of a line, hides or rings is written as its escape, which is the same text to a program.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


@dataclass(frozen=True, slots=True)
class Raw:
    text: str
    cut: bool
    size: int  # of the whole, in bytes


def raw(payload: str) -> Raw:
    """The first part of a JSON text, one member to a line. Costs what is shown, however long the whole is."""
    out: list[str] = []
    length, depth, before = 0, 0, ""
    for match in _TOKEN.finditer(payload):
        token = match[0]
        if token in _CLOSING:
            depth = max(0, depth - 1)
        piece = _piece(token, before, depth)
        out.append(piece)
        length += len(piece)
        if length > MOST_CHARACTERS:
            break
        if token in _OPENING:
            depth += 1
        before = token
    text = _UNSEEN.sub(_escaped, "".join(out)[:MOST_CHARACTERS])
    return Raw(text, length > MOST_CHARACTERS, len(payload.encode()))


def _piece(token: str, before: str, depth: int) -> str:
    if token in (",", ":"):
        return token
    if before == ":":
        return f" {token}"
    empty = token in _CLOSING and before in _OPENING and before
    if not before or empty:
        return token
    return "\n" + "  " * min(depth, _MOST_INDENT) + token


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"

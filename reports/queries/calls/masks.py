"""Numbers hidden in a payload, for readers who may not see them.

Three rules, so that the number is nowhere: a value under a key that holds numbers is masked; the digits of those
numbers are masked in every other text, also in national form or with blanks and hyphens between; and in the parts
where people speak or write freely, whatever looks like a phone number is masked.

Every expression reads a text once from end to end: who writes the text also chooses what it costs.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from portal.lib import phones

NUMBER_KEYS = frozenset(
    {
        "to",
        "from",
        "to_formatted",
        "from_formatted",
        "to_number",
        "from_number",
        "number",
        "formatted_number",
        "international_number",
        "phone",
        "phone_number",
        "caller_number",
        "callee_number",
        "caller_id",
        "msisdn",
    }
)
FREE_PARTS = frozenset(
    {
        "call_transcription",
        "call_context",
        "call_insights",
        "call_quality",
        "call_timeline",
        "call_state_changes",
        "tool_data",
    }
)
DEPTH = 100  # below it nothing is shown
_TAIL = 8  # digits that tell one subscriber from another, whatever stands before them
_SHORTEST = 7
_FEW = 50  # numbers in one element; with more it pays to cut a run of digits into windows
# Digits of any script, with a few signs between: blanks, hyphens of all lengths, marks of direction, dots, brackets.
_BETWEEN = r"\s().\-\u2010-\u2015\u2212\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
_RUN = re.compile(rf"\d(?:[{_BETWEEN},_/]{{0,4}}+\d){{6,}}+")
_SPOKEN = re.compile(rf"\d(?:[{_BETWEEN}]{{0,4}}+\d){{7,}}+")
_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})(?!\d)")
_MASK = "•"


def hide_numbers(element: Any, numbers: Iterable[str] = ()) -> Any:
    """The decoded payload with its numbers, and ``numbers``, masked; keys and order stay, as deep as anybody looks."""
    tails = _tails(_numbers(element)) | _tails(phones.contact_digits(number) for number in numbers)
    if not isinstance(element, Mapping):
        return _hidden(element, tails, free=False)
    return {
        _without(str(key), tails): _hidden(value, tails, free=key in FREE_PARTS, key=str(key))
        for key, value in element.items()
    }


def hide_in(text: str, numbers: Iterable[str], *, free: bool = False) -> str:
    """A text with ``numbers`` masked wherever it holds them; when it was written freely, all that look like one."""
    return str(_hidden(text, _tails(phones.contact_digits(number) for number in numbers), free=free))


def hide_any(text: str) -> str:
    """A word of a vendor's, such as a cause, with every run of digits masked that is as long as a number."""
    return _RUN.sub(lambda run: _dots(run[0]), text)


def holds_number(text: str) -> bool:
    """Whether :func:`hide_any` would mask something of it."""
    return _RUN.search(text) is not None


def _tails(numbers: Iterable[str]) -> set[str]:
    return {digits[-_TAIL:] for digits in numbers if len(digits) >= _SHORTEST}


def _numbers(element: Any, depth: int = DEPTH) -> Iterator[str]:
    """The digits of every number under a key that holds numbers."""
    if not depth:
        return
    if isinstance(element, Mapping):
        for key, value in element.items():
            if key in NUMBER_KEYS and isinstance(value, str | int):
                yield phones.contact_digits(str(value))
            else:
                yield from _numbers(value, depth - 1)
    elif isinstance(element, list):
        for item in element:
            yield from _numbers(item, depth - 1)


def _hidden(value: Any, tails: set[str], *, free: bool, key: str = "", depth: int = DEPTH) -> Any:
    if not depth:
        return "…"
    if isinstance(value, Mapping):
        return {
            _without(str(name), tails): _hidden(item, tails, free=free, key=str(name), depth=depth - 1)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_hidden(item, tails, free=free, key=key, depth=depth - 1) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    text = str(value)
    if key in NUMBER_KEYS and len(phones.digits(text)) > 3:
        return phones.masked(text)
    hidden = _without(text, tails)
    if free and isinstance(value, str):
        hidden = _SPOKEN.sub(_unless_other, hidden)
    elif free and len(text) >= _TAIL and isinstance(value, int):
        hidden = _dots(text)
    return value if hidden == text else hidden


def _without(text: str, tails: set[str]) -> str:
    """The text with every run of digits masked that holds one of the numbers."""
    if not tails:
        return text
    return _RUN.sub(lambda run: _dots(run[0]) if _holds(run[0], tails) else run[0], text)


def _holds(run: str, tails: set[str]) -> bool:
    digits = phones.digits(run) if run.isascii() else _ascii_digits(run)
    if len(tails) < _FEW:
        return any(tail in digits for tail in tails)
    windows = (digits[at : at + size] for size in (_SHORTEST, _TAIL) for at in range(len(digits) - size + 1))
    return not tails.isdisjoint(windows)


def _ascii_digits(text: str) -> str:
    """The digits of a text, whatever their script."""
    return "".join(str(unicodedata.digit(character)) for character in text if character.isdecimal())


def _unless_other(run: re.Match[str]) -> str:
    """Days, times of day, and digits that come out of a word or go on as one, are no phone numbers."""
    text, (start, end) = run.string, run.span()
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    if any(sign.isalnum() or sign in ("_", "-") for sign in (before[-1:], after[:1]) if sign):
        return run[0]
    if _is_clock(before) or _is_clock(after[::-1]):
        return run[0]
    return "".join(part if _DAY.fullmatch(part) else _dots(part) for part in _DAY.split(run[0]))


def _is_clock(signs: str) -> bool:
    return len(signs) == 2 and signs[0].isdecimal() and signs[1] == ":"


def _dots(run: str) -> str:
    """All digits but the last four become dots."""
    hide = sum(character.isdecimal() for character in run) - 4
    out = []
    for character in run:
        if character.isdecimal() and hide > 0:
            hide -= 1
            character = _MASK
        out.append(character)
    return "".join(out)

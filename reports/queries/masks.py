"""Numbers hidden in a payload, for readers who may not see them.

Three rules, so that the number is nowhere: a value under a key that holds numbers is masked; the digits of those
numbers are masked in every other text, also in national form or with blanks and hyphens between; and in the parts
where people speak or write freely, whatever looks like a phone number is masked.
"""

import re
from collections.abc import Iterator, Mapping
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
_TAIL = 8  # digits that tell one subscriber from another, whatever stands before them
_SHORTEST = 7
_RUN = re.compile(r"[0-9](?:[\s().\-/]*[0-9]){6,}")
_LOOKS_LIKE_NUMBER = re.compile(r"(?<![\w.-])\+?\(?[0-9](?:[\s().\-]*[0-9]){7,}(?![\w-])")
_BEGINS_WITH_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MASK = "•"


def hide_numbers(element: Any) -> Any:
    """The decoded payload with its numbers masked; keys and order stay."""
    tails = {digits[-_TAIL:] for digits in _numbers(element) if len(digits) >= _SHORTEST}
    if not isinstance(element, Mapping):
        return _hidden(element, tails, free=False)
    return {
        _without(str(key), tails): _hidden(value, tails, free=key in FREE_PARTS, key=str(key))
        for key, value in element.items()
    }


def _numbers(element: Any) -> Iterator[str]:
    """The digits of every number under a key that holds numbers."""
    if isinstance(element, Mapping):
        for key, value in element.items():
            if key in NUMBER_KEYS and isinstance(value, str | int):
                yield phones.contact_digits(str(value))
            else:
                yield from _numbers(value)
    elif isinstance(element, list):
        for item in element:
            yield from _numbers(item)


def _hidden(value: Any, tails: set[str], *, free: bool, key: str = "") -> Any:
    if isinstance(value, Mapping):
        return {
            _without(str(name), tails): _hidden(item, tails, free=free, key=str(name)) for name, item in value.items()
        }
    if isinstance(value, list):
        return [_hidden(item, tails, free=free, key=key) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    text = str(value)
    if key in NUMBER_KEYS and len(phones.digits(text)) > 3:
        return phones.masked(text)
    hidden = _without(text, tails)
    if free and isinstance(value, str):
        hidden = _LOOKS_LIKE_NUMBER.sub(_unless_day, hidden)
    elif free and len(text) >= _TAIL and isinstance(value, int):
        hidden = _dots(text)
    return value if hidden == text else hidden


def _without(text: str, tails: set[str]) -> str:
    """The text with every run of digits masked that holds one of the numbers."""
    if not tails:
        return text
    return _RUN.sub(lambda run: _dots(run[0]) if _holds(run[0], tails) else run[0], text)


def _holds(run: str, tails: set[str]) -> bool:
    digits = phones.digits(run)
    return any(tail in digits for tail in tails)


def _unless_day(found: re.Match[str]) -> str:
    return found[0] if _BEGINS_WITH_DAY.match(found[0]) else _dots(found[0])


def _dots(run: str) -> str:
    """All digits but the last four become dots."""
    hide = len(phones.digits(run)) - 4
    out = []
    for character in run:
        if character in "0123456789" and hide > 0:
            hide -= 1
            character = _MASK
        out.append(character)
    return "".join(out)

"""What is personal in a payload, hidden from readers who may not see numbers: one rule for every face.

A value under a key that holds numbers is masked, one under a key that names a person, an address or a document is
hidden (``reports.queries.calls.personal``). The digits of the call's own numbers, and names that were hidden, are
hidden in every other text too. Whatever looks like a phone number, an e-mail address or a CPF is masked in any text,
and where people speak or write freely every row of digits that is as long as a number.

Every expression reads a text once from end to end: who writes the text also chooses what it costs.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from portal.lib import number_runs, phones
from portal.lib.number_runs import Run
from reports.queries.calls.personal import LONGEST_KEY, Field, field_of, is_time, labelled, words, words_of

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
HIDDEN = "•••"
_TAIL = 8  # digits that tell one subscriber from another, whatever stands before them
_FEW = 50  # numbers in one element; with more it pays to cut a run of digits into windows
_MOST_NAMES = 50
_SAYS = words(
    "argument arguments comment comments conversation dialog mensagem message messages nota note notes "
    "observacao output response result results resumo said summary text texto transcricao transcript "
    "transcription utterance"
)
# Digits of any script, with a few signs between: blanks, hyphens of all lengths, marks of direction, dots, brackets.
_BETWEEN = r"\s().\-\u2010-\u2015\u2212\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
_SPOKEN = re.compile(rf"\d(?:[{_BETWEEN}]{{0,4}}+\d){{7,}}+")
_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})(?!\d)")
_EMAIL = re.compile(r"(?<![\w.+%-])[\w.+%-]++@[\w-]++(?:\.[\w-]++)++")
_MASK = "•"
_LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Mask:
    """What is hidden of one element wherever it stands: ends of numbers, and names."""

    tails: frozenset[str] = frozenset()
    names: tuple[str, ...] = ()  # whole ones
    parts: tuple[str, ...] = ()  # single words of them, hidden where somebody speaks

    @classmethod
    def of(cls, element: Any, numbers: Iterable[str] = ()) -> "Mask":
        """Of a decoded payload, and ``numbers`` besides those that it names."""
        told = {Field.NUMBER: set[str](), Field.PERSON: set[str]()}
        for field, text in _told(element):
            told[field].add(text)
        names = {name for text in told[Field.PERSON] if 2 < len(name := text.strip()) <= _LONGEST_NAME}
        longest_first = sorted(names, key=len, reverse=True)[:_MOST_NAMES]
        parts = {part for name in longest_first for part in re.findall(r"\w{3,}", name) if part[0].isupper()}
        own = {part for part in parts if field_of(f"{part}_name") is not Field.PERSON}  # not "Customer"
        return cls(_tails([*told[Field.NUMBER], *numbers]), tuple(longest_first), tuple(sorted(own)))

    def element(self, element: Any) -> Any:
        """The decoded payload as it may be shown; keys and order stay, as deep as anybody looks."""
        return self._hidden(element, "", ("", False), DEPTH)

    def text(self, text: str, *, free: bool = False) -> str:
        """A text as it may be shown; ``free`` where it was written or said freely."""
        text = number_runs.rewrite(self._nameless(text), self._dotted)
        if free:
            for part in self.parts:
                text = _sub(part, text) if part in text else text
            text = _SPOKEN.sub(_unless_other, text)
        return text

    def _nameless(self, text: str) -> str:
        text = _EMAIL.sub(f"{HIDDEN}@{HIDDEN}", text) if "@" in text else text
        plain = text.casefold() if self.names else ""
        for name in self.names:
            text = _sub(name, text, re.IGNORECASE) if name.casefold() in plain else text
        return text

    def _hidden(self, value: Any, key: str, place: tuple[str, bool], depth: int) -> Any:
        """``place`` is the key above, and whether people speak there."""
        parent, free = place
        if not depth:
            return "…"
        key = key[:LONGEST_KEY]
        free = free or key in FREE_PARTS or not _SAYS.isdisjoint(words_of(key))
        field = field_of(key, parent)
        if field is Field.PRIVATE:
            return _blanked(value, depth)
        if isinstance(value, Mapping):
            named = labelled(value)
            return {
                self._key(str(name)): self._hidden(item, *_below(named, key, str(name), free=free), depth - 1)
                for name, item in value.items()
            }
        if isinstance(value, list):
            return [self._hidden(item, key, (parent, free), depth - 1) for item in value]
        if isinstance(value, bool | float) or value is None:
            return value
        text = str(value)
        if field is Field.PERSON and text and isinstance(value, str) and not _is_json(text):
            return HIDDEN
        if field is Field.NUMBER and len(phones.digits(text)) > 3 and not _EMAIL.search(text):
            return phones.masked(text)
        if isinstance(value, str):
            hidden = self._within(text, key, (parent, free), depth) if _is_json(text) else self.text(text, free=free)
        elif free and len(text) >= _TAIL:
            hidden = _dots(text)
        else:
            hidden = text if is_time(key) or ("id" in words_of(key) and not self._knows(text)) else self.text(text)
        return value if hidden == text else hidden

    def _within(self, text: str, key: str, place: tuple[str, bool], depth: int) -> str:
        """JSON inside a text, such as the arguments of a tool."""
        try:
            element = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return self.text(text, free=place[1])
        hidden = self._hidden(element, key, place, depth - 1)
        return text if hidden == element else json.dumps(hidden, ensure_ascii=False)

    def _key(self, key: str) -> str:
        plain = key.islower() and key.replace("_", "").isalpha()  # as nearly all are
        return key if plain else number_runs.rewrite(self._nameless(key), self._dotted)

    def _knows(self, text: str) -> bool:
        return any(_holds(run.digits, self.tails) for run in number_runs.runs(text))

    def _dotted(self, run: Run) -> Iterator[tuple[int, str]]:
        """The digits of a run that are hidden: all but four of one that holds a known number, those of a CPF, and all
        but four of each part that looks like a number.
        """
        length = len(run.digits)
        if _holds(run.digits, self.tails):
            yield from ((place, _MASK) for place in range(length - 4))
            return
        if number_runs.is_document(run.digits):
            yield from ((place, _MASK) for place in range(length))
            return
        parts = number_runs.dialled(run)
        for first, last in parts:
            yield from ((place, _MASK) for place in range(first, last - 4))
        for first, last in run.groups() if not parts else ():
            if number_runs.is_document(run.digits[first:last]):
                yield from ((place, _MASK) for place in range(first, last))


def mask_payload(element: Any, numbers: Iterable[str] = ()) -> Any:
    """The decoded payload as somebody may see it who may not see numbers."""
    return Mask.of(element, numbers).element(element)


def hide_in(text: str, numbers: Iterable[str], *, free: bool = False) -> str:
    """A text with ``numbers`` hidden wherever it holds them, and all that looks like a number or an address."""
    return Mask(_tails(numbers)).text(text, free=free)


def hide_any(text: str) -> str:
    """A word of a vendor's, such as a cause, with every run of digits masked that is as long as a number."""
    text = _EMAIL.sub(f"{HIDDEN}@{HIDDEN}", text)
    return number_runs.rewrite(text, lambda run: ((place, _MASK) for place in range(len(run.digits) - 4)))


def holds_number(text: str) -> bool:
    """Whether :func:`hide_any` would mask something of it."""
    return hide_any(text) != text


def _tails(numbers: Iterable[str]) -> frozenset[str]:
    contacts = map(phones.contact_digits, numbers)
    return frozenset(digits[-_TAIL:] for digits in contacts if len(digits) >= number_runs.SHORTEST)


def _sub(name: str, text: str, flags: int = 0) -> str:
    return re.sub(rf"\b{re.escape(name)}\b", HIDDEN, text, flags=flags)


def _told(element: Any, key: str = "", parent: str = "", depth: int = DEPTH) -> Iterator[tuple[Field, str]]:
    """Every number and every name under a key that holds one."""
    if not depth:
        return
    if isinstance(element, Mapping):
        named = labelled(element)
        for name, item in element.items():
            below, (above, _free) = _below(named, key, str(name), free=False)
            yield from _told(item, below, above, depth - 1)
    elif isinstance(element, list):
        for item in element:
            yield from _told(item, key, parent, depth - 1)
    elif isinstance(element, str | int) and not isinstance(element, bool):
        field, text = field_of(key[:LONGEST_KEY], parent[:LONGEST_KEY]), str(element)
        if isinstance(element, str) and _is_json(text):
            try:
                yield from _told(msgspec.json.decode(text), key, parent, depth - 1)
            except (msgspec.DecodeError, UnicodeError, RecursionError):
                return
        elif field in (Field.NUMBER, Field.PERSON):
            yield field, text


def _below(named: tuple[str, str] | None, key: str, name: str, *, free: bool) -> tuple[str, tuple[str, bool]]:
    """Under which key, and where, a member of the object under ``key`` counts as standing."""
    if named is not None:
        label, value = named
        return (label, (key, free)) if name == value else ("", (key, free))
    return name, (key, free)


def _is_json(text: str) -> bool:
    return text.lstrip()[:1] in ("{", "[")


def _blanked(value: Any, depth: int) -> Any:
    """The same form without anything in it."""
    if not depth:
        return "…"
    if isinstance(value, Mapping):
        return {str(name): _blanked(item, depth - 1) for name, item in value.items()}
    if isinstance(value, list):
        return [_blanked(item, depth - 1) for item in value]
    return value if isinstance(value, bool) or value is None or value == "" else HIDDEN


def _holds(digits: str, tails: frozenset[str]) -> bool:
    if len(tails) < _FEW:
        return any(tail in digits for tail in tails)
    sizes = (number_runs.SHORTEST, _TAIL)
    windows = (digits[at : at + size] for size in sizes for at in range(len(digits) - size + 1))
    return not tails.isdisjoint(windows)


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

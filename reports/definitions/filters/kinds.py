"""The kinds of values a filter can have: how each is read, written and described in the schema of the API."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from django.utils.translation import gettext as _

from portal.lib.ids import is_sealed_id
from portal.lib.phones import AREA_CODES, digits
from reports.definitions.filters.address import MOST_SECONDS, AddressReader
from reports.definitions.filters.chosen import NONE, bare, guarded
from reports.definitions.labels import MATCH_LABELS, Words

LEAST_DIGITS = 4  # of a number to look for a part of
MOST_DIGITS = 40  # a contact has no more
Schema = dict[str, Any]


class Kind(Protocol):
    """``empty`` is the value that restricts nothing more than usual; ``choices`` are the words there are, if they are
    known beforehand, with what they are called; ``several`` says whether the value is a comma list.
    """

    @property
    def empty(self) -> Any: ...
    @property
    def choices(self) -> Mapping[str, Words]: ...
    @property
    def several(self) -> bool: ...

    def read(self, reader: AddressReader, name: str) -> Any: ...
    def write(self, value: Any) -> str: ...
    def schema(self) -> Schema: ...


@dataclass(frozen=True, slots=True)
class OneOf:
    """One word, the first by default."""

    choices: Mapping[str, Words]
    several: bool = False

    @property
    def empty(self) -> str:
        return next(iter(self.choices))

    def read(self, reader: AddressReader, name: str) -> str:
        return reader.choice(name, self.choices)

    def write(self, value: str) -> str:
        return "" if value == self.empty else value

    def schema(self) -> Schema:
        words = [word for word in self.choices if word]
        return {"type": "string", "enum": words} | ({"default": self.empty} if self.empty else {})


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Any of some words."""

    choices: Mapping[str, Words]
    several: bool = True
    empty: tuple[str, ...] = ()

    def read(self, reader: AddressReader, name: str) -> tuple[str, ...]:
        return reader.choices(name, self.choices)

    def write(self, value: Iterable[str]) -> str:
        return ",".join(value)

    def schema(self) -> Schema:
        return _list_of({"type": "string", "enum": list(self.choices)})


@dataclass(frozen=True, slots=True)
class AnyWords:
    """Any words: vendors have statuses and causes of their own. ``choices`` are those that are offered."""

    choices: Mapping[str, Words] = field(default_factory=dict)
    escaped: bool = False  # whether a word may hold a comma
    several: bool = True
    empty: tuple[str, ...] = ()

    def read(self, reader: AddressReader, name: str) -> tuple[str, ...]:
        words = reader.words(name)
        return tuple(dict.fromkeys(map(bare, words))) if self.escaped else words

    def write(self, value: Iterable[str]) -> str:
        return ",".join(map(guarded, value) if self.escaped else value)

    def schema(self) -> Schema:
        return _list_of({"type": "string"})


@dataclass(frozen=True, slots=True)
class Ids:
    """Public ids."""

    choices: Mapping[str, Words] = field(default_factory=dict)
    several: bool = True
    empty: tuple[UUID, ...] = ()

    def read(self, reader: AddressReader, name: str) -> tuple[UUID, ...]:
        return reader.ids(name)

    def write(self, value: Iterable[UUID]) -> str:
        return ",".join(map(str, value))

    def schema(self) -> Schema:
        return _list_of({"type": "string", "format": "uuid"})


@dataclass(frozen=True, slots=True)
class WholeNumbers:
    """Whole numbers between two bounds, both allowed, each of them called something."""

    choices: Mapping[str, Words]
    several: bool = True
    empty: tuple[int, ...] = ()

    @property
    def bounds(self) -> tuple[int, int]:
        numbers = [int(word) for word in self.choices]
        return min(numbers), max(numbers)

    def read(self, reader: AddressReader, name: str) -> tuple[int, ...]:
        return reader.numbers(name, *self.bounds)

    def write(self, value: Iterable[int]) -> str:
        return ",".join(map(str, value))

    def schema(self) -> Schema:
        first, last = self.bounds
        return _list_of({"type": "integer", "minimum": first, "maximum": last})


@dataclass(frozen=True, slots=True)
class Seconds:
    choices: Mapping[str, Words] = field(default_factory=dict)
    several: bool = False
    empty: float | None = None

    def read(self, reader: AddressReader, name: str) -> float | None:
        return reader.seconds(name)

    def write(self, value: float | None) -> str:
        return "" if value is None else f"{value:.17g}"

    def schema(self) -> Schema:
        return {"type": "number", "minimum": 0, "maximum": MOST_SECONDS}


@dataclass(frozen=True, slots=True)
class Text:
    choices: Mapping[str, Words] = field(default_factory=dict)
    several: bool = False
    empty: str = ""

    def read(self, reader: AddressReader, name: str) -> str:
        return reader.text(name)

    def write(self, value: str) -> str:
        return value

    def schema(self) -> Schema:
        return {"type": "string"}


@dataclass(frozen=True, slots=True)
class AreaCodes(AnyWords):
    """Brazilian area codes, and NONE for other numbers."""

    def read(self, reader: AddressReader, name: str) -> tuple[str, ...]:
        words = reader.words(name)
        wrong = [word for word in words if word != NONE and word not in AREA_CODES]
        if wrong:
            text = _("“%(word)s” is no Brazilian area code (DDD) such as 11, nor “none”.")
            reader.errors[name] = text % {"word": wrong[0]}
            return ()
        return words

    def schema(self) -> Schema:
        return _list_of({"type": "string", "enum": [*sorted(AREA_CODES), NONE]})


@dataclass(frozen=True, slots=True)
class OwnNumber(Text):
    """Digits of a whole number, or an opaque id, which is opened where it is looked up."""

    def read(self, reader: AddressReader, name: str) -> str:
        text = reader.text(name)
        if not text or is_sealed_id(text):
            return text
        number = digits(text)[:MOST_DIGITS]
        if not number:
            reader.errors[name] = _("“%(text)s” holds no digits.") % {"text": text}
        return number


@dataclass(frozen=True, slots=True)
class Match(OneOf):
    """How a number is compared. It says nothing where no number is given."""

    choices: Mapping[str, Words] = field(default_factory=lambda: MATCH_LABELS)

    def read(self, reader: AddressReader, name: str) -> str:
        match = reader.choice(name, self.choices)
        if not reader.text(name.removesuffix("_match")):
            return str(self.empty)
        return match


@dataclass(frozen=True, slots=True)
class PartOfNumber(Text):
    """Digits to look for."""

    def read(self, reader: AddressReader, name: str) -> str:
        text = reader.text(name)
        if not text:
            return ""
        number, match = digits(text), Match().read(reader, f"{name}_match")
        if not number:
            reader.errors[name] = _("“%(text)s” holds no digits.") % {"text": text}
        elif match != "exact" and len(number) < LEAST_DIGITS:
            reader.errors[name] = _("Give at least %(least)s digits.") % {"least": LEAST_DIGITS}
        return number


def _list_of(items: Schema) -> Schema:
    return {"type": "array", "items": items}

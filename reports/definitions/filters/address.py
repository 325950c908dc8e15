"""Reads the parameters of an address one by one, and remembers what is wrong with each."""

import math
import re
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from uuid import UUID
from zoneinfo import available_timezones

from django.utils.translation import gettext as _

from reports.definitions.filters.chosen import QuestionError

_YEARS = (1990, 2100)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def whole_number(text: str, first: int, last: int) -> int | None:
    """A number as digits write it, if it lies between two bounds of at most nine digits, both allowed."""
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        return None
    return int(text) if first <= int(text) <= last else None


class AddressReader:
    """A bad parameter has its default and, in ``errors``, a sentence in the active language by its name.

    Whoever is strict calls :meth:`finish`; a page may go on with what could be read and show the errors.
    """

    def __init__(self, params: Mapping[str, str], *, zone: str) -> None:
        self.params = params
        self.usual_zone = zone
        self.errors: dict[str, str] = {}

    def finish(self) -> None:
        """Raise QuestionError that names every bad parameter, if there is one."""
        if self.errors:
            raise QuestionError(self.errors)

    def text(self, name: str) -> str:
        return str(self.params.get(name) or "").strip()

    def words(self, name: str) -> tuple[str, ...]:
        """A comma list; a repeated parameter is one list. A word given twice stands once."""
        getlist = getattr(self.params, "getlist", None)
        joined = ",".join(map(str, getlist(name))) if getlist else self.text(name)
        return tuple(dict.fromkeys(word for word in map(str.strip, joined.split(",")) if word))

    def choice(self, name: str, choices: Iterable[str]) -> str:
        """One of the choices, the first by default."""
        choices = tuple(choices)
        word = self.text(name) or choices[0]
        return word if self._among(name, (word,), choices) else choices[0]

    def choices(self, name: str, choices: Iterable[str]) -> tuple[str, ...]:
        """Any of the choices, none by default."""
        words = self.words(name)
        return words if self._among(name, words, tuple(choices)) else ()

    def zone(self) -> str:
        zone = self.text("zone") or self.usual_zone
        if zone not in _zones():
            self.errors["zone"] = _("“%(zone)s” is not a time zone such as America/Sao_Paulo.") % {"zone": zone}
            return self.usual_zone
        return zone

    def day(self, name: str) -> date | None:
        text = self.text(name)
        if not text:
            return None
        try:
            day = date.fromisoformat(text) if _DATE.fullmatch(text) else None
        except ValueError:
            day = None
        if day is None or not _YEARS[0] <= day.year <= _YEARS[1]:
            self.errors[name] = _("“%(text)s” is not a date like 2026-07-13.") % {"text": text}
            return None
        return day

    def days(self) -> tuple[date | None, date | None]:
        start, end = self.day("date_from"), self.day("date_to")
        if start and end and end < start:
            self.errors["date_to"] = _("The period ends before it begins.")
        return start, end

    def ids(self, name: str) -> tuple[UUID, ...]:
        ids = []
        for word in self.words(name):
            try:
                ids.append(UUID(word))
            except ValueError:
                self.errors[name] = _("“%(word)s” is not an id.") % {"word": word}
        return tuple(dict.fromkeys(ids))

    def seconds(self, name: str) -> float | None:
        text = self.text(name)
        if not text:
            return None
        try:
            seconds = float(text)
        except ValueError:
            seconds = math.nan
        if not 0 <= seconds <= MOST_SECONDS:  # not a number fails this too
            self.errors[name] = _("“%(text)s” is not a number of seconds.") % {"text": text}
            return None
        return seconds

    def numbers(self, name: str, first: int, last: int) -> tuple[int, ...]:
        """Whole numbers between two bounds, both allowed, in order."""
        numbers = {word: whole_number(word, first, last) for word in self.words(name)}
        wrong = [word for word, number in numbers.items() if number is None]
        if wrong:
            self.errors[name] = _("“%(word)s” is no whole number from %(first)s to %(last)s.") % {
                "word": wrong[0],
                "first": first,
                "last": last,
            }
            return ()
        return tuple(sorted({number for number in numbers.values() if number is not None}))

    def _among(self, name: str, words: Iterable[str], choices: tuple[str, ...]) -> bool:
        wrong = [word for word in words if word not in choices]
        if wrong:
            self.errors[name] = _("“%(word)s” is none of %(choices)s.") % {
                "word": wrong[0],
                "choices": ", ".join(choice for choice in choices if choice),
            }
        return not wrong


MOST_SECONDS = 10**9

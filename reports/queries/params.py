"""Reads the parameters of an address one by one, and remembers what is wrong with each."""

import math
import re
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from uuid import UUID
from zoneinfo import available_timezones

from django.utils.translation import gettext as _

from portal.lib.phones import AREA_CODES, digits
from reports.queries.chosen import MATCHES, NONE, TESTING, Filters, QuestionError, bare
from reports.queries.contact_ids import looks_like_id
from reports.scope import Scope
from reports.sides import Side
from sync.taxonomy import Direction, Outcome

LEAST_DIGITS = 4  # of a number to look for a part of
MOST_DIGITS = 40  # a contact has no more
_YEARS = (1990, 2100)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


class ParamReader:
    """``errors`` has a sentence in the active language for each bad parameter, by its name."""

    def __init__(self, params: Mapping[str, str], scope: Scope) -> None:
        self.params = params
        self.scope = scope
        self.errors: dict[str, str] = {}

    def finish(self) -> None:
        if self.errors:
            raise QuestionError(self.errors)

    def text(self, name: str) -> str:
        return str(self.params.get(name) or "").strip()

    def words(self, name: str) -> tuple[str, ...]:
        """A comma list; a repeated parameter is one list. A word given twice stands once."""
        getlist = getattr(self.params, "getlist", None)
        joined = ",".join(map(str, getlist(name))) if getlist else self.text(name)
        return tuple(dict.fromkeys(word for word in map(str.strip, joined.split(",")) if word))

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        """One of the choices, the first by default."""
        word = self.text(name) or choices[0]
        return word if self._among(name, (word,), choices) else choices[0]

    def choices(self, name: str, choices: tuple[str, ...]) -> tuple[str, ...]:
        """Any of the choices, none by default."""
        words = self.words(name)
        return words if self._among(name, words, choices) else ()

    def zone(self) -> str:
        zone = self.text("zone") or self.scope.zone
        if zone not in _zones():
            self.errors["zone"] = _("“%(zone)s” is not a time zone such as America/Sao_Paulo.") % {"zone": zone}
            return self.scope.zone
        return zone

    def day(self, name: str) -> date | None:
        text = self.text(name)
        if not text:
            return None
        try:
            found = date.fromisoformat(text) if _DATE.fullmatch(text) else None
        except ValueError:
            found = None
        if found is None or not _YEARS[0] <= found.year <= _YEARS[1]:
            self.errors[name] = _("“%(text)s” is not a date like 2026-07-13.") % {"text": text}
            return None
        return found

    def days(self) -> tuple[date | None, date | None]:
        start, end = self.day("date_from"), self.day("date_to")
        if start and end and end < start:
            self.errors["date_to"] = _("The period ends before it begins.")
        return start, end

    def ids(self, name: str) -> tuple[UUID, ...]:
        found = []
        for word in self.words(name):
            try:
                found.append(UUID(word))
            except ValueError:
                self.errors[name] = _("“%(word)s” is not an id.") % {"word": word}
        return tuple(dict.fromkeys(found))

    def seconds(self, name: str) -> float | None:
        text = self.text(name)
        if not text:
            return None
        try:
            found = float(text)
        except ValueError:
            found = math.nan
        if not 0 <= found <= 10**9:  # not a number fails this too
            self.errors[name] = _("“%(text)s” is not a number of seconds.") % {"text": text}
            return None
        return found

    def numbers(self, name: str, first: int, last: int) -> tuple[int, ...]:
        """Whole numbers between two bounds, both allowed, in order."""
        words = self.words(name)
        wrong = [word for word in words if not (word.isascii() and word.isdecimal() and first <= int(word[:9]) <= last)]
        if wrong:
            self.errors[name] = _("“%(word)s” is no whole number from %(first)s to %(last)s.") % {
                "word": wrong[0],
                "first": first,
                "last": last,
            }
            return ()
        return tuple(sorted({int(word) for word in words}))

    def filters(self) -> Filters:
        shortest, longest = self.seconds("min_duration"), self.seconds("max_duration")
        if shortest is not None and longest is not None and longest < shortest:
            self.errors["max_duration"] = _("The longest duration is shorter than the shortest.")
        number, match = self.number()
        return Filters(
            environments=self.ids("environment"),
            agents=self.ids("agent"),
            statuses=self.words("status"),
            direction=self.choice("direction", ("", *Direction)),
            number=number,
            number_match=match,
            min_duration=shortest,
            max_duration=longest,
            testing=self.choice("testing", TESTING),
            outcomes=self.choices("outcome", tuple(Outcome)),
            causes=tuple(dict.fromkeys(map(bare, self.words("cause")))),
            sides=self.choices("side", tuple(Side)),
            area_codes=self.area_codes(),
            line=self.line(),
            weekdays=self.numbers("weekday", 1, 7),
            hours=self.numbers("hour", 0, 23),
            contact=self.text("contact"),
            campaigns=self.ids("campaign"),
        )

    def number(self) -> tuple[str, str]:
        """The digits to look for, and how. Whoever may not see numbers may only name one that he knows whole."""
        number, match = self.text("number"), self.choice("number_match", MATCHES)
        if not number:
            return "", "contains"
        if not self.scope.sees_numbers:
            if self.text("number_match") not in ("", "exact"):
                self.errors["number_match"] = _("You may not see numbers, so only whole numbers can be looked for.")
            match = "exact"
        found = digits(number)
        if not found:
            self.errors["number"] = _("“%(text)s” holds no digits.") % {"text": number}
        elif match != "exact" and len(found) < LEAST_DIGITS:
            self.errors["number"] = _("Give at least %(least)s digits.") % {"least": LEAST_DIGITS}
        return found, match

    def line(self) -> str:
        text = self.text("line")
        if not text or looks_like_id(text):
            return text
        found = digits(text)[:MOST_DIGITS]
        if not found:
            self.errors["line"] = _("“%(text)s” holds no digits.") % {"text": text}
        return found

    def area_codes(self) -> tuple[str, ...]:
        words = self.words("area_code")
        wrong = [word for word in words if word != NONE and word not in AREA_CODES]
        if wrong:
            text = _("“%(word)s” is no Brazilian area code (DDD) such as 11, nor “none”.")
            self.errors["area_code"] = text % {"word": wrong[0]}
        return words

    def _among(self, name: str, words: Iterable[str], choices: tuple[str, ...]) -> bool:
        wrong = [word for word in words if word not in choices]
        if wrong:
            self.errors[name] = _("“%(word)s” is none of %(choices)s.") % {
                "word": wrong[0],
                "choices": ", ".join(choice for choice in choices if choice),
            }
        return not wrong

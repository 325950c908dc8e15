"""A question: which metrics, by what, for which period, with which filters. It goes into a URL and back."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import available_timezones

from django.utils import timezone
from django.utils.translation import gettext as _

from portal.lib.phones import digits
from reports.dimensions import DIMENSIONS
from reports.metrics import METRICS
from reports.periods import Period, last_days, local_date
from reports.scope import Scope
from sync.taxonomy import Direction

MAX_DAYS = 800
LEAST_DIGITS = 4  # of a number to look for a part of
DEFAULT_METRICS = ("attempts", "connect_rate")
DEFAULT_DAYS = 7  # whole days up to yesterday
MATCHES = ("contains", "begins", "ends", "exact")
TESTING = ("exclude", "include", "only")
_YEARS = (1990, 2100)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


class QuestionError(ValueError):
    """What was asked can't be asked. ``errors`` maps parameter names to sentences in the active language."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {text}" for name, text in errors.items()))
        self.errors = dict(errors)


@dataclass(frozen=True, slots=True)
class Filters:
    """Which calls count. Empty means no restriction beyond the scope; ids are public ids."""

    environments: tuple[UUID, ...] = ()
    agents: tuple[UUID, ...] = ()
    statuses: tuple[str, ...] = ()
    direction: str = ""
    number: str = ""
    number_match: str = "contains"  # contains, begins, ends, exact
    min_duration: float | None = None  # seconds
    max_duration: float | None = None
    testing: str = "exclude"  # exclude, include, only


@dataclass(frozen=True, slots=True)
class Question:
    metrics: tuple[str, ...]
    period: Period
    by: tuple[str, ...] = ()
    filters: Filters = field(default_factory=Filters)
    compare: bool = True  # with the aligned previous period


@dataclass(frozen=True, slots=True)
class CallQuestion:
    """Which calls to list: a period is optional here."""

    date_from: date | None = None
    date_to: date | None = None  # inclusive, like date_from a day in ``zone``
    zone: str = ""
    filters: Filters = field(default_factory=Filters)


def check(question: Question) -> None:
    """Raise QuestionError unless the question's words are known and its period is of an answerable length."""
    errors: dict[str, str] = {}
    _known(errors, "metrics", question.metrics, METRICS)
    _known(errors, "by", question.by, DIMENSIONS)
    if question.period.days < 1:
        errors["date_to"] = _("The period ends before it begins.")
    elif question.period.days > MAX_DAYS:
        errors["date_to"] = _("A period has at most %(days)s days.") % {"days": MAX_DAYS}
    if errors:
        raise QuestionError(errors)


def read_question(params: Mapping[str, str], scope: Scope, *, today: date | None = None) -> Question:
    """The question that URL parameters ask. Without dates it is about the last seven whole days.

    Raises QuestionError that names every bad parameter. Ids are not looked up: foreign and absent ones find no calls.
    """
    reader = _Reader(params, scope)
    zone = reader.zone()
    start, end = reader.days()
    today = today or local_date(timezone.now(), zone)
    whole = last_days(DEFAULT_DAYS, today, zone)
    if start is None and end is None:
        start, end = whole.start, whole.last_day
    elif start is None and end is not None:
        start = end - timedelta(days=DEFAULT_DAYS - 1)
    elif start is not None and end is None:
        end = max(start, today)
    question = Question(
        metrics=reader.words("metrics") or DEFAULT_METRICS,
        period=Period(start or whole.start, (end or whole.last_day) + timedelta(days=1), zone),
        by=reader.words("by"),
        filters=reader.filters(),
        compare=reader.choice("compare", ("previous", "none")) == "previous",
    )
    try:
        check(question)
    except QuestionError as error:
        reader.errors = error.errors | reader.errors
    reader.finish()
    return question


def write_question(question: Question) -> str:
    """The query string that asks for it; :func:`read_question` reads the same question back."""
    period = question.period
    params = {
        "metrics": ",".join(question.metrics),
        "by": ",".join(question.by),
        "date_from": period.start.isoformat(),
        "date_to": period.last_day.isoformat(),
        "zone": period.zone,
        "compare": "" if question.compare else "none",
    } | write_filters(question.filters)
    return urlencode({name: value for name, value in params.items() if value})


def write_filters(filters: Filters) -> dict[str, str]:
    """The parameters of the filters that restrict anything."""
    params = {
        "environment": ",".join(map(str, filters.environments)),
        "agent": ",".join(map(str, filters.agents)),
        "status": ",".join(filters.statuses),
        "direction": filters.direction,
        "number": filters.number,
        "number_match": filters.number_match if filters.number else "",
        "min_duration": "" if filters.min_duration is None else f"{filters.min_duration:.17g}",
        "max_duration": "" if filters.max_duration is None else f"{filters.max_duration:.17g}",
        "testing": "" if filters.testing == "exclude" else filters.testing,
    }
    return {name: value for name, value in params.items() if value}


def read_calls(params: Mapping[str, str], scope: Scope) -> CallQuestion:
    """Which calls URL parameters ask for; raises QuestionError that names every bad parameter."""
    reader = _Reader(params, scope)
    zone = reader.zone()
    start, end = reader.days()
    question = CallQuestion(start, end, zone, reader.filters())
    reader.finish()
    return question


def read_instant(text: str, name: str = "changed_since") -> datetime:
    """A moment as RFC 3339 writes it; without an offset it is UTC. Raises QuestionError under ``name``."""
    try:
        found = datetime.fromisoformat(text.strip().replace(" ", "+"))
        found = found if found.tzinfo else found.replace(tzinfo=UTC)
        return found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise QuestionError({name: _("“%(text)s” is not a time like 2026-07-13T09:00:00Z.") % {"text": text}}) from None


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _known(errors: dict[str, str], name: str, words: tuple[str, ...], known: Mapping[str, object]) -> None:
    unknown = [word for word in words if word not in known]
    if unknown:
        errors[name] = _("Unknown: %(words)s. Known are: %(known)s.") % {
            "words": ", ".join(unknown),
            "known": ", ".join(known),
        }
    elif len(set(words)) < len(words):
        errors[name] = _("Each word may stand once.")
    elif name == "metrics" and not words:
        errors[name] = _("Name at least one metric.")


class _Reader:
    """Reads parameters one by one and remembers what is wrong with each."""

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
        if word not in choices:
            self.errors[name] = _("“%(word)s” is none of %(choices)s.") % {
                "word": word,
                "choices": ", ".join(choices),
            }
            return choices[0]
        return word

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

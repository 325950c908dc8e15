"""What figures can be grouped by: the words of it, how it is read in SQL, and how a key is told to API and people.

Inside, a key is what SQL gives: a number for every part of time, a row's key for agents and environments, else text.
Parts of time are integer arithmetic on the wall clock, see ``reports.definitions.periods.stretches``.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from django.db.models import BigIntegerField, DateTimeField, F, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Length, Substr
from django.utils.dates import WEEKDAYS
from django.utils.formats import date_format, time_format
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.lib.phones import AREA_CODES
from reports.definitions.ended_by import SIDE_LABELS
from reports.definitions.labels import DIRECTION_LABELS, STATUS_LABELS
from reports.definitions.measures import Seconds
from reports.definitions.periods import (
    DAY_SECONDS,
    SECOND_US,
    Period,
    Stretch,
    day_number,
    day_start,
    microseconds,
    month_first,
    month_number,
    number_day,
    stretches,
    week_monday,
    week_number,
)
from reports.definitions.written import WrittenNumber

Key = int | str | None
_OFFSETS = 2000  # local hour and offset share one number: hour * 2000 + offset in minutes + 720


@dataclass(frozen=True, slots=True)
class Clock:
    """The wall clock of a zone from ``start`` to ``end``."""

    start: datetime
    end: datetime
    zone: str

    @classmethod
    def of(cls, period: Period) -> "Clock":
        return cls(period.starts_at, period.ends_at, period.zone)

    @property
    def stretches(self) -> tuple[Stretch, ...]:
        return stretches(self.start, self.end, self.zone)

    def local_seconds(self, column: str = "started_at") -> Combinable:
        """Seconds since 1970-01-01 00:00 on the wall clock, of a column whose times lie within the clock's reach."""
        return Seconds(column) + self._by_stretch(column, lambda stretch: stretch.offset)

    def local_day(self, column: str = "started_at") -> Combinable:
        return self.local_seconds(column) / Value(DAY_SECONDS)

    # The same for column files, whose instants are microseconds in UTC.

    @property
    def seconds_sql(self) -> str:
        """Seconds since 1970-01-01 00:00 on the wall clock, of a call in the column files."""
        return f"(intDiv(started_us, {SECOND_US}) + {self._cases(lambda stretch: stretch.offset)})"

    @property
    def day_sql(self) -> str:
        return f"intDiv({self.seconds_sql}, {DAY_SECONDS})"

    @property
    def hour_sql(self) -> str:
        code = self._cases(lambda stretch: stretch.offset // 60 + 720)
        return f"(intDiv({self.seconds_sql}, 3600) * {_OFFSETS} + {code})"

    @property
    def month_sql(self) -> str:
        first, last = self._months()
        return _cases([(n, day_start(month_first(n + 1), self.zone)) for n in range(first, last)], last)

    def _cases(self, number: Callable[[Stretch], int]) -> str:
        *before, last = self.stretches
        return _cases([(number(stretch), stretch.end) for stretch in before], number(last))

    def _months(self) -> tuple[int, int]:
        return month_number(self._date(self.start)), month_number(self._date(self.end - timedelta(seconds=1)))

    def _by_stretch(self, column: str, number: Callable[[Stretch], int]) -> Combinable:
        *before, last = self.stretches
        return _steps(column, [(number(stretch), stretch.end) for stretch in before], number(last))

    def _date(self, instant: datetime) -> date:
        offset = next(stretch.offset for stretch in self.stretches if instant < stretch.end)
        return (instant.astimezone(UTC) + timedelta(seconds=offset)).date()


def _cases(steps: Sequence[tuple[int, datetime]], last: int) -> str:
    """The number of the first step that ends after a call's start, else ``last``."""
    if not steps:
        return str(last)
    cases = (f"WHEN started_us < {microseconds(end)} THEN {number}" for number, end in steps)
    return f"CASE {' '.join(cases)} ELSE {last} END"


def _steps(column: str, steps: Sequence[tuple[int, datetime | int]], last: int) -> Combinable:
    """The number of the first step that ends after the column's value, else ``last``."""
    if not steps:
        return Value(last, output_field=BigIntegerField())
    ends = {f"end_{place}": _value(end) for place, (_number, end) in enumerate(steps)}
    cases = (f"WHEN {{column}} < {{end_{place}}} THEN {number}" for place, (number, _end) in enumerate(steps))
    return WrittenNumber(f"CASE {' '.join(cases)} ELSE {last} END", column=F(column), **ends)


def _value(end: datetime | int) -> Value:
    return Value(end, output_field=BigIntegerField() if isinstance(end, int) else DateTimeField())


# Bands of duration: (word, up to how many seconds, said to a person); the upper bound belongs to the band.
_BANDS = (
    ("0-3", 3, "0–3 s"),
    ("3-6", 6, "3–6 s"),
    ("6-15", 15, "6–15 s"),
    ("15-30", 30, "15–30 s"),
    ("30-60", 60, "30–60 s"),
    ("60-120", 120, "1–2 min"),
    ("120-300", 300, "2–5 min"),
    ("300-600", 600, "5–10 min"),
)
_LONGEST = "600+"
LENGTH_LABELS: dict[str, str | Promise] = {word: label for word, _up_to, label in _BANDS} | {_LONGEST: _("over 10 min")}
_LENGTH = (
    "CASE WHEN duration_ms IS NULL THEN ''"
    + "".join(f" WHEN duration_ms <= {up_to * 1000} THEN '{word}'" for word, up_to, _label in _BANDS)
    + f" ELSE '{_LONGEST}' END"
)

AREA_PARTS = {"contact_length": Length("contact"), "contact_area": Substr("contact", 3, 2)}


def _no_sql(clock: Clock) -> Combinable:
    raise NotImplementedError("Rows of the database are not told apart by this.")


@dataclass(frozen=True, slots=True)
class Dimension:
    """``column`` reads the key of a call in the column files, as SQL; ``sql``, where there is one, that of a row of the
    database. ``of_day`` gives the key of a whole local day where one day has one.
    """

    key: str
    label: str | Promise
    column: Callable[[Clock], str]
    sql: Callable[[Clock], Combinable] = field(default=_no_sql, compare=False)
    of_day: Callable[[date], int] | None = field(default=None, compare=False)
    timely: bool = False  # rows are filled in: a day without calls is a row too
    runs: bool = False  # compared with the previous period by place, not by key
    of_returns: bool = False  # of the attempt that a callback answers: figures of other calls refuse it
    of_outcome: bool = False  # tells how a call went, as others do: few combinations of them occur
    most: int | None = None  # how many keys there can be, where that is known
    order: tuple[str, ...] = ()  # of its words, where it is not that of their labels


def _column(name: str) -> Callable[[Clock], str]:
    return lambda clock: name


def _weekday(day: Combinable) -> Combinable:
    return (day + Value(3)) % Value(7) + Value(1)


_DECLARED = (
    Dimension("hour", _("hour"), lambda clock: clock.hour_sql, timely=True, runs=True),
    Dimension("day", _("day"), lambda clock: clock.day_sql, Clock.local_day, day_number, timely=True, runs=True),
    Dimension(
        "week", _("week"), lambda clock: f"intDiv({clock.day_sql} + 3, 7)", of_day=week_number, timely=True, runs=True
    ),
    Dimension("month", _("month"), lambda clock: clock.month_sql, of_day=month_number, timely=True, runs=True),
    Dimension(
        "weekday",
        _("weekday"),
        lambda clock: f"(({clock.day_sql} + 3) % 7 + 1)",
        lambda clock: _weekday(clock.local_day()),
        date.isoweekday,
        timely=True,
    ),
    Dimension(
        "hour_of_day",
        _("hour of the day"),
        lambda clock: f"(intDiv({clock.seconds_sql}, 3600) % 24)",
        lambda clock: clock.local_seconds() / 3600 % 24,
        timely=True,
    ),
    Dimension("agent", _("agent"), _column("agent")),
    Dimension("source_agent", _("agent that called before"), _column("agent"), of_returns=True),
    Dimension("status", _("status"), _column("status"), of_outcome=True, most=100),
    Dimension("direction", _("direction"), _column("direction"), of_outcome=True, most=10),
    Dimension("environment", _("environment"), _column("environment")),
    Dimension("cause", _("cause of hang-up"), _column("cause"), of_outcome=True),
    Dimension("side", _("side on which it ended"), _column("side"), of_outcome=True, most=len(SIDE_LABELS) + 1),
    Dimension("area_code", _("area code"), _column("area_code"), most=len(AREA_CODES) + 1),
    Dimension("line", _("own number"), _column("line")),
    Dimension(
        "length",
        _("length"),
        lambda clock: _LENGTH,
        of_outcome=True,
        most=len(LENGTH_LABELS) + 1,
        order=tuple(LENGTH_LABELS),
    ),
)
DIMENSIONS: dict[str, Dimension] = {dimension.key: dimension for dimension in _DECLARED}

_WORDS: Mapping[str, Mapping[str, str | Promise]] = {
    "status": STATUS_LABELS,
    "direction": DIRECTION_LABELS,
    "side": SIDE_LABELS,
    "length": LENGTH_LABELS,
}


def hour_code(local_hour: int, offset: int) -> int:
    return local_hour * _OFFSETS + offset // 60 + 720


def hour_parts(code: int) -> tuple[datetime, int]:
    """The wall clock (naive) at which an hour begins, and its offset in minutes."""
    local_hour, offset = divmod(code, _OFFSETS)
    return datetime(1970, 1, 1) + timedelta(hours=local_hour), offset - 720  # noqa: DTZ001 - a wall clock has no zone


def moments(by: tuple[str, ...], period: Period) -> Iterator[tuple[date, int | None, int]]:
    """The days of a period in order, or its local hours when ``by`` needs them: (day, wall-clock hour, hour code)."""
    if not {"hour", "hour_of_day"} & set(by):
        yield from ((day, None, 0) for day in period)
        return
    for stretch in stretches(period.starts_at, period.ends_at, period.zone):
        for hour in stretch.hours:
            yield number_day(hour // 24), hour % 24, hour_code(hour, stretch.offset)


def time_key(dimension: Dimension, day: date, hour: int | None, code: int) -> int:
    if dimension.of_day is not None:
        return dimension.of_day(day)
    return code if dimension.key == "hour" or hour is None else hour


@lru_cache(maxsize=64)  # the hours of a year take as long as a question of it
def time_keys(keys: tuple[str, ...], period: Period) -> tuple[tuple[int, ...], ...]:
    """The groups of a period by some parts of time, in the order in which they begin; one without any part."""
    if not keys:
        return ((),)
    dimensions = [DIMENSIONS[key] for key in keys]
    groups = (
        tuple(time_key(dimension, day, hour, code) for dimension in dimensions)
        for day, hour, code in moments(keys, period)
    )
    return tuple(dict.fromkeys(groups))


@dataclass(frozen=True, slots=True)
class Names:
    """Public ids and names of the agents and environments that occur.

    As far as the reader may see them, ``number`` gives the id and the name of an own number, ``word`` a vendor's word.
    """

    agents: Mapping[int, tuple[str, str]]
    environments: Mapping[int, tuple[str, str]]
    number: Callable[[str], tuple[str, str]] = lambda digits: (digits, digits)
    word: Callable[[str], str] = str


def api_key(dimension: Dimension, key: Key, names: Names) -> str | None:
    """A key as the API gives it; None for calls without an agent, a cause, an area code, a line or a duration."""
    if key is None or key == "":
        return None
    if isinstance(key, str):
        return names.number(key)[0] if dimension.key == "line" else names.word(key)
    writers: Mapping[str, Callable[[int], str]] = {
        "hour": _hour_text,
        "day": lambda number: number_day(number).isoformat(),
        "week": lambda number: week_monday(number).isoformat(),
        "month": lambda number: month_first(number).isoformat(),
        "agent": lambda pk: names.agents[pk][0],
        "source_agent": lambda pk: names.agents[pk][0],
        "environment": lambda pk: names.environments[pk][0],
    }
    return writers.get(dimension.key, str)(key)


def _hour_text(code: int) -> str:
    local, offset = hour_parts(code)
    sign, minutes = ("-" if offset < 0 else "+"), abs(offset)
    return f"{local.isoformat()}{sign}{minutes // 60:02}:{minutes % 60:02}"


def person_label(dimension: Dimension, key: Key, names: Names) -> str:
    """A key in the words of the active language."""
    if key is None or key == "":
        return {
            "agent": gettext("without an agent"),
            "cause": gettext("no cause given"),
            "area_code": gettext("other numbers"),
            "line": gettext("withheld number"),
            "length": gettext("unknown length"),
            "side": gettext("not over yet"),
        }.get(dimension.key, gettext("not given"))
    if isinstance(key, str):
        if dimension.key == "line":
            return names.number(key)[1]
        words = _WORDS.get(dimension.key, {})
        return str(words.get(key, names.word(key)))
    writers: Mapping[str, Callable[[int], str]] = {
        "hour": _hour_label,
        "day": lambda number: date_format(number_day(number), "SHORT_DATE_FORMAT"),
        "week": lambda number: date_format(week_monday(number), "SHORT_DATE_FORMAT"),
        "month": lambda number: date_format(month_first(number), "YEAR_MONTH_FORMAT"),
        "weekday": lambda number: str(WEEKDAYS[number - 1]),
        "hour_of_day": lambda hour: f"{hour:02}:00",
        "agent": lambda pk: names.agents[pk][1],
        "source_agent": lambda pk: names.agents[pk][1],
        "environment": lambda pk: names.environments[pk][1],
    }
    return writers.get(dimension.key, str)(key)


def _hour_label(code: int) -> str:
    local, _offset = hour_parts(code)
    return f"{date_format(local, 'SHORT_DATE_FORMAT')} {time_format(local, 'H:i')}"

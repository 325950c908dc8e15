"""Days, weeks and months in a zone, and the period to compare with. Pure.

A period is whole local days, half-open: ``[start, end)``. Its edges are instants found through the zone's rules, so a
day may have 23 or 25 hours, and none is lost or counted twice. Between two changes of the clock the zone's offset is a
constant: :func:`stretches` names these stretches, and every grouping by local time, here or in a database, is integer
arithmetic on them. So an answer rests on one set of zone rules, whatever the database knows of zones.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.utils import timezone

DAY = timedelta(days=1)
DAY_SECONDS = 86_400
SECOND_US = 1_000_000
DAY_US = DAY_SECONDS * SECOND_US
_EPOCH_DAY = date(1970, 1, 1).toordinal()


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(at: datetime) -> int:
    """Since 1970 UTC, exact."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def at_of(microseconds: int) -> datetime:
    """The instant so many microseconds after 1970 UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)


def day_number(day: date) -> int:
    """Days since 1970-01-01; a Thursday."""
    return day.toordinal() - _EPOCH_DAY


def number_day(number: int) -> date:
    return date.fromordinal(number + _EPOCH_DAY)


def utc_date(at: datetime) -> date:
    """The UTC day of a moment."""
    return at.astimezone(UTC).date()


def utc_start(day: date) -> datetime:
    """The first instant of a UTC day."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def between(first: date, last: date) -> list[date]:
    """The days from the first to the last, both included."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def in_a_row(days: Iterable[date]) -> list[tuple[date, date]]:
    """Days as first and last of days in a row, in order."""
    rows: list[tuple[date, date]] = []
    for day in sorted(days):
        if rows and day - rows[-1][1] <= DAY:
            rows[-1] = (rows[-1][0], day)
        else:
            rows.append((day, day))
    return rows


def week_number(day: date) -> int:
    """ISO weeks since the one of 1970-01-01; ``number_day(number * 7 - 3)`` is its Monday."""
    return (day_number(day) + 3) // 7


def week_monday(number: int) -> date:
    return number_day(number * 7 - 3)


def month_number(day: date) -> int:
    return day.year * 12 + day.month - 1


def month_first(number: int) -> date:
    return date(number // 12, number % 12 + 1, 1)


@lru_cache(maxsize=8192)
def day_start(day: date, zone: str) -> datetime:
    """The first instant of a local day, in UTC. Where midnight does not exist the day begins when the gap ends.

    No zone is further from UTC than 14 hours, so the instant lies within a known stretch; it is searched to the second.
    """
    rules = ZoneInfo(zone)
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    before, after = -16 * 3600, 14 * 3600  # local date is before `day` at the first, not before it at the second
    while after - before > 1:
        middle = (before + after) // 2
        if (midnight + timedelta(seconds=middle)).astimezone(rules).date() < day:
            before = middle
        else:
            after = middle
    return midnight + timedelta(seconds=after)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Instants with one offset: ``[start, end)`` in UTC, ``offset`` in seconds east of it."""

    start: datetime
    end: datetime
    offset: int

    @property
    def hours(self) -> range:
        """The local hours it touches, as hours since 1970-01-01 00:00 on the wall clock."""
        first = int(self.start.timestamp()) + self.offset
        last = int(self.end.timestamp()) - 1 + self.offset
        return range(first // 3600, last // 3600 + 1)


@lru_cache(maxsize=512)
def stretches(start: datetime, end: datetime, zone: str) -> tuple[Stretch, ...]:
    """The stretches of one offset that make up ``[start, end)``; at least one."""
    rules = ZoneInfo(zone)

    def offset(at: datetime) -> int:
        return int(at.astimezone(rules).utcoffset().total_seconds())  # type: ignore[union-attr]

    parts: list[Stretch] = []
    begun, here = start, start
    while here < end:
        there = min(here + DAY, end)
        if offset(there) != offset(here):
            low, high = 0, int((there - here).total_seconds())
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (
                    (middle, high) if offset(here + timedelta(seconds=middle)) == offset(here) else (low, middle)
                )
            there = here + timedelta(seconds=high)
            if there < end:
                parts.append(Stretch(begun, there, offset(here)))
                begun = there
        here = there
    parts.append(Stretch(begun, end, offset(begun)))
    return tuple(parts)


@dataclass(frozen=True, slots=True)
class Period:
    start: date
    end: date  # exclusive
    zone: str

    @property
    def days(self) -> int:
        return (self.end - self.start).days

    @property
    def last_day(self) -> date:
        return self.end - DAY

    @property
    def starts_at(self) -> datetime:
        return day_start(self.start, self.zone)

    @property
    def ends_at(self) -> datetime:
        return day_start(self.end, self.zone)

    @property
    def months(self) -> int:
        """How many whole months it is made of; 0 when it is not."""
        whole = self.start.day == self.end.day == 1
        return month_number(self.end) - month_number(self.start) if whole else 0

    def holds(self, instant: datetime) -> bool:
        return self.starts_at <= instant < self.ends_at

    def __iter__(self) -> Iterator[date]:
        return (self.start + timedelta(days=n) for n in range(self.days))


def previous(period: Period) -> Period:
    """The aligned period before: as many months before whole ones, else the same weekdays, as near as can be."""
    if period.months:
        return Period(month_first(month_number(period.start) - period.months), period.start, period.zone)
    shift = timedelta(days=-(-period.days // 7) * 7)
    return Period(period.start - shift, period.end - shift, period.zone)


def year_before(period: Period) -> Period:
    """The same months of the year before, of whole months; else the same weekdays, 52 weeks earlier."""
    if period.months:
        first = month_number(period.start) - 12
        return Period(month_first(first), month_first(first + period.months), period.zone)
    shift = timedelta(weeks=52)
    return Period(period.start - shift, period.end - shift, period.zone)


def elapsed_part(period: Period, before: Period, now: datetime) -> datetime:
    """Where the previous period has to end to be as long as ``period`` is at ``now``: its own end once that is over.

    The same clock time of the aligned day, so that a change of the clock in between shifts nothing.
    """
    if not period.holds(now):
        return before.ends_at
    today = local_date(now, period.zone)
    aligned = before.start + (today - period.start)
    if aligned >= before.end:
        return before.ends_at
    return min(day_start(aligned, period.zone) + (now - day_start(today, period.zone)), before.ends_at)


def moment_of_asking() -> datetime:
    """Now, at the last ten full seconds.

    Which calls are still open, and how much of the period before counts, stands in a question by its moment: readers
    who ask within them ask the same, so that it is computed once. What is mirrored in between shows all the same.
    """
    now = timezone.now()
    return now.replace(second=now.second // 10 * 10, microsecond=0)


def local_date(instant: datetime, zone: str) -> date:
    return instant.astimezone(ZoneInfo(zone)).date()


def last_days(count: int, today: date, zone: str) -> Period:
    """The last ``count`` whole days, up to yesterday."""
    return Period(today - timedelta(days=count), today, zone)


def last_months(count: int, today: date, zone: str) -> Period:
    """The last ``count`` months, up to yesterday: from the same day of the month, or the first of the next where that
    month is shorter."""
    first = month_first(month_number(today) - count)
    start = first + timedelta(days=today.day - 1)
    return Period(min(start, month_first(month_number(first) + 1)), today, zone)


def week_of(day: date, zone: str) -> Period:
    monday = week_monday(week_number(day))
    return Period(monday, monday + timedelta(days=7), zone)


def month_of(day: date, zone: str) -> Period:
    return Period(day.replace(day=1), month_first(month_number(day) + 1), zone)

"""When a scheduled mail is due, and which period it then reports on. Pure: rows in, instants out, no clock.

A due instant is a local hour on a local day, found through the zone's rules: where the hour does not exist the mail
comes when the gap is over, where it exists twice it comes the first time. The period belongs to the due instant, so a
mail sent late still reports on what it was due for.
"""

from collections import deque
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from reports.definitions.periods import Period, day_start, month_first, month_number


class Kind(StrEnum):
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


@dataclass(frozen=True, slots=True)
class Rhythm:
    """``weekday`` counts for weekly mails (Monday is 0); monthly ones come on the first of the month."""

    kind: Kind
    zone: str
    hour: int
    minute: int = 0
    weekday: int = 0


def next_due(rhythm: Rhythm, after: datetime) -> datetime:
    """The first due instant strictly after ``after``, in UTC."""
    day = after.astimezone(ZoneInfo(rhythm.zone)).date() - timedelta(days=1)
    while True:
        day = _first_day(rhythm, day)
        instant = _instant(rhythm, day)
        if instant > after:
            return instant
        day += timedelta(days=1)


def latest_due(rhythm: Rhythm, start: datetime, at: datetime) -> datetime:
    """The last due instant up to ``at``: what is due after a time of silence. ``start`` is a due instant as well."""
    latest = start
    # Jumping ahead keeps this short after years of silence; 64 days reach across two of any rhythm.
    if at - latest > timedelta(days=128):
        latest = next_due(rhythm, at - timedelta(days=64))
    while (following := next_due(rhythm, latest)) <= at:
        latest = following
    return latest


def dues(rhythm: Rhythm, start: datetime, at: datetime, most: int) -> list[datetime]:
    """The due instants from ``start``, which is one, up to ``at``: in order, and of too many the last ones."""
    found = deque([start], maxlen=most)
    while (following := next_due(rhythm, found[-1])) <= at:
        found.append(following)
    return list(found)


def count_dues(rhythm: Rhythm, start: datetime, at: datetime) -> int:
    """How many due instants there are from ``start``, which is one, up to ``at``."""
    count, due = 1, start
    while (due := next_due(rhythm, due)) <= at:
        count += 1
    return count


def period_of(rhythm: Rhythm, due: datetime) -> Period:
    """The last whole day, calendar week from Monday, or calendar month before the local day of a due instant."""
    today = due.astimezone(ZoneInfo(rhythm.zone)).date()
    if rhythm.kind == Kind.DAILY:
        start = _day_before(today, rhythm.zone)
        return Period(start, start + timedelta(days=1), rhythm.zone)
    if rhythm.kind == Kind.WEEKLY:
        monday = today - timedelta(days=today.weekday())
        return Period(monday - timedelta(days=7), monday, rhythm.zone)
    first = today.replace(day=1)
    return Period((first - timedelta(days=1)).replace(day=1), first, rhythm.zone)


def holding(kind: Kind, day: date, zone: str) -> Period:
    """The day, calendar week or month that a day lies in."""
    if kind == Kind.DAILY:
        return Period(day, day + timedelta(days=1), zone)
    if kind == Kind.WEEKLY:
        monday = day - timedelta(days=day.weekday())
        return Period(monday, monday + timedelta(days=7), zone)
    number = month_number(day)
    return Period(month_first(number), month_first(number + 1), zone)


def back(kind: Kind, period: Period, count: int) -> list[Period]:
    """So many periods of a rhythm, the newest first: this one and those before."""
    periods = [period]
    while len(periods) < count:
        periods.append(holding(kind, periods[-1].start - timedelta(days=1), period.zone))
    return periods


def baseline(kind: Kind, period: Period) -> tuple[Period, int]:
    """What a figure's mean is taken over, and how many periods that is: the 28 days, 4 weeks or 3 months before."""
    if kind == Kind.MONTHLY:
        start = period.start
        for _ in range(3):
            start = (start - timedelta(days=1)).replace(day=1)
        return Period(start, period.start, period.zone), 3
    count = 28 if kind == Kind.DAILY else 4
    return Period(period.start - timedelta(days=28), period.start, period.zone), count


def _first_day(rhythm: Rhythm, day: date) -> date:
    if rhythm.kind == Kind.WEEKLY:
        return day + timedelta(days=(rhythm.weekday - day.weekday()) % 7)
    if rhythm.kind == Kind.MONTHLY and day.day > 1:
        return (day.replace(day=28) + timedelta(days=4)).replace(day=1)
    return day


def _instant(rhythm: Rhythm, day: date) -> datetime:
    zone = ZoneInfo(rhythm.zone)
    local = datetime(day.year, day.month, day.day, rhythm.hour, rhythm.minute, tzinfo=zone)
    instant = local.astimezone(UTC)
    if instant.astimezone(zone).date() == day:
        # Clocks set back just after midnight begin the day a second time, and only then is the day before it over.
        return max(instant, day_start(day, rhythm.zone))
    # A gap over midnight: an hour earlier is still the right day. Where the whole day is missing, the next one serves.
    earlier = local.replace(fold=1).astimezone(UTC)
    return earlier if earlier.astimezone(zone).date() == day else instant


def _day_before(day: date, zone: str) -> date:
    """The local day that ends where ``day`` starts; not always yesterday, as zones have left days out."""
    return (day_start(day, zone) - timedelta(seconds=1)).astimezone(ZoneInfo(zone)).date()

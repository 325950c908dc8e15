"""What the ledger of windows says of one environment, for one period. Plain Python over rows already read."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Protocol

from django.db.models import Q, Value
from django.db.models.lookups import GreaterThanOrEqual

from portal.tenants.models.tenants import Environment
from reports.definitions.measures import Microseconds
from reports.definitions.periods import DAY, DAY_US, Period, utc_date, utc_start
from reports.queries.completeness.aside import Aside
from sync.models.runs import READ, WindowState
from sync.taxonomy import Stream

FIRST_HOUR = timedelta(hours=1)


class Window(Protocol):
    """What is needed of a window of the ledger (``sync.models.runs.Window``)."""

    @property
    def day(self) -> date | None: ...
    @property
    def state(self) -> str: ...
    @property
    def read_at(self) -> datetime | None: ...
    @property
    def mirrored(self) -> int | None: ...
    @property
    def vendor_total(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class ReadWindow:
    """A window as the ledger has it."""

    day: date | None
    state: str
    read_at: datetime | None
    mirrored: int | None
    vendor_total: int | None


@dataclass(frozen=True, slots=True)
class SettledDays:
    """Days that were read whole after they had ended, and whose calls were counted: all there is to say of them.

    ``vendor_total`` is None where the vendor told none of them; ``read_at`` is the oldest of their readings.
    """

    days: int
    first: date
    last: date
    mirrored: int
    vendor_total: int | None
    read_at: datetime


@dataclass(frozen=True, slots=True)
class StreamWindows:
    """The windows of one stream of one environment: days that are settled together, every other one by its day."""

    settled: SettledDays | None = None
    by_day: Mapping[date, Window] = field(default_factory=dict)

    def between(self, days: Sequence[date]) -> list[Window]:
        return [window for day, window in self.by_day.items() if days and days[0] <= day <= days[-1]]

    @property
    def has_holes(self) -> bool:
        """Whether some day amid the settled ones has no window, so that these have to be told apart."""
        if self.settled is None:
            return False
        first, last = self.settled.first, self.settled.last
        others = sum(first <= day <= last for day in self.by_day)
        return self.settled.days + others <= (last - first).days

    def unknown(self, days: Sequence[date]) -> list[date]:
        """Those of ``days`` that have no window; there are no holes."""
        left = [day for day in days if day not in self.by_day]
        if self.settled is None:
            return left
        return [day for day in left if not self.settled.first <= day <= self.settled.last]


@dataclass(slots=True)
class Reading:
    """What is known of one environment for one period, gathered window by window."""

    complete: bool = True
    mirrored: int = 0
    vendor_total: int | None = None
    as_of: datetime | None = None

    def read_until(self, at: datetime | None) -> None:
        if at is not None:
            self.as_of = at if self.as_of is None else min(self.as_of, at)

    def add_total(self, total: int | None) -> None:
        if total is not None:
            self.vendor_total = (self.vendor_total or 0) + total


def reads_until(environment: Environment, now: datetime) -> datetime:
    """Up to when there is something to read of an environment: now, or when it was retired."""
    return now if environment.retired_at is None else min(environment.retired_at, now)


def utc_days(period: Period, now: datetime) -> list[date]:
    """The UTC days that touch the period, up to today."""
    first = utc_date(period.starts_at)
    last = min(utc_date(period.ends_at - timedelta(seconds=1)), utc_date(now))
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _day_end(day: date) -> datetime:
    return utc_start(day) + DAY


def by_day(streams: Mapping[str, StreamWindows], days: list[date], now: datetime) -> tuple[Reading, list[date]]:
    """The reading of an environment that is read by day, and the days whose calls its windows do not tell.

    Every day of every stream has to be there, and read whole, be it before the history that is asked for or in it.
    """
    reading = Reading()
    if not days:
        reading.vendor_total = 0
        return reading, []
    uncounted: list[date] = []
    for stream, windows in streams.items():
        before = stand_in(windows.by_day, days[-1], now)
        wanted = days[:-1] if before else days
        others = windows.between(wanted)
        unknown = windows.unknown(wanted)
        reading.complete &= not unknown and all(is_whole(window, now) for window in others)
        if stream == Stream.CALLS:
            reading.read_until(before.read_at if before else None)
            _gather(reading, windows.settled, others, days[-1], now)
            uncounted = sorted([*unknown, *(window.day for window in others if window.day and not _is_counted(window))])
    return reading, uncounted


def is_whole(window: Window | None, now: datetime) -> bool:
    """Whether a day was read whole and all in it understood. Today and yesterday may have been read before they ended:
    ``as_of`` tells.
    """
    if window is None or window.state != WindowState.COMPLETE or window.read_at is None or window.day is None:
        return False
    return window.read_at >= _day_end(window.day) or _day_end(window.day) > now - DAY


def is_settled(stream: str, yesterday: date) -> Q:
    """As a condition on a stream's windows, that a day before ``yesterday`` was read whole after it had ended, and its
    calls counted.
    """
    read_after = Q(GreaterThanOrEqual(Microseconds("read_at"), Microseconds("day") + Value(DAY_US)))
    settled = read_after & Q(day__lt=yesterday, state=WindowState.COMPLETE, read_at__isnull=False)
    return settled & Q(mirrored__isnull=False) if stream == Stream.CALLS else settled


def _is_counted(window: Window) -> bool:
    return window.state in READ and window.mirrored is not None


def stand_in(windows: Mapping[date, Window], day: date, now: datetime) -> Window | None:
    """The window of the day before, where ``day`` began within the hour, was not read yet, and that one was read whole
    within the hour: as of that reading there was nothing else to read. None in any other case.
    """
    before = windows.get(day - DAY)
    if day in windows or not timedelta(0) <= now - utc_start(day) < FIRST_HOUR:
        return None
    if before is None or before.read_at is None or not is_whole(before, now) or now - before.read_at >= FIRST_HOUR:
        return None
    return before


def _gather(
    reading: Reading, settled: SettledDays | None, windows: Iterable[Window], last: date, now: datetime
) -> None:
    """Numbers and the time of a reading. A day read whole after it ended is not what makes figures old."""
    current = last >= utc_date(now) - DAY
    if settled is not None:
        reading.add_total(settled.vendor_total)
        reading.mirrored += settled.mirrored
        reading.read_until(None if current else settled.read_at)
    for window in windows:
        reading.add_total(window.vendor_total)
        if window.state in READ and window.mirrored is not None:
            reading.mirrored += window.mirrored
        if window.day is None or window.read_at is None:
            continue
        if not current or window.day == last or window.read_at < _day_end(window.day):
            reading.read_until(window.read_at)


def undivided(
    windows: Iterable[Window], mirrored: int, aside: Sequence[Aside], period: Period, now: datetime
) -> Reading:
    """The reading of an environment that is read agent by agent, of which ``mirrored`` calls are of the period.

    The vendor names no total; once every agent was read whole, what it showed of the period is its total. Of an element
    in ``aside`` without a day nobody knows whether it is of the period: then there is none.
    """
    histories = list(windows)
    reading = Reading(mirrored=mirrored)
    reached = bool(histories) and all(_reaches(window, period, now) for window in histories)
    reading.complete = reached and not any(row.unreadable for row in aside)
    if reached and all(row.day for row in aside):
        reading.add_total(mirrored + sum(row.unreadable + row.accepted for row in aside))
    for window in histories:
        reading.read_until(window.read_at)
    return reading


def _reaches(window: Window, period: Period, now: datetime) -> bool:
    """Whether a whole history was read up to the period's end, or to now. In the hour after that end, as with a day
    that has just begun, a reading of within the hour is enough: ``as_of`` tells.
    """
    if window.state not in READ or window.read_at is None:
        return False
    if now < period.ends_at or window.read_at >= period.ends_at:
        return True
    return now - period.ends_at < FIRST_HOUR and now - window.read_at < FIRST_HOUR

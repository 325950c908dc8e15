"""What the ledger of windows says of one environment, for one period. Plain Python over rows already read."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

from portal.tenants.models.tenants import Environment
from reports.periods import Period
from reports.queries.aside import Aside
from sync.models.runs import READ, WindowState
from sync.taxonomy import Stream

# Vendors that are read by UTC day; the others are read agent by agent, each with its whole history.
READ_BY_DAY = frozenset({"talkover"})
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
class Told:
    """A window as the ledger tells of it."""

    day: date | None
    state: str
    read_at: datetime | None
    mirrored: int | None
    vendor_total: int | None


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

    def told(self, total: int | None) -> None:
        if total is not None:
            self.vendor_total = (self.vendor_total or 0) + total


def reads_until(environment: Environment, now: datetime) -> datetime:
    """Up to when there is something to read of an environment: now, or when it was retired."""
    return now if environment.retired_at is None else min(environment.retired_at, now)


def utc_days(period: Period, now: datetime) -> list[date]:
    """The UTC days that touch the period, up to today."""
    first = period.starts_at.astimezone(UTC).date()
    last = min((period.ends_at - timedelta(seconds=1)).astimezone(UTC).date(), now.astimezone(UTC).date())
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def utc_start(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _day_end(day: date) -> datetime:
    return utc_start(day) + timedelta(days=1)


def by_day(windows: Mapping[str, Mapping[date, Window]], days: list[date], now: datetime) -> tuple[Reading, list[date]]:
    """The reading of an environment that is read by day, and the days whose calls its windows do not tell.

    Every day of every stream has to be there, and read whole, be it before the history that is asked for or in it.
    ``windows`` are those of each stream asked for, by day.
    """
    reading = Reading()
    if not days:
        reading.vendor_total = 0
        return reading, []
    uncounted: list[date] = []
    for stream, found in windows.items():
        before = stand_in(found, days[-1], now)
        wanted = days[:-1] if before else days
        reading.complete &= all(is_whole(found.get(day), now) for day in wanted)
        if stream == Stream.CALLS:
            reading.read_until(before.read_at if before else None)
            _gather(reading, [found[day] for day in wanted if day in found], days[-1], now)
            uncounted = [day for day in wanted if not _is_counted(found.get(day))]
    return reading, uncounted


def is_whole(window: Window | None, now: datetime) -> bool:
    """Whether a day was read whole and all in it understood. Today and yesterday may have been read before they ended:
    ``as_of`` tells.
    """
    if window is None or window.state != WindowState.COMPLETE or window.read_at is None or window.day is None:
        return False
    return window.read_at >= _day_end(window.day) or _day_end(window.day) > now - timedelta(days=1)


def _is_counted(window: Window | None) -> bool:
    return window is not None and window.state in READ and window.mirrored is not None


def stand_in(windows: Mapping[date, Window], day: date, now: datetime) -> Window | None:
    """The window of the day before, where ``day`` began within the hour, was not read yet, and that one was read whole
    within the hour: as of that reading there was nothing else to read. None in any other case.
    """
    before = windows.get(day - timedelta(days=1))
    if day in windows or not timedelta(0) <= now - utc_start(day) < FIRST_HOUR:
        return None
    if before is None or before.read_at is None or not is_whole(before, now) or now - before.read_at >= FIRST_HOUR:
        return None
    return before


def _gather(reading: Reading, windows: Iterable[Window], last: date, now: datetime) -> None:
    """Numbers and the time of a reading. A day read whole after it ended is not what makes figures old."""
    current = last >= now.astimezone(UTC).date() - timedelta(days=1)
    for window in windows:
        reading.told(window.vendor_total)
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
    found = list(windows)
    reading = Reading(mirrored=mirrored)
    reached = bool(found) and all(_reaches(window, period, now) for window in found)
    reading.complete = reached and not any(row.unreadable for row in aside)
    if reached and all(row.day for row in aside):
        reading.told(mirrored + sum(row.unreadable + row.accepted for row in aside))
    for window in found:
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

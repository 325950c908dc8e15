"""What the ledger of windows says of each environment, for one period."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db.models import Count, QuerySet, Value

from portal.tenants.models.tenants import Environment
from reports.measures import Seconds
from reports.periods import DAY, Period, day_number
from reports.queries.filters import within
from sync import freshness as ledger
from sync.models.calls import Call
from sync.models.runs import Window, WindowState
from sync.taxonomy import Stream

# Vendors that are read by UTC day; the others are read agent by agent, each with its whole history.
READ_BY_DAY = frozenset({"talkover"})
FIRST_HOUR = timedelta(hours=1)


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


def _day_start(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _day_end(day: date) -> datetime:
    return _day_start(day) + timedelta(days=1)


def daily(environments: Collection[int], days: list[date], streams: Collection[str], now: datetime) -> list[Reading]:
    """One reading for each environment that is read by day: every day has to be there, and read whole."""
    if not environments:
        return []
    if not days:
        return [Reading(vendor_total=0) for _environment in environments]
    windows: dict[tuple[int, str], dict[date, Window]] = defaultdict(dict)
    # The day before as well: it may have to stand in for a day that has just begun.
    for window in ledger.day_windows(environments, streams, days[0] - timedelta(days=1), days[-1]):
        if window.day is not None:
            windows[window.environment_id, window.stream][window.day] = window
    starts = ledger.history_starts(environments)
    readings, uncounted = [], []
    for environment in environments:
        reading = Reading()
        readings.append(reading)
        for stream in streams:
            found = windows[environment, stream]
            before = stand_in(found, days[-1], now)
            wanted = days[:-1] if before else days
            reading.complete &= all(is_whole(found.get(day), now) for day in wanted)
            if stream == Stream.CALLS:
                reading.read_until(before.read_at if before else None)
                _gather(reading, [found[day] for day in wanted if day in found], days[-1], now)
                uncounted += [(environment, day) for day in wanted if not _is_counted(found.get(day))]
        if environment in starts and starts[environment] > days[0]:  # without a connection only the windows tell
            reading.complete = False
    if uncounted:
        counts = _count_days(uncounted)
        for environment, reading in zip(environments, readings, strict=True):
            reading.mirrored += counts.get(environment, 0)
    return readings


def is_whole(window: Window | None, now: datetime) -> bool:
    """Whether a day was read whole. Today and yesterday may have been read before they ended: ``as_of`` tells."""
    if window is None or window.state != WindowState.COMPLETE or window.read_at is None or window.day is None:
        return False
    return window.read_at >= _day_end(window.day) or _day_end(window.day) > now - timedelta(days=1)


def _is_counted(window: Window | None) -> bool:
    return window is not None and window.state == WindowState.COMPLETE and window.mirrored is not None


def stand_in(windows: Mapping[date, Window], day: date, now: datetime) -> Window | None:
    """The window of the day before, where ``day`` began within the hour, was not read yet, and that one was read whole
    within the hour: as of that reading there was nothing else to read. None in any other case.
    """
    before = windows.get(day - timedelta(days=1))
    if day in windows or not timedelta(0) <= now - _day_start(day) < FIRST_HOUR:
        return None
    if before is None or before.read_at is None or not is_whole(before, now) or now - before.read_at >= FIRST_HOUR:
        return None
    return before


def _gather(reading: Reading, windows: list[Window], last: date, now: datetime) -> None:
    """Numbers and the time of a reading. A day read whole after it ended is not what makes figures old."""
    current = last >= now.astimezone(UTC).date() - timedelta(days=1)
    for window in windows:
        reading.told(window.vendor_total)
        if window.state == WindowState.COMPLETE and window.mirrored is not None:
            reading.mirrored += window.mirrored
        if window.day is None or window.read_at is None:
            continue
        if not current or window.day == last or window.read_at < _day_end(window.day):
            reading.read_until(window.read_at)


def _count_days(days: list[tuple[int, date]]) -> dict[int, int]:
    """Calls of UTC days whose windows do not tell, by environment. One query over the range they span."""
    first, last = min(day for _, day in days), max(day for _, day in days)
    rows = within(
        Call.objects.filter(environment_id__in={environment for environment, _ in days}, missing_since=None),
        _day_end(first) - timedelta(days=1),
        _day_end(last),
    )
    wanted = {(environment, day_number(day)) for environment, day in days}
    found: dict[int, int] = defaultdict(int)
    counted = rows.order_by().annotate(utc_day=Seconds("started_at") / Value(DAY))
    for environment, day, n in counted.values_list("environment_id", "utc_day").annotate(n=Count("pk")):
        if (environment, day) in wanted:
            found[environment] += n
    return dict(found)


def undivided(environments: Collection[int], period: Period, now: datetime) -> list[Reading]:
    """One reading for each environment that is read agent by agent.

    The vendor names no total; once every agent was read whole, what it showed of the period is its total.
    """
    if not environments:
        return []
    windows: dict[int, list[Window]] = defaultdict(list)
    for window in ledger.whole_windows(environments, (Stream.CALLS,)):
        windows[window.environment_id].append(window)
    counts = dict(
        within(
            Call.objects.filter(environment_id__in=environments, missing_since=None), period.starts_at, period.ends_at
        )
        .order_by()
        .values_list("environment_id")
        .annotate(n=Count("pk"))
    )
    readings = []
    for environment in environments:
        found = windows[environment]
        reading = Reading(mirrored=counts.get(environment, 0))
        reading.complete = bool(found) and all(_reaches(window, period, now) for window in found)
        if reading.complete:
            reading.told(reading.mirrored)
        for window in found:
            reading.read_until(window.read_at)
        readings.append(reading)
    return readings


def _reaches(window: Window, period: Period, now: datetime) -> bool:
    """Whether a whole history was read up to the period's end, or to now. In the hour after that end, as with a day
    that has just begun, a reading of within the hour is enough: ``as_of`` tells.
    """
    if window.state != WindowState.COMPLETE or window.read_at is None:
        return False
    if now < period.ends_at or window.read_at >= period.ends_at:
        return True
    return now - period.ends_at < FIRST_HOUR and now - window.read_at < FIRST_HOUR


def count_calls(rows: QuerySet[Call]) -> dict[int, int]:
    return dict(rows.order_by().values_list("environment_id").annotate(n=Count("pk")))

"""How complete and how fresh the data behind a figure are, from the ledger of windows and gaps."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from django.db.models import Count, F, QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone

from portal.tenants.models.tenants import Environment
from reports.dimensions import Clock
from reports.periods import Period
from reports.queries.answer import Completeness, GapNote
from reports.queries.filters import Reach, resolve, within
from reports.queries.question import Filters
from reports.scope import Scope
from sync import freshness as ledger
from sync.models.calls import Call
from sync.models.runs import Gap, Window, WindowState
from sync.taxonomy import Stream

# Vendors that are read by UTC day; the others are read agent by agent, each with its whole history.
READ_BY_DAY = frozenset({"talkover"})


@dataclass(frozen=True, slots=True)
class StreamFreshness:
    """``complete_through`` is the last UTC day up to which no day is missing, today included as of ``as_of``."""

    as_of: datetime | None
    complete_through: date | None
    mirrored: int
    vendor_total: int | None
    gaps: tuple[GapNote, ...]


@dataclass(frozen=True, slots=True)
class EnvironmentFreshness:
    environment: UUID
    name: str
    provider: str
    streams: dict[str, StreamFreshness]


@dataclass(slots=True)
class _Reading:
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


def completeness(
    scope: Scope,
    period: Period,
    filters: Filters,
    *,
    streams: Collection[str] = (Stream.CALLS,),
    now: datetime | None = None,
) -> Completeness:
    """What stands under the figures of a period. Filters narrow it to their environments, no further.

    ``complete`` is about every one of ``streams``; the numbers are of calls.
    """
    return under(resolve(filters, scope), period, streams=streams, now=now)


def under(
    reach: Reach, period: Period, *, streams: Collection[str] = (Stream.CALLS,), now: datetime | None = None
) -> Completeness:
    """As :func:`completeness`, for a scope and filters already looked up."""
    now = now or timezone.now()
    days = _utc_days(period, now)
    by_day = sorted(key for key, provider in reach.providers.items() if provider in READ_BY_DAY)
    whole = sorted(set(reach.environments) - set(by_day))
    readings = [*_daily(by_day, days, streams, now), *_undivided(whole, period, now)]
    totals = [reading.vendor_total for reading in readings]
    as_of = [reading.as_of for reading in readings if reading.as_of is not None]
    return Completeness(
        as_of=min(as_of, default=None),
        complete=bool(readings) and all(reading.complete for reading in readings),
        mirrored=sum(reading.mirrored for reading in readings),
        vendor_total=None if None in totals or not totals else sum(total or 0 for total in totals),
        gaps=tuple(
            _note(gap, reach.environments)
            for gap in ledger.open_gaps(reach.environments)
            if gap.stream in streams and (gap.day is None or (days and days[0] <= gap.day <= days[-1]))
        ),
        corrections=_corrections(reach, period, now),
    )


def _utc_days(period: Period, now: datetime) -> list[date]:
    """The UTC days that touch the period, up to today."""
    first = period.starts_at.astimezone(UTC).date()
    last = min((period.ends_at - timedelta(seconds=1)).astimezone(UTC).date(), now.astimezone(UTC).date())
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _day_end(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)


def _daily(
    environments: Collection[int], days: list[date], streams: Collection[str], now: datetime
) -> Iterable[_Reading]:
    """One reading for each environment that is read by day: every day has to be there, and read whole."""
    if not environments:
        return []
    if not days:
        return [_Reading(vendor_total=0) for _environment in environments]
    windows: dict[tuple[int, str], dict[date, Window]] = defaultdict(dict)
    for window in ledger.day_windows(environments, streams, days[0], days[-1]):
        if window.day is not None:
            windows[window.environment_id, window.stream][window.day] = window
    starts = ledger.history_starts(environments)
    readings, uncounted = [], []
    for environment in environments:
        reading = _Reading()
        readings.append(reading)
        for stream in streams:
            found = windows[environment, stream]
            if any(not _whole(found.get(day), now) for day in days):
                reading.complete = False
            if stream == Stream.CALLS:
                _gather(reading, [found[day] for day in days if day in found], days[-1], now)
                uncounted += [
                    (environment, day)
                    for day in days
                    if day not in found or found[day].state != WindowState.COMPLETE or found[day].mirrored is None
                ]
        if environment not in starts or starts[environment] > days[0]:
            reading.complete = False
    if uncounted:
        counts = _count_days(uncounted)
        for environment, reading in zip(environments, readings, strict=True):
            reading.mirrored += counts.get(environment, 0)
    return readings


def _whole(window: Window | None, now: datetime) -> bool:
    """Whether a day was read whole. Today and yesterday may have been read before they ended: ``as_of`` tells."""
    if window is None or window.state != WindowState.COMPLETE or window.read_at is None or window.day is None:
        return False
    return window.read_at >= _day_end(window.day) or _day_end(window.day) > now - timedelta(days=1)


def _gather(reading: _Reading, windows: list[Window], last: date, now: datetime) -> None:
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
    wanted = set(days)
    found: dict[int, int] = defaultdict(int)
    counted = (
        rows.order_by().annotate(day=TruncDate("started_at", tzinfo=UTC)).values_list("environment_id", "day")
    ).annotate(n=Count("pk"))
    for environment, day, n in counted:
        if (environment, day) in wanted:
            found[environment] += n
    return dict(found)


def _undivided(environments: Collection[int], period: Period, now: datetime) -> Iterable[_Reading]:
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
        reading = _Reading(mirrored=counts.get(environment, 0))
        reading.complete = bool(found) and all(
            window.state == WindowState.COMPLETE
            and window.read_at is not None
            and (window.read_at >= period.ends_at or now < period.ends_at)
            for window in found
        )
        if reading.complete:
            reading.told(reading.mirrored)
        for window in found:
            reading.read_until(window.read_at)
        readings.append(reading)
    return readings


def _corrections(reach: Reach, period: Period, now: datetime) -> int:
    """Calls of the period whose figures changed after the local day they count in was over."""
    if reach.empty:
        return 0
    clock = Clock(period.starts_at, max(period.ends_at, now) + timedelta(days=1), period.zone)
    changes = ledger.changes_since(reach.environments, period.starts_at).filter(
        call__in=within(reach.calls(), period.starts_at, period.ends_at).values("pk")
    )
    late = changes.alias(changed_on=clock.local_day("at"), counted_on=clock.local_day("call__started_at"))
    return late.filter(changed_on__gt=F("counted_on")).values("call_id").distinct().count()


def _note(gap: Gap, environments: dict[int, Environment]) -> GapNote:
    environment = environments[gap.environment_id]
    return GapNote(
        environment=str(environment.public_id),
        environment_name=environment.name,
        stream=gap.stream,
        part=gap.part,
        day=gap.day,
        fault=gap.fault,
        since=gap.opened_at,
    )


def freshness(scope: Scope, *, now: datetime | None = None) -> list[EnvironmentFreshness]:
    """How far each environment of the scope is mirrored, stream by stream, by name."""
    now = now or timezone.now()
    environments = resolve(Filters(), scope).environments
    windows: dict[tuple[int, str], list[Window]] = defaultdict(list)
    for window in ledger.all_windows(environments):
        windows[window.environment_id, window.stream].append(window)
    gaps: dict[tuple[int, str], list[GapNote]] = defaultdict(list)
    for gap in ledger.open_gaps(environments):
        gaps[gap.environment_id, gap.stream].append(_note(gap, environments))
    untold = {pk for pk in environments if any(window.mirrored is None for window in windows[pk, Stream.CALLS])}
    counts = _mirrored(Call.objects.filter(environment_id__in=untold)) if untold else {}
    found = []
    for pk, environment in sorted(environments.items(), key=lambda item: (item[1].name.casefold(), item[0])):
        streams = {}
        for stream in Stream:
            here = windows[pk, stream]
            if not here and not gaps[pk, stream]:
                continue
            told = sum(window.mirrored or 0 for window in here)
            mirrored = counts.get(pk, 0) if stream == Stream.CALLS and pk in untold else told
            streams[str(stream)] = _stream(here, tuple(gaps[pk, stream]), mirrored, now)
        found.append(EnvironmentFreshness(environment.public_id, environment.name, environment.provider, streams))
    return found


def _mirrored(rows: QuerySet[Call]) -> dict[int, int]:
    return dict(rows.order_by().values_list("environment_id").annotate(n=Count("pk")))


def _stream(windows: list[Window], gaps: tuple[GapNote, ...], mirrored: int, now: datetime) -> StreamFreshness:
    totals = [window.vendor_total for window in windows if window.vendor_total is not None]
    days = {window.day: window for window in windows if window.day is not None}
    read = [window.read_at for window in windows if window.read_at is not None]
    if not days:
        whole = bool(windows) and all(window.state == WindowState.COMPLETE for window in windows)
        as_of = min(read, default=None)
        through = as_of.astimezone(UTC).date() if whole and as_of is not None else None
        return StreamFreshness(as_of, through, mirrored, sum(totals) if totals else None, gaps)
    through = None
    day = min(days)
    while _whole(days.get(day), now):
        through, day = day, day + timedelta(days=1)
    return StreamFreshness(
        days[max(days)].read_at or max(read, default=None), through, mirrored, sum(totals) if totals else None, gaps
    )


__all__ = ["Completeness", "EnvironmentFreshness", "GapNote", "StreamFreshness", "completeness", "freshness", "under"]

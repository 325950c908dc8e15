"""How complete and how fresh the data behind a figure are, from the ledger of windows and gaps."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from portal.tenants.models.tenants import Environment
from reports.dimensions import Clock
from reports.periods import Period, local_date
from reports.queries.answer import Completeness, GapNote
from reports.queries.filters import Reach, resolve, within
from reports.queries.question import CallQuestion, Filters
from reports.queries.readings import (
    READ_BY_DAY,
    Reading,
    count_calls,
    daily,
    is_whole,
    reads_until,
    undivided,
    utc_days,
)
from reports.scope import Scope
from sync import freshness as ledger
from sync.models.calls import Call
from sync.models.runs import Gap, Window, WindowState
from sync.taxonomy import Stream


@dataclass(frozen=True, slots=True)
class StreamFreshness:
    """``complete_through`` is the last UTC day up to which no day is missing, today included as of ``as_of``.

    ``complete_from`` is the day from which that holds. It is later than the history asked for while that is being read,
    newest days first; None for a stream that is no days.
    """

    as_of: datetime | None
    complete_through: date | None
    mirrored: int
    vendor_total: int | None
    gaps: tuple[GapNote, ...]
    complete_from: date | None = None


@dataclass(frozen=True, slots=True)
class EnvironmentFreshness:
    environment: UUID
    name: str
    provider: str
    streams: dict[str, StreamFreshness]


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


def behind(question: CallQuestion, scope: Scope, *, now: datetime | None = None) -> Completeness:
    """What stands under a list of calls. Without a first day it begins with the history that was asked for, and without
    a last one it ends today.
    """
    now = now or timezone.now()
    zone = question.zone or scope.zone
    reach = resolve(question.filters, scope)
    today = local_date(now, zone)
    # The day after, so that its UTC day before is asked for in any zone.
    starts = [day + timedelta(days=1) for day in ledger.history_starts(reach.environments).values()]
    first = question.date_from or min(starts, default=today)
    last = max(question.date_to or today, first)
    return under(reach, Period(first, last + timedelta(days=1), zone), now=now)


def under(
    reach: Reach, period: Period, *, streams: Collection[str] = (Stream.CALLS,), now: datetime | None = None
) -> Completeness:
    """As :func:`completeness`, for a scope and filters already looked up."""
    now = now or timezone.now()
    days = utc_days(period, now)
    readings, closed = _readings(reach, period, streams, now=now)
    totals = [reading.vendor_total for reading in readings + closed]
    # Nothing new can come from a retired environment, so its last reading makes no figures old beside a living one's.
    as_of = [reading.as_of for reading in readings if reading.as_of] or [row.as_of for row in closed if row.as_of]
    return Completeness(
        as_of=min(as_of, default=None),
        complete=bool(readings + closed) and all(reading.complete for reading in readings + closed),
        mirrored=sum(reading.mirrored for reading in readings + closed),
        vendor_total=None if None in totals or not totals else sum(total or 0 for total in totals),
        gaps=tuple(
            _note(gap, reach.environments)
            for gap in ledger.open_gaps(reach.environments)
            if gap.stream in streams and (gap.day is None or (days and days[0] <= gap.day <= days[-1]))
        ),
        corrections=_corrections(reach, period, now),
    )


def _readings(
    reach: Reach, period: Period, streams: Collection[str], *, now: datetime
) -> tuple[list[Reading], list[Reading]]:
    """A reading for each environment, those of retired ones apart: their history ended with them."""
    by_end: dict[datetime, list[Environment]] = defaultdict(list)
    for environment in reach.environments.values():
        by_end[reads_until(environment, now)].append(environment)
    living: list[Reading] = []
    closed: list[Reading] = []
    for end, group in by_end.items():
        by_day = sorted(row.pk for row in group if row.provider in READ_BY_DAY)
        whole = sorted(row.pk for row in group if row.provider not in READ_BY_DAY)
        found = daily(by_day, utc_days(period, end), streams, end)
        if end == now:
            living += found + undivided(whole, period, end)
        elif end > period.starts_at:
            closed += found + undivided(whole, period, end)
        else:
            closed += [Reading(vendor_total=0) for _environment in group]
    return living, closed


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
    counts = count_calls(Call.objects.filter(environment_id__in=untold)) if untold else {}
    found = []
    for pk, environment in sorted(environments.items(), key=lambda item: (item[1].name.casefold(), item[0])):
        streams = {}
        ends = reads_until(environment, now)
        for stream in Stream:
            here = windows[pk, stream]
            if not here and not gaps[pk, stream]:
                continue
            told = sum(window.mirrored or 0 for window in here)
            mirrored = counts.get(pk, 0) if stream == Stream.CALLS and pk in untold else told
            streams[str(stream)] = _stream(here, tuple(gaps[pk, stream]), mirrored, ends)
        found.append(EnvironmentFreshness(environment.public_id, environment.name, environment.provider, streams))
    return found


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
    first = day = min(days)
    while is_whole(days.get(day), now):
        through, day = day, day + timedelta(days=1)
    return StreamFreshness(
        days[max(days)].read_at or max(read, default=None),
        through,
        mirrored,
        sum(totals) if totals else None,
        gaps,
        complete_from=first if through else None,
    )


__all__ = [
    "Completeness",
    "EnvironmentFreshness",
    "GapNote",
    "StreamFreshness",
    "behind",
    "completeness",
    "freshness",
    "under",
]

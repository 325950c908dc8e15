"""How complete and how fresh the data behind a figure are, from the ledger of windows and gaps."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from uuid import UUID

from django.db.models import Count
from django.utils import timezone

from reports.bundle import Bundle
from reports.columns.sources import Sources, ask_sources
from reports.definitions.periods import DAY, Period, day_start, local_date, utc_date
from reports.queries.answer import Completeness, GapNote
from reports.queries.compile import mirrored
from reports.queries.completeness.aside import Aside, asides, notes
from reports.queries.completeness.readings import is_whole, reads_until
from reports.queries.completeness.standing import Standing, noted, reads_by_day
from reports.queries.question import CallQuestion, Filters
from reports.queries.run import Turns
from reports.queries.scope import Scope
from reports.queries.seen import seen
from reports.queries.selector import Selector, resolve
from sync import freshness as ledger
from sync.models.calls import Call
from sync.models.runs import READ, Window
from sync.taxonomy import Stream


@dataclass(frozen=True, slots=True)
class StreamFreshness:
    """``complete_through`` is the last UTC day up to which no day is missing, today included as of ``as_of``.

    ``complete_from`` is the day from which that holds. It is later than the history asked for while that is being read,
    newest days first; None for a stream that is no days. ``mirrored`` and ``vendor_total`` are None where they would
    tell of agents that the reader may not see.
    """

    as_of: datetime | None
    complete_through: date | None
    mirrored: int | None
    vendor_total: int | None
    gaps: tuple[GapNote, ...]
    complete_from: date | None = None
    quarantined: int = 0  # elements that the vendor showed and that could not be read
    accepted: int = 0  # such that a person took for no call


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
    return under(resolve(filters, scope, now=now), period, streams=streams, now=now)


def behind(question: CallQuestion, scope: Scope, *, now: datetime | None = None) -> Completeness:
    """What stands under a list of calls. Without a first day it begins with the history that was asked for, or with an
    earlier day that was read all the same; without a last one it ends today.
    """
    now = now or timezone.now()
    return behind_within(question, resolve(question.filters, scope, now=now), now=now)


def behind_within(question: CallQuestion, selector: Selector, *, now: datetime) -> Completeness:
    """As :func:`behind`, for a scope and filters already looked up."""
    zone = question.zone or selector.scope.zone
    today = local_date(now, zone)
    first = question.date_from
    if first is None:
        first = min((_within(day, zone) for day in ledger.first_days(selector.environments).values()), default=today)
    last = max(question.date_to or today, first)
    return under(selector, Period(first, last + DAY, zone), now=now)


def _within(start: date, zone: str) -> date:
    """The first day of the zone with no part before the UTC day with which a history begins."""
    begins = datetime.combine(start, time.min, UTC)
    return start if day_start(start, zone) >= begins else start + DAY


def under(
    selector: Selector, period: Period, *, streams: Collection[str] = (Stream.CALLS,), now: datetime | None = None
) -> Completeness:
    """As :func:`completeness`, for a scope and filters already looked up. Two queries."""
    now = now or timezone.now()
    ledgers, calls, run = Bundle(), Bundle(), Turns(selector.scope)
    standing = Standing(ledgers, selector, period, streams, now)
    apart = {key: row for key, row in selector.environments.items() if not reads_by_day(row)}
    first, last = utc_date(period.starts_at), utc_date(period.ends_at)
    look_up = ask_sources(ledgers, apart, first, last, run.begin) if apart else Sources
    ledgers.fetch()

    def counted(environment: int, start: datetime, end: datetime) -> int:
        rows = run.kept(mirrored(sources, selector.scope, [environment], start, end, now))
        return sum(int(n) for _key, n in rows)

    try:
        sources = look_up()
        # Days that stand in no file are counted in the mirror, all calls of these environments with them.
        read_completeness = standing.count(calls, None if sources.missing else counted)
        calls.fetch()
        return read_completeness()
    finally:
        run.close()


def freshness(scope: Scope, *, now: datetime | None = None) -> list[EnvironmentFreshness]:
    """How far each environment of the scope is mirrored, stream by stream, by name.

    Who may see some agents only is told how many of their calls are mirrored, and no total that others are part of.
    """
    now = now or timezone.now()
    environments = resolve(Filters(), scope).environments
    windows: dict[tuple[int, str], list[Window]] = defaultdict(list)
    for window in ledger.all_windows(environments):
        windows[window.environment_id, window.stream].append(window)
    gaps: dict[tuple[int, str], list[GapNote]] = defaultdict(list)
    for gap in ledger.open_gaps(environments):
        gaps[gap.environment_id, gap.stream].append(noted(gap, environments))
    unread = asides(environments)
    of_some = scope.agent_ids is not None  # whose calls are counted apart: the ledger's totals tell of every agent
    untold = {
        pk for pk in environments if of_some or any(window.mirrored is None for window in windows[pk, Stream.CALLS])
    }
    rows = seen(Call, scope, untold).order_by().values_list("environment_id")
    counts: dict[int, int] = dict(rows.annotate(n=Count("pk"))) if untold else {}
    starts = ledger.history_starts(environments)
    report = []
    for pk, environment in sorted(environments.items(), key=lambda item: (item[1].name.casefold(), item[0])):
        streams = {}
        ends = reads_until(environment, now)
        for stream in Stream:
            here, aside = windows[pk, stream], unread.of(pk, stream)
            if not here and not gaps[pk, stream]:
                continue
            in_windows = None if of_some else sum(window.mirrored or 0 for window in here)
            mirrored = counts.get(pk, 0) if stream == Stream.CALLS and pk in untold else in_windows
            gap_notes = (*gaps[pk, stream], *notes(aside, environments))
            stream_freshness = _stream(here, gap_notes, mirrored, ends, starts.get(pk))
            streams[str(stream)] = replace(
                stream_freshness if here and here[0].day else _up_to_unread(stream_freshness, aside),
                quarantined=sum(row.unreadable for row in aside),
                accepted=sum(row.accepted for row in aside),
                vendor_total=None if of_some else stream_freshness.vendor_total,
            )
        report.append(EnvironmentFreshness(environment.public_id, environment.name, environment.provider, streams))
    return report


def _stream(
    windows: list[Window], gaps: tuple[GapNote, ...], mirrored: int | None, now: datetime, since: date | None
) -> StreamFreshness:
    totals = [window.vendor_total for window in windows if window.vendor_total is not None]
    days = {window.day: window for window in windows if window.day is not None}
    read = [window.read_at for window in windows if window.read_at is not None]
    if not days:
        whole = bool(windows) and all(window.state in READ for window in windows)
        as_of = min(read, default=None)
        through = utc_date(as_of) if whole and as_of is not None else None
        return StreamFreshness(as_of, through, mirrored, sum(totals) if totals else None, gaps)
    through = None
    # Days read from before the history count as far as nothing is missing between them and it.
    first = day = min((day for day in days if since is None or day >= since), default=max(days))
    while is_whole(days.get(first - DAY), now):
        first -= DAY
    while is_whole(days.get(day), now):
        through, day = day, day + DAY
    return StreamFreshness(
        days[max(days)].read_at or max(read, default=None),
        through,
        mirrored,
        sum(totals) if totals else None,
        gaps,
        complete_from=first if through else None,
    )


def _up_to_unread(stream_freshness: StreamFreshness, aside: Iterable[Aside]) -> StreamFreshness:
    """A stream that is no days is complete up to the day before the first of which an element could not be read."""
    unread = [row for row in aside if row.unreadable]
    if stream_freshness.complete_through is None or not unread:
        return stream_freshness
    days = [row.day for row in unread if row.day is not None]
    if len(days) < len(unread):
        return replace(stream_freshness, complete_through=None)
    return replace(stream_freshness, complete_through=min(stream_freshness.complete_through, min(days) - DAY))


__all__ = [
    "Completeness",
    "EnvironmentFreshness",
    "GapNote",
    "StreamFreshness",
    "behind",
    "behind_within",
    "completeness",
    "freshness",
    "under",
]

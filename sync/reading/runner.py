"""Pulling: what is due, one stream after the other, each under its own run."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, timedelta
from functools import partial

from django.db import DatabaseError
from django.db.models import Q

from portal.privacy.ledger import agree
from portal.work.clock import database_now
from portal.work.retries import persist
from sync import windows
from sync.connections import TokenSealed, access_of
from sync.leases import LEASE, Busy, LostLease, claim, suspects
from sync.mirror.broken import forget_parts
from sync.models.connections import Connection
from sync.models.quarantine import OPEN, Quarantine
from sync.models.runs import READ, Gap, Run, RunState, Window, WindowState
from sync.providers import registry
from sync.providers.base import Part, Provider
from sync.reading.fetching import Fetchers
from sync.reading.reader import Limits, StreamReader
from sync.reading.readings import Progress, StreamReport
from sync.taxonomy import Fault, Stream

PASSES = 4  # readings of windows that moved while they were read, when there is time to settle them
NAMED = 20  # elements that could not be read which a report names
FOREGROUND = 3600.0  # seconds a person's pull waits when the vendor asks it to


@dataclass(slots=True)
class PullReport:
    """What a pull came to. ``status``: complete, partial or failed."""

    streams: dict[Stream, StreamReport] = field(default_factory=dict)

    @property
    def status(self) -> str:
        states = {report.status for report in self.streams.values()}
        if states <= {"complete"}:
            return "complete"
        return "failed" if states == {"failed"} else "partial"

    def as_json(self) -> dict[str, object]:
        streams = {str(stream): report.as_json() for stream, report in self.streams.items()}
        return {"status": self.status, "streams": streams}


@dataclass(frozen=True, slots=True)
class Manner:
    """How to read. A person's pull is patient and settles what moved; a worker's slice gives way soon."""

    patience: float = FOREGROUND  # seconds to wait for the vendor or the budget
    seconds: float | None = None  # begin no window after these
    settle: bool = True
    fresh: bool = True  # read recent days again whenever they were read
    wait_for_others: float = 150.0  # seconds to wait while another process reads the stream
    gives_way: Callable[[], bool] | None = None  # whether others want to be read, or nobody this any more


# A worker's task ends within its time limit even when a window is begun at the last moment and takes ten minutes.
SLICE = Manner(patience=5.0, seconds=90.0, settle=False, fresh=False, wait_for_others=0.0)


def pull(
    connection: Connection,
    streams: Sequence[Stream] = (),
    *,
    since: date | None = None,
    until: date | None = None,
    manner: Manner = Manner(),
    progress: Progress | None = None,
) -> PullReport:
    """Read streams of a connection (all by default): the UTC days from ``since`` to ``until``, or what is due.

    Days before the connection's own ``since`` may be read like any others; how far back the mirror goes stays as it is.
    The wall of the connection's tenant must be open. What goes wrong with the vendor, the connection or another process
    that is reading stands in the report; nothing of that raises. TokenSealed is raised before anything is noted.
    """
    provider = registry.get(connection.provider)
    access_of(connection)
    persist(lambda: agree(connection.tenant_id))
    chosen = [stream for stream in provider.streams if not streams or stream in streams]
    report = PullReport()
    with Fetchers(provider, lambda: access_of(connection)) as fetchers:
        for stream in chosen:
            if any(each.fault == Fault.REJECTED for each in report.streams.values()):
                report.streams[stream] = StreamReport("failed", fault=Fault.REJECTED)
                continue
            plan_parts = partial(plan, connection, provider, stream, since=since, until=until, fresh=manner.fresh)
            report.streams[stream] = _pull_stream(connection, stream, fetchers, plan_parts, (manner, progress))
    return report


def _pull_stream(
    connection: Connection,
    stream: Stream,
    fetchers: Fetchers,
    plan_parts: Callable[[], list[Part]],
    how: tuple[Manner, Progress | None],
) -> StreamReport:
    manner, progress = how
    try:
        if not persist(plan_parts):  # a hint that came late or twice
            return StreamReport()
        run = _claim(connection, stream, manner.wait_for_others)
        last = persist(lambda: suspects(run)) if manner.seconds is not None else None  # a person sees a process die
    except ValueError as error:  # settings that can't serve
        return StreamReport("failed", fault=Fault.REFUSED, detail=str(error))
    except Busy:
        return StreamReport("partial", busy=True)
    deadline = None if manner.seconds is None else time.monotonic() + manner.seconds
    limits = Limits(manner.patience, deadline, manner.gives_way, last)
    reader = StreamReader(connection, run, fetchers, limits, progress=progress)
    return _read(reader, plan_parts, settle=manner.settle)


def plan(
    connection: Connection,
    provider: Provider,
    stream: Stream,
    *,
    since: date | None = None,
    until: date | None = None,
    fresh: bool = False,
) -> list[Part]:
    """The parts of a stream that are to be read, in the order to read them. Raises ValueError for settings that can't
    serve."""
    now = database_now()
    rows = Window.objects.filter(environment_id=connection.environment_id, stream=stream).order_by()
    ledger = {
        part: windows.Seen(state in READ, next_at)
        for part, state, next_at in rows.values_list("part", "state", "next_attempt_at")
    }
    if stream not in provider.daily:
        parts = provider.parts(stream, connection.settings, [])
        if fresh or since is not None or until is not None:
            return parts
        return [part for part in parts if windows.is_due(ledger.get(part.key), now)]
    today = now.astimezone(UTC).date()
    if since is not None or until is not None:
        days = windows.days(since or connection.since, min(until or today, today))
    else:
        seen = {date.fromisoformat(part): window for part, window in ledger.items()}
        days = windows.due_days(connection.since, now, seen, fresh=fresh)
    return provider.parts(stream, connection.settings, days)


def _claim(connection: Connection, stream: Stream, wait: float) -> Run:
    deadline = time.monotonic() + wait
    while True:
        try:
            return persist(lambda: claim(connection, stream))
        except Busy:
            if time.monotonic() >= deadline:
                raise
            time.sleep(1.0)


def _read(reader: StreamReader, plan_parts: Callable[[], list[Part]], *, settle: bool) -> StreamReport:
    report = reader.report
    try:
        parts = persist(plan_parts)  # once more, now that nobody else reads
        persist(lambda: _forget_parts(reader, parts))
        reader.read(parts)
        # Something moved in days that should lie still: read them until a pass finds them at rest.
        for _ in range(PASSES - 1):
            if not (settle and report.moved) or report.stopped:
                break
            report.moved = False
            before = (reader.tally.new, reader.tally.changed, reader.tally.missing)
            reader.read(parts)
            report.moved = report.moved or before != (reader.tally.new, reader.tally.changed, reader.tally.missing)
        if report.quarantined:
            report.unreadable = persist(lambda: _named(reader))
        _end(reader, _verdict(report))
    except LostLease:
        report.fault, report.status = Fault.LOST_LEASE, "partial"
    except BaseException as error:
        cut = isinstance(error, KeyboardInterrupt | SystemExit | TokenSealed)  # nothing of the run went wrong
        with suppress(DatabaseError):  # the first error is the one to tell; the sweeper ends the run as well
            _end(reader, RunState.INTERRUPTED if cut else RunState.FAILED)
        raise
    tally = reader.tally
    report.new, report.changed = tally.new, tally.changed
    return report


def _named(reader: StreamReader) -> list[dict[str, object]]:
    """The first elements that could not be read, as a person can look them up."""
    rows = Quarantine.objects.filter(
        OPEN, environment_id=reader.connection.environment_id, stream=reader.stream, part__in=reader.unreadable[:NAMED]
    )
    return [
        {
            "id": str(row.public_id),
            "kind": row.kind,
            "external_id": row.external_id,
            "day": row.day.isoformat() if row.day else None,
            "reason": row.reason,
            "times": row.times,
        }
        for row in rows.defer("raw").order_by("day", "id")[:NAMED]
    ]


def _forget_parts(reader: StreamReader, parts: Sequence[Part]) -> None:
    """Windows of agents that are not among the settings any more are nobody's to read. Their calls stay."""
    if any(part.day is not None for part in parts):
        return
    connection, stream = reader.connection, reader.stream
    every = {part.key for part in registry.get(connection.provider).parts(stream, connection.settings, [])}
    here = {"environment_id": connection.environment_id, "stream": stream, "day": None}
    now = database_now()
    Gap.objects.filter(**here, closed_at=None).exclude(part__in=every).update(closed_at=now)
    forget_parts(connection.environment_id, stream, every, now)
    Window.objects.filter(**here).exclude(part__in=every).delete()


def _verdict(report: StreamReport) -> RunState:
    if not report.windows_incomplete and not report.stopped:
        report.status, report.fault, report.detail = "complete", None, ""
        return RunState.COMPLETE
    # A window with elements that can't be understood was read all the same.
    if report.quarantined:
        report.blame(Fault.UNREADABLE, f"{report.quarantined} elements could not be understood")
    report.status = "partial" if report.windows_complete or report.quarantined else "failed"
    if not report.windows_complete and report.fault is None:
        report.status = "partial"  # nothing failed: time or budget ended first
    return RunState.FAILED if report.status == "failed" else RunState.PARTIAL


def _end(reader: StreamReader, state: RunState) -> None:
    report, tally = reader.report, reader.tally
    mine = LEASE.held(Run.objects.filter(state=RunState.RUNNING), reader.run)
    persist(
        lambda: LEASE.settle(
            mine,
            state=state,
            fault=report.fault or "",
            detail=report.detail[:300],
            finished_at=database_now(),
            seen=report.seen,
            requests=report.requests,
            new=tally.new,
            changed=tally.changed,
            quarantined=report.quarantined,
            missing=tally.missing,
            windows_complete=report.windows_complete,
            windows_incomplete=report.windows_incomplete,
        )
    )


def make_due(connection: Connection) -> None:
    """Have recent days, lists and everything incomplete read at the next chance; what was read whole stays so."""
    rows = Window.objects.filter(environment_id=connection.environment_id)
    now = database_now()
    recent = now.astimezone(UTC).date() - timedelta(days=windows.OVERLAP[0])
    lacking = Q(state__in=(WindowState.INCOMPLETE, WindowState.UNREADABLE))
    rows.filter(Q(day=None) | Q(day__gte=recent) | lacking).update(next_attempt_at=now)

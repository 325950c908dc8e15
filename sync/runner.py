"""Pulling: what is due, one stream after the other, each under its own run."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, timedelta
from functools import partial

from django.db import DatabaseError
from django.db.models import Q

from sync import windows
from sync.connections import access_of
from sync.fetching import Fetchers
from sync.leases import Busy, LostLease, claim, database_now
from sync.models.connections import Connection
from sync.models.runs import Gap, Run, RunState, Window, WindowState
from sync.providers import registry
from sync.providers.base import Part, Provider
from sync.reader import Limits, Reader
from sync.readings import Progress, StreamReport
from sync.retries import persist
from sync.taxonomy import Fault, Stream

PASSES = 4  # readings of windows that moved while they were read, when there is time to settle them
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
    fresh: timedelta | None = timedelta(0)  # read recent days again whatever their age
    wait_for_others: float = 150.0  # seconds to wait while another process reads the stream


# A worker's task ends within its time limit even when a window is begun at the last moment and takes ten minutes.
SLICE = Manner(patience=5.0, seconds=150.0, settle=False, fresh=None, wait_for_others=0.0)


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

    The wall of the connection's tenant must be open. What goes wrong with the vendor, the connection or another process
    that is reading stands in the report; nothing of that raises.
    """
    provider = registry.get(connection.provider)
    chosen = [stream for stream in provider.streams if not streams or stream in streams]
    if since is not None and since < connection.since:
        connection.since = since
        connection.save(update_fields=["since"])
    report = PullReport()
    with Fetchers(provider, lambda: access_of(connection)) as fetchers:
        for stream in chosen:
            if any(told.fault == Fault.REJECTED for told in report.streams.values()):
                report.streams[stream] = StreamReport("failed", fault=Fault.REJECTED)
                continue
            wanted = partial(plan, connection, provider, stream, since=since, until=until, fresh=manner.fresh)
            report.streams[stream] = _pull_stream(connection, stream, fetchers, wanted, (manner, progress))
    return report


def _pull_stream(
    connection: Connection,
    stream: Stream,
    fetchers: Fetchers,
    wanted: Callable[[], list[Part]],
    how: tuple[Manner, Progress | None],
) -> StreamReport:
    manner, progress = how
    try:
        if not persist(wanted):  # a hint that came late or twice
            return StreamReport()
        run = _claim(connection, stream, manner.wait_for_others)
    except ValueError as error:  # settings that can't serve
        return StreamReport("failed", fault=Fault.REFUSED, detail=str(error))
    except Busy:
        return StreamReport("partial", busy=True)
    deadline = None if manner.seconds is None else time.monotonic() + manner.seconds
    reader = Reader(connection, run, fetchers, Limits(manner.patience, deadline), progress=progress)
    return _read(reader, wanted, settle=manner.settle)


def plan(
    connection: Connection,
    provider: Provider,
    stream: Stream,
    *,
    since: date | None = None,
    until: date | None = None,
    fresh: timedelta | None = None,
) -> list[Part]:
    """The parts of a stream that are to be read, in the order to read them. Raises ValueError for settings that can't
    serve."""
    now = database_now()
    ledger = {
        window.part: windows.Seen(window.state == WindowState.COMPLETE, window.read_at, window.next_attempt_at)
        for window in Window.objects.filter(environment_id=connection.environment_id, stream=stream)
    }
    if stream not in provider.daily:
        parts = provider.parts(stream, connection.settings, [])
        if fresh is not None or since is not None or until is not None:
            return parts
        return [part for part in parts if windows.list_is_due(stream, ledger.get(part.key), now)]
    today = now.astimezone(UTC).date()
    if since is not None or until is not None:
        days = windows.days(since or connection.since, min(until or today, today))
    else:
        seen = {date.fromisoformat(part): known for part, known in ledger.items()}
        days = windows.due_days(connection.since, now, seen, fresh=fresh)
    return provider.parts(stream, connection.settings, days)


def is_due(connection: Connection, stream: Stream) -> bool:
    """Whether beat should have the stream read."""
    return bool(plan(connection, registry.get(connection.provider), stream))


def _claim(connection: Connection, stream: Stream, wait: float) -> Run:
    deadline = time.monotonic() + wait
    while True:
        try:
            return persist(lambda: claim(connection, stream))
        except Busy:
            if time.monotonic() >= deadline:
                raise
            time.sleep(1.0)


def _read(reader: Reader, wanted: Callable[[], list[Part]], *, settle: bool) -> StreamReport:
    report = reader.report
    try:
        parts = persist(wanted)  # once more, now that nobody else reads
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
        _end(reader, _verdict(report))
    except LostLease:
        report.fault, report.status = Fault.LOST_LEASE, "partial"
    except BaseException:
        with suppress(DatabaseError):  # the first error is the one to tell; the sweeper ends the run as well
            _end(reader, RunState.FAILED)
        raise
    reader.finish()
    tally = reader.tally
    report.new, report.changed, report.quarantined = tally.new, tally.changed, tally.quarantined
    return report


def _forget_parts(reader: Reader, parts: Sequence[Part]) -> None:
    """Windows of agents that are not among the settings any more are nobody's to read. Their calls stay."""
    if any(part.day is not None for part in parts):
        return
    connection, stream = reader.connection, reader.stream
    every = {part.key for part in registry.get(connection.provider).parts(stream, connection.settings, [])}
    here = {"environment_id": connection.environment_id, "stream": stream, "day": None}
    Gap.objects.filter(**here, closed_at=None).exclude(part__in=every).update(closed_at=database_now())
    Window.objects.filter(**here).exclude(part__in=every).delete()


def _verdict(report: StreamReport) -> RunState:
    if not report.windows_incomplete and not report.stopped:
        report.status, report.fault, report.detail = "complete", None, ""
        return RunState.COMPLETE
    report.status = "partial" if report.windows_complete else "failed"
    if not report.windows_complete and report.fault is None:
        report.status = "partial"  # nothing failed: time or budget ended first
    return RunState.FAILED if report.status == "failed" else RunState.PARTIAL


def _end(reader: Reader, state: RunState) -> None:
    report, tally = reader.report, reader.tally
    mine = Run.objects.filter(pk=reader.run.pk, fence=reader.run.fence, state=RunState.RUNNING)
    persist(
        lambda: mine.update(
            state=state,
            fault=report.fault or "",
            detail=report.detail[:300],
            lease_until=None,
            finished_at=database_now(),
            seen=report.seen,
            requests=report.requests,
            new=tally.new,
            changed=tally.changed,
            quarantined=tally.quarantined,
            missing=tally.missing,
            windows_complete=report.windows_complete,
            windows_incomplete=report.windows_incomplete,
        )
    )


def make_due(connection: Connection) -> None:
    """Have recent days, lists and everything incomplete read at the next chance; what was read whole stays so."""
    held = Window.objects.filter(environment_id=connection.environment_id)
    now = database_now()
    recent = now.astimezone(UTC).date() - timedelta(days=windows.OVERLAP[0])
    held.filter(Q(day=None) | Q(day__gte=recent) | Q(state=WindowState.INCOMPLETE)).update(next_attempt_at=now)

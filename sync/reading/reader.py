"""The loop that reads: asks leave within the budget, answers come back from threads, rows go to the mirror.

One process reads a stream of an environment at a time (``sync.leases``). Its main thread alone decides; a handful of
threads only fetch and read answers, and one may write a batch beside them (``sync.reading.writing``). Reading goes on
in windows, each of them either whole or not (``sync.providers.paging``), and everything learned is written with the
state of its window in one transaction, so a process may die anywhere: the next one goes on from the rows.
"""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from portal.work.clock import database_now
from portal.work.retries import persist
from sync import windows
from sync.connections import accept, reject
from sync.leases import hold
from sync.mirror import Closing, Mirror, Tally
from sync.models.connections import Connection, ConnectionState, DayFilter
from sync.models.runs import Run
from sync.providers import limits, registry
from sync.providers.base import Ask, Part
from sync.providers.paging import Walk
from sync.reading.fetching import Answered, Event, Failed, Fetchers, Finished
from sync.reading.knowledge import accepted_marks, believes, by_the_vendor, held_ids, known_digests, learn
from sync.reading.pacing import Pace, backoff
from sync.reading.readings import Progress, Reading, StreamReport
from sync.reading.writing import Batch, Writer
from sync.taxonomy import PASSING, Fault, Stream

OPEN_WINDOWS = 6  # windows read side by side, so that small days keep the fetchers busy
BATCH = 5_000  # records in one transaction
BATCH_BYTES = 8 * 1024 * 1024  # that the records of one transaction take: calls with transcripts are heavy
BATCH_AGE = 2.0  # seconds after which a smaller batch is written
CLOSINGS = 50  # windows that ended and are not written yet
ASK_TRIES = 6  # for one request
WALK_TRIES = 6  # for one window that keeps moving
GIVE_UP = 8  # windows that failed in a row, after which the vendor is left alone
SHORTEST = 10.0  # seconds of a slice before it gives way to others
GRACE = 60.0  # seconds after the deadline in which windows under way may still try again
RENEW = 20.0  # seconds between renewals of the lease while nothing is written

_MOVING = frozenset({Fault.DRIFT, Fault.EMPTY_PAGE})  # walking again at once may settle it


@dataclass(slots=True)
class Limits:
    """``patience``: seconds the vendor's wish or the budget is waited for. ``deadline``: when, on the monotonic clock,
    to begin no window more; that is at once when ``gives_way``, which is asked every few seconds. ``last``: after
    a process died of this stream, the windows it may have been; then one is read after the other, these at the end."""

    patience: float
    deadline: float | None = None
    gives_way: Callable[[], bool] | None = None
    last: Collection[str] | None = None
    _ask_at: float = field(default_factory=lambda: time.monotonic() + SHORTEST)

    def is_over(self, grace: float = 0.0) -> bool:
        now = time.monotonic()
        if self.gives_way is not None and now >= self._ask_at:
            self._ask_at = now + SHORTEST
            if self.gives_way():
                self.deadline = min(now, self.deadline or now)
        return self.deadline is not None and now > self.deadline + grace


class StreamReader:
    """Reads the given parts of one stream under one run."""

    def __init__(
        self,
        connection: Connection,
        run: Run,
        fetchers: Fetchers,
        limits: Limits,
        *,
        progress: Progress | None = None,
    ) -> None:
        self.connection = connection
        self.run = run
        self.stream = Stream(run.stream)
        self.report = StreamReport()
        self._provider = registry.get(connection.provider)
        self._fetchers = fetchers
        self._limits = limits
        self._progress = progress
        self._mirror = Mirror(run, connection, connection.tenant.zone)
        self._pace = Pace(connection, limits.patience)
        self._todo: list[Part] = []
        self._open: dict[int, Reading] = {}
        self._later: list[tuple[float, Reading, Ask]] = []  # asks to be sent again, and when
        self._writer = Writer(self._mirror)
        self._batch = Batch()  # what waits to be written
        self._written_at = self._held_at = self._clock_at = time.monotonic()
        self._clock = persist(database_now)
        self._planned = 0
        self._done: set[str] = set()
        self._incomplete: set[str] = set()
        self._unreadable: dict[str, int] = {}  # by window: elements that can't be read
        self._failed_in_a_row = 0

    @property
    def unreadable(self) -> list[str]:
        """The windows read that hold elements that can't be."""
        return [key for key, count in self._unreadable.items() if count]

    @property
    def tally(self) -> Tally:
        return self._mirror.tally

    # --- the loop ---

    def read(self, parts: Sequence[Part]) -> None:
        """Read the parts, each until it is whole or given up. May be called again for another pass."""
        self._todo = list(reversed(parts))
        if self._limits.last is not None:
            later = self._limits.last
            self._todo.sort(key=lambda part: part.key not in later)  # taken from the end
        self._planned = max(self._planned, len(parts))
        with self._writer:
            try:
                while self._todo or self._open:
                    self._begin()
                    self._receive(self._send())
                    self._write_if_due()
            except BaseException:  # a worker that is to end must not wait for a vendor that hangs
                self._fetchers.drain(at_once=True)
                raise
            self._fetchers.drain()
            self._write()

    def _begin(self) -> None:
        most = OPEN_WINDOWS if self._limits.last is None else 1
        while self._todo and len(self._open) < most and not self._limits.is_over():
            self._start(self._todo.pop())
        if self._todo and not self._open:  # out of time: what is left stays due
            self._leave_the_rest()

    def _leave_the_rest(self) -> None:
        self.report.stopped = self.report.stopped or bool(self._todo)
        self._todo.clear()

    def _start(self, part: Part, tries: int = 1) -> None:
        if self.connection.day_filter == DayFilter.WIDE and part.day is not None and self.stream == Stream.CALLS:
            part = replace(part, wide=True)
        self._clock, self._clock_at = persist(database_now), time.monotonic()
        if self._limits.last is not None:
            persist(lambda: hold(self.run, detail=part.key))  # where it was, should it die
        reading = Reading(
            part=part,
            walk=Walk(self._provider, part, self.connection.settings),
            known=persist(lambda: known_digests(self.connection.environment_id, part)),
            read_at=self._clock,
            tries=tries,
        )
        self._open[id(reading)] = reading
        if reading.walk.over:  # a part that asks for nothing
            self._finish(reading)

    def _send(self) -> float:
        """Hand asks to free fetchers while they may leave. Returns the seconds there is nothing to send."""
        now = time.monotonic()
        while self._fetchers.free:
            chosen = self._choose(now)
            if chosen is None:
                return max(0.0, min((at for at, _, _ in self._later), default=now + 1.0) - now)
            reading, ask = chosen
            wait = 0.0 if ask.local else self._pace.take()
            if wait:
                reading.walk.put_back(ask)
                if self._pace.beyond_patience:
                    self._stop(Fault.THROTTLED)
                elif wait > self._limits.patience:  # finish what is begun; the rest stays due
                    self._leave_the_rest()
                return wait
            self.report.requests += not ask.local
            reading.begin(ask, now)
            self._fetchers.send(reading, ask, reading.known, self._now())
        return 1.0

    def _now(self) -> datetime:
        """The database's clock, which orders versions read by different hosts, without asking for it each time."""
        return self._clock + timedelta(seconds=time.monotonic() - self._clock_at)

    def _choose(self, now: float) -> tuple[Reading, Ask] | None:
        for place, (at, reading, ask) in enumerate(self._later):
            if at <= now:
                del self._later[place]
                return reading, ask
        for reading in self._open.values():
            ask_now = reading.walk.next()
            if ask_now is not None:
                return reading, ask_now
        return None

    def _receive(self, pause: float) -> None:
        event = self._fetchers.get(min(pause, 1.0) if self._open else 0.0)
        while event is not None:
            self._apply(event)
            event = None if self._is_full else self._fetchers.get(0.0)

    @property
    def _is_full(self) -> bool:
        return len(self._batch.records) >= BATCH or self._batch.weight >= BATCH_BYTES

    def _apply(self, event: Event) -> None:
        reading: Reading = event.reading
        if isinstance(event, Answered):
            reading.take(event.ask, event.page)
            self.report.seen += len(event.page.keys)
            # Versions are told apart by when they were asked for, to the request.
            self._batch.take(event.page.records, event.asked_at, event.hold)
            return
        if isinstance(event, Finished):
            self._answered(event)
        else:
            self._fail(event)
        if reading.walk.fault is not None:
            self._recall(reading)
        if id(reading) in self._open and reading.walk.over:
            self._finish(reading)

    def _answered(self, event: Finished) -> None:
        event.reading.walk.close(event.ask)
        if event.ask.local:
            return
        self._pace.answered()
        if self.connection.state in (ConnectionState.REJECTED, ConnectionState.UNTESTED) and not self.report.stopped:
            persist(lambda: accept(self.connection))

    def _recall(self, reading: Reading) -> None:
        """Asks of a walk that failed need not be sent again."""
        for entry in [entry for entry in self._later if entry[1] is reading]:
            self._later.remove(entry)
            reading.walk.put_back(entry[2])

    # --- how a request ends that brought nothing ---

    def _fail(self, event: Failed) -> None:
        reading, ask, error = event.reading, event.ask, event.error
        if error.fault == Fault.REJECTED and (event.session != self._fetchers.session or self._takes_new_token()):
            reading.walk.put_back(ask)
            return
        tries = reading.failed[ask] = reading.failed.get(ask, 0) + 1
        if error.fault == Fault.REJECTED:
            persist(lambda: reject(self.connection))
            self._stop(Fault.REJECTED, error.detail)
        elif error.fault == Fault.ADDRESS:  # no request of any window can leave
            self._stop(Fault.ADDRESS, error.detail)
        elif error.fault == Fault.THROTTLED or error.retry_after is not None:
            if self._pace.throttled(error.retry_after) > self._limits.patience:
                self._stop(Fault.THROTTLED, error.detail)
            elif tries < ASK_TRIES:
                reading.walk.put_back(ask)
                return
        elif error.fault in PASSING and self._may_try_again(tries, reading.asked[ask]):
            self._later.append((time.monotonic() + backoff(tries), reading, ask))
            return
        reading.walk.fail(ask, error.fault, error.detail)

    def _may_try_again(self, tries: int, since: float) -> bool:
        """A vendor that takes its time to fail may not do so as often as one that fails at once."""
        if self._limits.is_over(GRACE) or time.monotonic() - since >= limits.ASK_SECONDS:
            return False
        return tries < ASK_TRIES

    def _takes_new_token(self) -> bool:
        """Whether the token was changed since this reader took it up; then it speaks with the new one."""
        before = self.connection.token_fingerprint
        persist(self.connection.refresh_from_db)
        if self.connection.token_fingerprint == before:
            return False
        self._fetchers.renew()
        return True

    def _stop(self, fault: Fault, detail: str = "") -> None:
        """Begin nothing more, and end what is under way with ``fault``. What was only planned stays due."""
        self.report.stopped = True
        self.report.blame(fault, detail)
        self._todo.clear()
        for reading in list(self._open.values()):
            if not reading.asked:
                del self._open[id(reading)]
                continue
            if reading.walk.fault is None:
                reading.walk.fault, reading.walk.detail = fault, detail
            self._recall(reading)
            if reading.walk.over:
                self._finish(reading)

    # --- how a window ends ---

    def _finish(self, reading: Reading) -> None:
        del self._open[id(reading)]
        part, walk = reading.part, reading.walk
        if walk.whole and self._wants_wider(reading):
            self._start(replace(part, wide=True))
            return
        if walk.fault in _MOVING:
            self.report.moved = self.report.moved or self._is_settled(part)
            if reading.tries < WALK_TRIES and not self.report.stopped and not self._limits.is_over(GRACE):
                self._write()  # so that the next walk knows what this one saw, and can tell what vanished since
                self._start(part, reading.tries + 1)
                return
        self._close(reading)

    def _close(self, reading: Reading) -> None:
        part = reading.part
        had = set() if not reading.walk.whole else set(reading.known.values())
        if reading.walk.whole and (part.wide or self.stream != Stream.CALLS):
            self._writer.settle()
            had = persist(lambda: held_ids(self.connection.environment_id, part))
        had = by_the_vendor(self.connection.tenant_id, had, reading.walk.keys | reading.broken_keys)
        accepted = persist(lambda: accepted_marks(self.connection.environment_id, part)) if reading.aside else ()
        closing = reading.closing(had, self.connection.blocked_until, accepted)
        if closing.fault == Fault.VANISHED and persist(lambda: believes(self.connection.environment_id, part)):
            closing.fault = None
        self._batch.closings.append(closing)
        self._count(closing)
        if self._failed_in_a_row >= GIVE_UP and not self.report.stopped:
            self._stop(closing.fault or Fault.SERVER, closing.detail)

    def _count(self, closing: Closing) -> None:
        report, key = self.report, closing.part.key
        self._done.add(key)
        self._unreadable[key] = closing.unreadable if closing.fault is None else 0
        if closing.fault is None:
            self._failed_in_a_row = 0
            (self._incomplete.add if closing.unreadable else self._incomplete.discard)(key)
        else:
            self._incomplete.add(key)
            report.blame(closing.fault, closing.detail)
            self._failed_in_a_row += closing.fault not in {*_MOVING, Fault.VANISHED}
        report.quarantined = sum(self._unreadable.values())
        report.windows_incomplete = len(self._incomplete)
        report.windows_complete = len(self._done) - len(self._incomplete)
        if self._progress is not None:
            self._progress(self.stream, len(self._done), self._planned, report.seen)

    def _wants_wider(self, reading: Reading) -> bool:
        """Learn how the vendor's date filter behaves; True when the part must be asked a day wider."""
        part, behaviour = reading.part, self.connection.day_filter
        if part.day is None or self.stream != Stream.CALLS:
            return False
        if part.wide:
            if reading.in_day and behaviour != DayFilter.WIDE:  # the exact answer had left these out
                self._learn(DayFilter.WIDE)
            return False
        if reading.strayed and behaviour != DayFilter.WIDE:
            self._learn(DayFilter.WIDE)
        if reading.walk.keys and behaviour == DayFilter.UNKNOWN and not reading.strayed:
            self._learn(DayFilter.EXACT)
        return self.connection.day_filter != DayFilter.EXACT

    def _learn(self, behaviour: DayFilter) -> None:
        persist(lambda: learn(self.connection, behaviour))
        # Windows that were read exactly before have to be read again.
        self.report.moved = self.report.moved or (behaviour == DayFilter.WIDE and bool(self._done))

    def _is_settled(self, part: Part) -> bool:
        today = self._now().astimezone(UTC).date()
        return part.day is not None and (today - part.day).days > windows.OVERLAP[0]

    # --- writing ---

    def _write_if_due(self) -> None:
        now = time.monotonic()
        if now - self._held_at > RENEW:
            persist(lambda: hold(self.run, requests=self.report.requests))
            self._held_at = now
        if self._writer.busy:  # what waits meanwhile is bounded by the room that all answers share
            return
        idle = bool(self._batch) and now - self._written_at > BATCH_AGE
        idle = idle or (self._limits.last is not None and bool(self._batch.closings))
        hungry = bool(self._batch.records) and self._fetchers.starved  # room comes back with what is written
        if self._is_full or len(self._batch.closings) >= CLOSINGS or idle or hungry:
            self._write(beside=self._is_full)

    def _write(self, *, beside: bool = False) -> None:
        """Hand over what waits. Unless it is written ``beside``, all of it is in the mirror afterwards."""
        batch, self._batch = self._batch, Batch()
        progress = {
            "seen": self.report.seen,
            "requests": self.report.requests,
            "quarantined": self.report.quarantined,
            "windows_planned": self._planned,
            "windows_complete": self.report.windows_complete,
            "windows_incomplete": self.report.windows_incomplete,
        }
        self._writer.write(batch, progress, beside=beside)
        self._written_at = self._held_at = time.monotonic()

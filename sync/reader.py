"""The loop that reads: asks leave within the budget, answers come back from threads, rows go to the mirror.

One process reads a stream of an environment at a time (``sync.leases``). Its main thread alone talks to the database
and decides; a handful of threads only fetch and read answers. Reading goes on in windows, each of them either whole or
not (``sync.providers.paging``), and everything learned is written with the state of its window in one transaction, so a
process may die anywhere: the next one goes on from the rows.
"""

import random
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from sync import windows
from sync.budget import Allowance
from sync.connections import access_of, set_state
from sync.fetching import Answered, Event, Fetchers, Finished
from sync.leases import database_now, hold
from sync.mirror import Closing, Mirror, Tally
from sync.mirror.calls import known_of, known_of_agent
from sync.mirror.write import keys_of_list, unplaced_of
from sync.models.connections import Connection, ConnectionState, DayFilter
from sync.models.runs import Run
from sync.providers import registry
from sync.providers.base import Ask, Page, Part, UpstreamError
from sync.providers.paging import Walk
from sync.readings import Progress, Reading, StreamReport
from sync.records import BrokenRecord, CallRecord, Record
from sync.taxonomy import PASSING, Fault, Stream

OPEN_WINDOWS = 6  # windows read side by side, so that small days keep the fetchers busy
BATCH = 5_000  # records in one transaction
BATCH_BYTES = 8 * 1024 * 1024  # of raw text in one transaction: calls with transcripts are heavy
BATCH_AGE = 2.0  # seconds after which a smaller batch is written
ASK_TRIES = 6  # for one request
WALK_TRIES = 6  # for one window that keeps moving
RENEW = 20.0  # seconds between renewals of the lease while nothing is written
NO_HINT_PAUSE = 60.0  # after a 429 without Retry-After; doubles


class Reader:
    """Reads the given parts of one stream under one run."""

    def __init__(
        self,
        connection: Connection,
        run: Run,
        fetchers: Fetchers,
        *,
        patience: float,
        deadline: float | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.connection = connection
        self.run = run
        self.stream = Stream(run.stream)
        self.provider = registry.get(connection.provider)
        self.report = StreamReport()
        self._fetchers = fetchers
        self._patience = patience
        self._deadline = deadline
        self._progress = progress
        self._mirror = Mirror(run, connection, connection.tenant.zone)
        self._allowance = Allowance(connection)
        self._settings = dict(connection.settings)
        self._todo: list[Part] = []
        self._open: dict[int, Reading] = {}
        self._later: list[tuple[float, Reading, Ask]] = []  # asks to be sent again, and when
        self._closings: list[Closing] = []
        self._waiting: list[tuple[Record, datetime]] = []
        self._waiting_bytes = 0
        self._written_at = time.monotonic()
        self._held_at = time.monotonic()
        self._not_before = 0.0
        self._pause = NO_HINT_PAUSE
        self._reloaded = False
        self._planned = 0
        self._verdicts: dict[str, Fault | None] = {}

    # --- the loop ---

    def read(self, parts: Sequence[Part]) -> None:
        """Read the parts, each until it is whole or given up. May be called again for another pass."""
        self._todo = list(reversed(parts))
        self._planned = max(self._planned, len(parts))
        self._wait_as_asked()
        try:
            while self._todo or self._open:
                self._begin()
                self._receive(self._send())
                self._write_if_due()
        finally:
            self._fetchers.drain()
        self._write()

    def _begin(self) -> None:
        while self._todo and len(self._open) < OPEN_WINDOWS and not self._is_over_time():
            self._start(self._todo.pop())
        if self._todo and not self._open:  # out of time: what is left stays due
            self.report.stopped = True
            self._todo.clear()

    def _wait_as_asked(self) -> None:
        """Keep a pause that the vendor asked of an earlier run or another process."""
        until = self.connection.blocked_until
        left = (until - database_now()).total_seconds() if until else 0.0
        if left > self._patience:
            self._stop(Fault.THROTTLED)
        elif left > 0:
            self._not_before = time.monotonic() + left

    def _is_over_time(self) -> bool:
        return self._deadline is not None and time.monotonic() > self._deadline

    def _start(self, part: Part, tries: int = 1) -> None:
        reading = Reading(
            part=part,
            walk=Walk(self.provider, part, self._settings),
            known=self._known(part),
            read_at=database_now(),
            tries=tries,
        )
        self._open[id(reading)] = reading
        if reading.walk.over:  # a part that asks for nothing
            self._finish(reading)

    def _known(self, part: Part) -> Mapping[bytes, str]:
        if self.stream != Stream.CALLS:
            return {}
        if part.day is None:
            return known_of_agent(self.connection.environment_id, part.key.removeprefix("agent:"))
        first = datetime(part.day.year, part.day.month, part.day.day, tzinfo=UTC)
        edge = timedelta(days=1 if part.wide else 0)
        return known_of(self.connection.environment_id, first - edge, first + timedelta(days=1) + edge)

    def _send(self) -> float:
        """Hand asks to free fetchers while the budget lasts. Returns the seconds there is nothing to send."""
        now = time.monotonic()
        if now < self._not_before:
            return self._not_before - now
        while self._fetchers.free:
            chosen = self._choose(now)
            if chosen is None:
                return max(0.0, min((at for at, _, _ in self._later), default=now + 1.0) - now)
            reading, ask = chosen
            wait = 0.0 if ask.local else self._allowance.take()
            if wait:
                reading.walk.put_back(ask)
                if wait > self._patience and self._todo:  # finish what is begun; the rest stays due
                    self._todo.clear()
                    self.report.stopped = True
                return wait
            self.report.requests += not ask.local
            self._fetchers.send(reading, ask, reading.known)
        return 1.0

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
        return len(self._waiting) >= BATCH or self._waiting_bytes >= BATCH_BYTES

    def _apply(self, event: Event) -> None:
        reading: Reading = event.reading
        if isinstance(event, Answered):
            self._take(reading, event.ask, event.page, event.asked_at)
            return
        if isinstance(event, Finished):
            reading.walk.close(event.ask)
            self._pause = NO_HINT_PAUSE
        else:
            self._fail(reading, event.ask, event.error)
        if reading.walk.fault is not None:
            self._recall(reading)
        if reading.walk.over and id(reading) in self._open:
            self._finish(reading)

    def _recall(self, reading: Reading) -> None:
        """Asks of a walk that failed need not be sent again."""
        for entry in [entry for entry in self._later if entry[1] is reading]:
            self._later.remove(entry)
            reading.walk.put_back(entry[2])

    def _take(self, reading: Reading, ask: Ask, page: Page, asked_at: datetime) -> None:
        reading.walk.take(ask, page)
        reading.broken += sum(isinstance(record, BrokenRecord) for record in page.records)
        reading.unplaced += unplaced_of(page.records)
        reading.list_keys |= keys_of_list(page.records, self.stream)
        if reading.part.day is not None and self.stream == Stream.CALLS:
            self._check_day(reading, page)
        self.report.seen += len(page.keys)
        # Versions are told apart by when they were asked for, to the request.
        self._waiting.extend((record, asked_at) for record in page.records)
        self._waiting_bytes += sum(len(record.raw) for record in page.records)

    def _check_day(self, reading: Reading, page: Page) -> None:
        day = reading.part.day
        for record in page.records:
            if isinstance(record, CallRecord) and record.started_at is not None:
                if record.started_at.date() == day:
                    reading.in_day.add(record.external_id)
                else:
                    reading.strayed = True

    # --- how a request or a window ends ---

    def _fail(self, reading: Reading, ask: Ask, error: UpstreamError) -> None:
        tries = reading.asked[ask] = reading.asked.get(ask, 0) + 1
        if error.fault == Fault.REJECTED and self._token_was_changed():
            self._later.append((time.monotonic(), reading, ask))
            return
        if error.fault == Fault.REJECTED:
            set_state(self.connection, ConnectionState.REJECTED)
            self._stop(Fault.REJECTED, error.detail)
        elif error.fault == Fault.THROTTLED or error.retry_after is not None:
            if self._throttle(error.retry_after) and tries < ASK_TRIES:
                self._later.append((self._not_before, reading, ask))
                return
        elif error.fault in PASSING and tries < ASK_TRIES and not self._is_over_time():
            self._later.append((time.monotonic() + _backoff(tries), reading, ask))
            return
        reading.walk.fail(ask, error.fault, error.detail)

    def _throttle(self, retry_after: float | None) -> bool:
        """Wait as the vendor asked, in every process. False when that is longer than this one has patience for."""
        pause = self._pause if retry_after is None else retry_after
        if retry_after is None:
            self._pause = min(self._pause * 2, 3600.0)
        self._not_before = max(self._not_before, time.monotonic() + pause)
        until = database_now() + timedelta(seconds=pause)
        if self.connection.blocked_until is None or until > self.connection.blocked_until:
            self.connection.blocked_until = until
            self.connection.save(update_fields=["blocked_until"])
        if pause > self._patience:
            self._stop(Fault.THROTTLED)
            return False
        return True

    def _token_was_changed(self) -> bool:
        """A rotated token is taken up once; a second rejection is final."""
        if self._reloaded:
            return False
        self._reloaded = True
        before = self.connection.token_fingerprint
        self.connection.refresh_from_db()
        if self.connection.token_fingerprint == before:
            return False
        self._fetchers.use(access_of(self.connection))
        return True

    def _stop(self, fault: Fault, detail: str = "") -> None:
        """Begin nothing more, and end what is under way with ``fault``."""
        self.report.stopped = True
        self.report.fault = self.report.fault or fault
        self._todo.clear()
        for reading in list(self._open.values()):
            if reading.walk.fault is None:
                reading.walk.fault, reading.walk.detail = fault, detail
            self._recall(reading)
            if reading.walk.over:
                self._finish(reading)

    def _finish(self, reading: Reading) -> None:
        del self._open[id(reading)]
        part, walk = reading.part, reading.walk
        if walk.whole and self._wants_wider(reading):
            self._start(Part(part.stream, part.key, part.day, wide=True))
            return
        if walk.fault in {Fault.DRIFT, Fault.EMPTY_PAGE}:
            self.report.moved = self.report.moved or self._is_settled(part)
            if reading.tries < WALK_TRIES and not self.report.stopped and not self._is_over_time():
                self._write()  # so that the next walk knows what this one saw, and can tell what vanished since
                self._start(part, reading.tries + 1)
                return
        self._closings.append(self._closing(reading))
        self._verdicts[part.key] = walk.fault
        self.report.windows_incomplete = sum(fault is not None for fault in self._verdicts.values())
        self.report.windows_complete = len(self._verdicts) - self.report.windows_incomplete
        self.report.fault = self.report.fault or walk.fault
        if self._progress is not None:
            self._progress(self.stream, len(self._verdicts), self._planned, self.report.seen)

    def _wants_wider(self, reading: Reading) -> bool:
        """Learn how the vendor's date filter behaves; True when the part must be asked a day wider."""
        part, now = reading.part, self.connection.day_filter
        if part.day is None or self.stream != Stream.CALLS or (now == DayFilter.WIDE and part.wide):
            return False
        if part.wide:
            if reading.in_day:  # the exact answer had left these out
                self._learn(DayFilter.WIDE)
            return False
        if reading.strayed:
            self._learn(DayFilter.WIDE)
            return True
        if reading.walk.keys:
            if now == DayFilter.UNKNOWN:
                self._learn(DayFilter.EXACT)
            return False
        return now == DayFilter.UNKNOWN

    def _learn(self, behaviour: DayFilter) -> None:
        self.connection.day_filter = behaviour
        self.connection.save(update_fields=["day_filter"])
        if behaviour == DayFilter.WIDE:
            self._todo = [Part(part.stream, part.key, part.day, wide=True) for part in self._todo]

    def _is_settled(self, part: Part) -> bool:
        today = database_now().astimezone(UTC).date()
        return part.day is not None and (today - part.day).days > windows.OVERLAP[0]

    def _closing(self, reading: Reading) -> Closing:
        part, walk = reading.part, reading.walk
        keys = walk.keys
        if self.stream in {Stream.AGENTS, Stream.CAMPAIGNS}:
            keys = reading.list_keys
        elif part.wide:
            known_in_day = walk.keys & set(self._known(Part(part.stream, part.key, part.day)).values())
            keys = reading.in_day | known_in_day
        return Closing(
            part=part,
            read_at=reading.read_at,
            fault=walk.fault,
            detail=walk.detail,
            vendor_total=None if part.wide or self.stream not in {Stream.CALLS} else walk.total,
            keys=keys,
            broken=reading.broken,
            unplaced=reading.unplaced,
            missing=set(reading.known.values()) - walk.keys if walk.whole else set(),
            blocked_until=self.connection.blocked_until,
        )

    # --- writing ---

    def _write_if_due(self) -> None:
        now = time.monotonic()
        idle = bool(self._waiting or self._closings) and now - self._written_at > BATCH_AGE
        if self._is_full or len(self._closings) >= 50 or idle:
            self._write()
        elif now - self._held_at > RENEW:
            hold(self.run, requests=self.report.requests)
            self._held_at = now

    def _write(self) -> None:
        records, self._waiting, self._waiting_bytes = self._waiting, [], 0
        closings, self._closings = self._closings, []
        if records or closings:
            self._mirror.write(
                records,
                closings,
                seen=self.report.seen,
                requests=self.report.requests,
                windows_planned=self._planned,
                windows_complete=self.report.windows_complete,
                windows_incomplete=self.report.windows_incomplete,
            )
        self._written_at = self._held_at = time.monotonic()

    def finish(self) -> None:
        self._mirror.finish()

    @property
    def tally(self) -> Tally:
        return self._mirror.tally


def _backoff(tries: int) -> float:
    """Growing pauses with jitter, a quarter of a second to eight."""
    return min(8.0, 0.25 * 2.0**tries) * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing

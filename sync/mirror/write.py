"""The one door to the mirror: a run's batches and the windows they close, each in one transaction."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.db import OperationalError, transaction
from django.db.models import Q, QuerySet

from portal.privacy.retention import Keeping
from portal.privacy.tombstones import reading
from portal.work.clock import database_now
from portal.work.retries import persist
from sync import windows
from sync.leases import hold
from sync.mirror import broken, tables
from sync.mirror.calls import CallWriter
from sync.mirror.erased import heed
from sync.mirror.lists import ListWriter, drop_unplaced, mark_missing_agents, mark_missing_campaigns
from sync.mirror.rows import RowMaker
from sync.models.calls import Call
from sync.models.connections import Connection
from sync.models.runs import Gap, Run, Window, WindowState
from sync.providers.base import Part
from sync.records import BrokenRecord, CallRecord, Mark, Record
from sync.taxonomy import Fault, Stream

logger = logging.getLogger("ringbook.mirror")
MANY = 5_000  # new calls of a run after which the planner should know of them


@dataclass(slots=True)
class Tally:
    """What a run, or one batch of it, did."""

    seen: int = 0
    new: int = 0
    changed: int = 0
    missing: int = 0

    def add(self, other: "Tally") -> None:
        self.seen += other.seen
        self.new += other.new
        self.changed += other.changed
        self.missing += other.missing


@dataclass(slots=True)
class Closing:
    """A part whose reading ended. ``fault`` None: read whole, as of ``read_at``."""

    part: Part
    read_at: datetime
    fault: Fault | None = None
    detail: str = ""
    vendor_total: int | None = None
    readable: int = 0  # elements that can be read
    broken: dict[Mark, int] = field(default_factory=dict)  # those that can't, and how often each was shown
    unreadable: int = 0  # how many of these nobody accepted as no call
    unplaced: list[bytes] = field(default_factory=list)  # digests of elements without an id
    missing: set[str] = field(default_factory=set)  # mirrored ids that a whole reading did not show
    blocked_until: datetime | None = None


class Mirror:
    """Writes for one run. Every write renews the run's lease and is lost with it."""

    def __init__(self, run: Run, connection: Connection, zone: str) -> None:
        self._run = run
        self._connection = connection
        self._environment_id = connection.environment_id
        self._keys = {"tenant_id": connection.tenant_id, "environment_id": connection.environment_id}
        self._calls = CallWriter(RowMaker(connection.tenant_id, connection.environment_id))
        self.tally = Tally()
        self._growth_noted = False

    def write(
        self, records: Sequence[tuple[Record, datetime]], closings: Sequence[Closing], **progress: object
    ) -> Tally:
        """Rows of ``records`` and the state of ``closings``, together or not at all; retried when the database asks."""
        batch = persist(lambda: self._try(records, closings, progress))
        self.tally.add(batch)
        self._note_growth()
        return batch

    def _note_growth(self) -> None:
        if self._growth_noted or self.tally.new < MANY:
            return
        self._growth_noted = True
        try:
            tables.note_growth(Call, self.tally.new)
        except OperationalError as error:  # a courtesy, and PostgreSQL does the same by itself in a while
            logger.warning("statistics were not refreshed: %s", error.__class__.__name__)

    def _try(
        self, records: Sequence[tuple[Record, datetime]], closings: Sequence[Closing], progress: dict[str, object]
    ) -> Tally:
        try:
            return self._write(records, closings, progress)
        except BaseException:
            self._calls.forget()
            raise

    def _write(
        self, records: Sequence[tuple[Record, datetime]], closings: Sequence[Closing], progress: dict[str, object]
    ) -> Tally:
        with transaction.atomic():
            tables.spare_the_flush()
            tombstones = reading(self._connection.tenant_id)
            now = database_now()
            keeping = Keeping.of(self._connection.tenant_id, now)
            if tombstones or keeping:
                records = heed(tombstones, keeping, records, self._environment_id)
            batch = Tally(seen=len(records))
            calls = [(record, at) for record, at in records if isinstance(record, CallRecord)]
            if calls:
                result = self._calls.write(calls, now)
                batch.new += result.new
                batch.changed += result.changed
            lists = ListWriter(**self._keys)
            lists.write_all(
                [(record, at) for record, at in records if not isinstance(record, CallRecord | BrokenRecord)], now
            )
            batch.new += lists.new
            batch.changed += lists.changed
            self._set_aside(records, now)
            broken_places = broken.places(self._environment_id) if closings else set()
            for closing in closings:
                batch.missing += self._close(closing, broken_places, now)
            # Last, because the row it locks is the one others wait for; its fence decides over all of the above.
            total = Tally()
            total.add(self.tally)
            total.add(batch)
            hold(
                self._run,
                new=total.new,
                changed=total.changed,
                missing=total.missing,
                **progress,
            )
            return batch

    def _set_aside(self, records: Sequence[tuple[Record, datetime]], now: datetime) -> None:
        """Keep what can't be read, and let go of what came in whole, whichever window had shown it broken."""
        aside = [record for record, _ in records if isinstance(record, BrokenRecord)]
        if aside:
            broken.keep(self._keys, aside, now)
        whole = {record.external_id for record, _ in records if isinstance(record, CallRecord)}
        if whole:
            mended = whole - {record.external_id for record in aside}
            broken.judge_again(self._environment_id, broken.release_calls(self._environment_id, mended, now))

    def _close(self, closing: Closing, broken_places: Collection[broken.Place], now: datetime) -> int:
        """``broken_places`` are the windows of which elements are in quarantine."""
        part = closing.part
        window, _ = Window.objects.select_for_update(of=("self",)).get_or_create(
            **self._keys, stream=part.stream, part=part.key, defaults={"day": part.day}
        )
        window.tried_at = now
        missing = 0
        if closing.fault is None:
            window.state, window.fault, window.attempts, window.read_at = WindowState.COMPLETE, "", 0, closing.read_at
            window.next_attempt_at = windows.again(part.stream, part.day, closing.read_at)
            window.mirrored = closing.readable
            shown = closing.readable + sum(closing.broken.values())
            window.vendor_total = shown if closing.vendor_total is None else closing.vendor_total
            if closing.broken or (part.stream, part.key) in broken_places:
                broken.settle(self._environment_id, (part.stream, part.key), closing.broken, now)
                broken.judge(window)
            self._open_gaps(part).update(closed_at=now)
            missing = self._mark_missing(closing, now)
        else:
            window.state, window.fault = WindowState.INCOMPLETE, closing.fault
            window.next_attempt_at = windows.next_attempt(now, window.attempts, closing.blocked_until)
            window.attempts += 1
            if closing.vendor_total is not None:
                window.vendor_total = closing.vendor_total
            if closing.fault == Fault.VANISHED:  # a gap of its own, because its age decides whether it is believed
                self._open_gaps(part).exclude(fault=Fault.VANISHED).update(closed_at=now)
            Gap.objects.get_or_create(
                **self._keys,
                stream=part.stream,
                part=part.key,
                closed_at=None,
                defaults={"day": part.day, "fault": closing.fault, "detail": closing.detail[:300], "opened_at": now},
            )
        window.save()
        return missing

    def _open_gaps(self, part: Part) -> QuerySet[Gap]:
        return Gap.objects.filter(**self._keys, stream=part.stream, part=part.key, closed_at=None)

    def _mark_missing(self, closing: Closing, now: datetime) -> int:
        part = closing.part
        if part.stream == Stream.AGENTS:
            return mark_missing_agents(self._environment_id, closing.missing, now)
        if part.stream == Stream.CAMPAIGNS:
            return mark_missing_campaigns(self._environment_id, closing.missing, now)
        if part.stream != Stream.CALLS:
            return 0
        if part.day is None:
            agent = part.key.removeprefix("agent:")
            drop_unplaced(self._environment_id, agent, closing.unplaced)
            of_agent = Q(agent__external_id=agent)
            return self._calls.mark_missing(closing.missing, of_agent, now, whole_history=True)
        start = datetime(part.day.year, part.day.month, part.day.day, tzinfo=UTC)
        span = Q(started_at__gte=start, started_at__lt=start + timedelta(days=1))
        return self._calls.mark_missing(closing.missing, span, now)

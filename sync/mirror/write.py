"""The one door to the mirror: a run's batches and the windows they close, each in one transaction."""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Q

from sync import windows
from sync.leases import database_now, hold
from sync.mirror import tables
from sync.mirror.calls import CallWriter, mark_missing
from sync.mirror.lists import ListWriter, drop_unplaced, mark_missing_agents, mark_missing_campaigns
from sync.mirror.rows import RowMaker
from sync.models.calls import Call, Payload
from sync.models.connections import Connection
from sync.models.runs import Gap, Run, Window, WindowState
from sync.providers.base import Part
from sync.records import AgentRecord, BrokenRecord, CallRecord, CampaignRecord, Record, UnplacedRecord
from sync.taxonomy import Fault, Stream

logger = logging.getLogger("ringbook.mirror")
T = TypeVar("T")
MANY = 10_000  # new calls after which the planner should look anew
TRIES = 5  # deadlock, serialisation failure, a locked or restarted database


@dataclass(slots=True)
class Tally:
    """What a run, or one batch of it, did."""

    seen: int = 0
    new: int = 0
    changed: int = 0
    quarantined: int = 0
    missing: int = 0

    def add(self, other: "Tally") -> None:
        self.seen += other.seen
        self.new += other.new
        self.changed += other.changed
        self.quarantined += other.quarantined
        self.missing += other.missing


@dataclass(slots=True)
class Closing:
    """A part whose reading ended. ``fault`` None: read whole, as of ``read_at``."""

    part: Part
    read_at: datetime
    fault: Fault | None = None
    detail: str = ""
    vendor_total: int | None = None
    keys: set[str] = field(default_factory=set)  # of every element seen
    broken: int = 0
    unplaced: list[bytes] = field(default_factory=list)  # digests of elements without an id
    missing: set[str] = field(default_factory=set)  # mirrored ids the reading did not show
    blocked_until: datetime | None = None


class Mirror:
    """Writes for one run. Every write renews the run's lease and is lost with it."""

    def __init__(self, run: Run, connection: Connection, zone: str) -> None:
        self._run = run
        self._connection = connection
        self._environment_id = connection.environment_id
        self._keys = {"tenant_id": connection.tenant_id, "environment_id": connection.environment_id}
        self._calls = CallWriter(RowMaker(connection.tenant_id, connection.environment_id, zone))
        self.tally = Tally()

    def write(
        self, records: Sequence[tuple[Record, datetime]], closings: Sequence[Closing], **progress: object
    ) -> Tally:
        """Rows of ``records`` and the state of ``closings``, together or not at all; retried when the database asks."""
        batch = _persist(lambda: self._write(records, closings, progress))
        self.tally.add(batch)
        return batch

    def finish(self) -> None:
        """Leave the tables in good order after a run that wrote much."""
        if self.tally.new >= MANY:
            tables.refresh_statistics(Call, Payload)

    def _write(
        self, records: Sequence[tuple[Record, datetime]], closings: Sequence[Closing], progress: dict[str, object]
    ) -> Tally:
        with transaction.atomic():
            now = database_now()
            batch = Tally(seen=len(records))
            calls = [(record, at) for record, at in records if isinstance(record, CallRecord)]
            if calls:
                written = self._calls.write(calls, now)
                batch.new += written.new
                batch.changed += written.changed
            lists = ListWriter(**self._keys)
            for record, at in records:
                if not isinstance(record, CallRecord):
                    lists.write(record, at, now)
            batch.new += lists.new
            batch.changed += lists.changed
            batch.quarantined = sum(isinstance(record, BrokenRecord) for record, _ in records)
            for closing in closings:
                batch.missing += self._close(closing, now)
            # Last, because the row it locks is the one others wait for; its fence decides over all of the above.
            total = Tally()
            total.add(self.tally)
            total.add(batch)
            hold(
                self._run,
                new=total.new,
                changed=total.changed,
                quarantined=total.quarantined,
                missing=total.missing,
                **progress,
            )
            return batch

    def _close(self, closing: Closing, now: datetime) -> int:
        part = closing.part
        known, _ = Window.objects.get_or_create(
            **self._keys, stream=part.stream, part=part.key, defaults={"day": part.day}
        )
        known.tried_at = now
        missing = 0
        if closing.fault is None:
            known.state, known.fault, known.attempts, known.next_attempt_at = WindowState.COMPLETE, "", 0, None
            known.read_at = closing.read_at
            known.mirrored = len(closing.keys) - closing.broken
            known.vendor_total = len(closing.keys) if closing.vendor_total is None else closing.vendor_total
            Gap.objects.filter(**self._keys, stream=part.stream, part=part.key, closed_at=None).update(closed_at=now)
            missing = self._mark_missing(closing, now)
        else:
            known.state, known.fault = WindowState.INCOMPLETE, closing.fault
            known.next_attempt_at = windows.next_attempt(now, known.attempts, closing.blocked_until)
            known.attempts += 1
            if closing.vendor_total is not None:
                known.vendor_total = closing.vendor_total
            Gap.objects.get_or_create(
                **self._keys,
                stream=part.stream,
                part=part.key,
                closed_at=None,
                defaults={"day": part.day, "fault": closing.fault, "detail": closing.detail[:300], "opened_at": now},
            )
        known.save()
        return missing

    def _mark_missing(self, closing: Closing, now: datetime) -> int:
        part = closing.part
        if part.stream == Stream.AGENTS:
            return mark_missing_agents(self._environment_id, sorted(closing.keys), now)
        if part.stream == Stream.CAMPAIGNS:
            return mark_missing_campaigns(self._environment_id, sorted(closing.keys), now)
        if part.stream != Stream.CALLS:
            return 0
        if part.day is None:
            agent = part.key.removeprefix("agent:")
            drop_unplaced(self._environment_id, agent, closing.unplaced)
            # An agent that suddenly has nothing was more likely renamed or hidden than emptied.
            gone = closing.missing if closing.keys else set()
            return mark_missing(self._environment_id, gone, Q(agent__external_id=agent), now)
        start = datetime(part.day.year, part.day.month, part.day.day, tzinfo=UTC)
        span = Q(started_at__gte=start, started_at__lt=start + timedelta(days=1))
        return mark_missing(self._environment_id, closing.missing, span, now)


def keys_of_list(records: Iterable[Record], stream: Stream) -> set[str]:
    """The ids that a list itself named, apart from those of its details."""
    wanted = AgentRecord if stream == Stream.AGENTS else CampaignRecord
    return {record.external_id for record in records if isinstance(record, wanted)}


def unplaced_of(records: Iterable[Record]) -> list[bytes]:
    return [record.digest for record in records if isinstance(record, UnplacedRecord)]


def _persist(work: Callable[[], T]) -> T:
    """Run a transaction again when the database refused it for a passing reason, with a fresh connection if need be."""
    for attempt in range(1, TRIES + 1):
        try:
            return work()
        except (OperationalError, InterfaceError) as error:
            if attempt == TRIES:
                raise
            logger.warning("write tried again after %s", error.__class__.__name__)
            if not connection.in_atomic_block:
                connection.close_if_unusable_or_obsolete()
            time.sleep(0.2 * 2**attempt)
    raise AssertionError("unreachable")

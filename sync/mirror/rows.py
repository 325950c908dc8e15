"""A call record as a row of the calls table, and the rule which of two versions stands."""

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from portal.lib.ids import uuid7_number
from portal.lib.phones import contact_digits
from portal.work.clock import AHEAD
from sync.records import CallRecord
from sync.taxonomy import OPEN_STATUSES, Direction, Status

_EPOCH = date(1970, 1, 1).toordinal()
# Statuses a final one never goes back to while the vendor's own clock says nothing new.
_PROVISIONAL = OPEN_STATUSES | {Status.ANSWERED}


class Stored(NamedTuple):
    """What is mirrored of a call already, as far as a newer version has to know it."""

    id: UUID
    digest: bytes
    read_at: datetime
    upstream_updated_at: datetime | None
    missing_since: datetime | None
    started_at: datetime
    status: str
    duration_ms: int | None

    def gives_way(self, record: CallRecord, read_at: datetime, now: datetime) -> bool:
        """Whether ``record``, asked for at ``read_at``, is the newer version.

        The vendor's ``updated_at`` orders versions where both have one and they differ. Otherwise the answer asked for
        later wins, but a final status never goes back to an open one. What is noted as read well after ``now`` was read
        by a clock that was ahead, and before this answer; a writer that waited for a lock may be a little behind.
        """
        mine, theirs = self.upstream_updated_at, record.updated_at
        if mine is not None and theirs is not None and mine != theirs:
            return theirs > mine
        if read_at < self.read_at <= now + AHEAD:
            return False
        return record.status not in _PROVISIONAL or self.status in _PROVISIONAL


# The columns of :meth:`RowMaker.columns`, in its order. A test holds them equal to the model's.
COLUMNS = (
    "id",
    "tenant_id",
    "environment_id",
    "agent_id",
    "external_id",
    "sid",
    "direction",
    "status",
    "is_test",
    "started_at",
    "started_guessed",
    "answered_at",
    "ended_at",
    "duration_ms",
    "billed_ms",
    "from_number",
    "to_number",
    "contact",
    "hangup_cause",
    "hangup_source",
    "latencies",
    "upstream_updated_at",
    "digest",
    "read_at",
    "first_seen_at",
    "changed_at",
    "missing_since",
)
ID, STARTED_AT = COLUMNS.index("id"), COLUMNS.index("started_at")
# A changed call keeps its key, its place and the moment it was first seen.
UPDATED = tuple(
    name for name in COLUMNS if name not in {"id", "tenant_id", "environment_id", "external_id", "first_seen_at"}
)


Item = tuple[CallRecord, datetime]  # a record, and when its answer was asked for


class RowMaker:
    """Makes the rows of one environment, column by column: a first load makes millions, and this is half as long."""

    def __init__(self, tenant_id: int, environment_id: int) -> None:
        self.tenant_id = tenant_id
        self.environment_id = environment_id
        # Two environments that mirror the same element at the same moment must not make the same key of it.
        self._salt = environment_id * 0x9E3779B97F4A7C15

    def key(self, record: CallRecord, now: datetime) -> str:
        """The primary key of a new call: its start first, so that rows lie in the order of time. 32 hex digits."""
        started = int((record.started_at or now).timestamp() * 1000)
        return f"{uuid7_number(max(0, started), int.from_bytes(record.digest, 'big') ^ self._salt):032x}"

    def columns(self, keys: list[str], items: list[Item], agents: Mapping[str, int], now: datetime) -> list[list[Any]]:
        """The values of :data:`COLUMNS` for some calls, one list a column."""
        records = [record for record, _ in items]
        count = len(records)
        return [
            keys,
            [self.tenant_id] * count,
            [self.environment_id] * count,
            [agents.get(record.agent or "") for record in records],
            [record.external_id for record in records],
            [record.sid for record in records],
            [record.direction for record in records],
            [record.status for record in records],
            [record.is_test for record in records],
            [record.started_at or now for record in records],
            [record.started_guessed for record in records],
            [record.answered_at for record in records],
            [record.ended_at for record in records],
            [record.duration_ms for record in records],
            [record.billed_ms for record in records],
            [record.from_number for record in records],
            [record.to_number for record in records],
            [contact_digits(_other_party(record)) for record in records],
            [record.hangup_cause for record in records],
            [record.hangup_source for record in records],
            [record.latencies and json.dumps(record.latencies, separators=(",", ":")) for record in records],
            [record.updated_at for record in records],
            [record.digest for record in records],
            [read_at for _, read_at in items],
            [now] * count,
            [now] * count,
            [None] * count,
        ]

    @staticmethod
    def utc_days(instants: Iterable[datetime]) -> set[date]:
        """The UTC days of some instants."""
        days = {int(instant.timestamp() // 86_400) for instant in instants}
        return {date.fromordinal(day + _EPOCH) for day in days}


def _other_party(record: CallRecord) -> str:
    return record.to_number if record.direction == Direction.OUTBOUND else record.from_number


def own_number(record: CallRecord) -> str:
    """Our own side of a call: whoever is not the contact."""
    return record.from_number if record.direction == Direction.OUTBOUND else record.to_number

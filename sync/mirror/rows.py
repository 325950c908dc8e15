"""A call record as a row of the calls table, and the rule which of two versions stands."""

import json
from datetime import UTC, date, datetime
from hashlib import blake2b
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from portal.lib.ids import uuid7_number
from portal.lib.phones import contact_digits
from sync.records import CallRecord
from sync.taxonomy import OPEN_STATUSES, Direction, Status

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

    def gives_way(self, record: CallRecord, read_at: datetime) -> bool:
        """Whether ``record``, asked for at ``read_at``, is the newer version.

        The vendor's ``updated_at`` orders versions where both have one and they differ. Otherwise the answer asked for
        later wins, but a final status never goes back to an open one.
        """
        mine, theirs = self.upstream_updated_at, record.updated_at
        if mine is not None and theirs is not None and mine != theirs:
            return theirs > mine
        if read_at < self.read_at:
            return False
        return record.status not in _PROVISIONAL or self.status in _PROVISIONAL


# The columns of a row made by :func:`row`, in its order. A test holds them equal to the model's.
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


class RowMaker:
    """Makes the rows of one environment."""

    def __init__(self, tenant_id: int, environment_id: int, zone: str) -> None:
        self.tenant_id = tenant_id
        self.environment_id = environment_id
        self._key = environment_id.to_bytes(8, "big")
        self._zone = ZoneInfo(zone)
        self._days: dict[int, date] = {}

    def row(self, record: CallRecord, agent_id: int | None, read_at: datetime, now: datetime) -> tuple[Any, ...]:
        """A new call's row; the same call at the same start gets the same key each time."""
        started = record.started_at or now
        other = record.to_number if record.direction == Direction.OUTBOUND else record.from_number
        rest = int.from_bytes(blake2b(record.external_id.encode(), digest_size=10, key=self._key).digest(), "big")
        return (
            f"{uuid7_number(max(0, int(started.timestamp() * 1000)), rest):032x}",
            self.tenant_id,
            self.environment_id,
            agent_id,
            record.external_id,
            record.sid,
            record.direction,
            record.status,
            record.is_test,
            started,
            record.started_guessed,
            record.answered_at,
            record.ended_at,
            record.duration_ms,
            record.billed_ms,
            record.from_number,
            record.to_number,
            contact_digits(other),
            record.hangup_cause,
            record.hangup_source,
            None if record.latencies is None else json.dumps(record.latencies, separators=(",", ":")),
            record.updated_at,
            record.digest,
            read_at,
            now,
            now,
            None,
        )

    def local_day(self, instant: datetime) -> date:
        """The tenant's day of an instant. Remembered by the quarter hour, which no zone's midnight splits."""
        quarter = int(instant.timestamp()) // 900
        day = self._days.get(quarter)
        if day is None:
            if len(self._days) > 50_000:
                self._days.clear()
            day = self._days[quarter] = datetime.fromtimestamp(quarter * 900, UTC).astimezone(self._zone).date()
        return day

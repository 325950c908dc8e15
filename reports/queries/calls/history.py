"""What changed of a call after it was first mirrored, as the mirror noted it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reports.queries.scope import Scope
from reports.queries.seen import seen
from sync.models.changes import CallChange

MOST = 100


@dataclass(frozen=True, slots=True)
class Change:
    """``was`` and ``now`` are a status, a moment or seconds (None: not told), as ``field`` says."""

    field: str  # status, duration or started_at
    was: Any
    now: Any


@dataclass(frozen=True, slots=True)
class Changes:
    """What one reading of the vendor found changed."""

    at: datetime
    fields: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class ChangedField:
    """One change with the moment of its reading."""

    at: datetime
    field: str
    was: Any
    now: Any


def history(call_id: Any, started_at: datetime, scope: Scope) -> list[Changes]:
    """The changes of a call, oldest first, the last hundred of them.

    A start is noted as it was before; what it became stands in the next note, or in ``started_at``, the start now.
    """
    rows = list(seen(CallChange, scope).filter(call_id=call_id).order_by("-at", "-id")[:MOST])[::-1]
    after = [*(row.was_started_at for row in rows[1:]), started_at]
    return [Changes(row.at, _fields(row, start)) for row, start in zip(rows, after, strict=False)]


def _fields(row: CallChange, start: datetime) -> tuple[Change, ...]:
    pairs: Sequence[tuple[str, Any, Any]] = (
        ("status", row.was_status, row.now_status),
        ("duration", _seconds(row.was_duration_ms), _seconds(row.now_duration_ms)),
        ("started_at", row.was_started_at, start),
    )
    return tuple(Change(name, was, now) for name, was, now in pairs if was != now)


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000

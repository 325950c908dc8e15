"""One call with everything known of it: its row, the parts of its payload, what changed, and the payload itself.

For a reader who may not see numbers the payload is masked first, and the parts are read from the masked one, so that
what is hidden in one place stands in no other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from reports.queries.calls.history import ChangedField, Changes, history
from reports.queries.calls.lists import CallRow, row_of
from reports.queries.calls.masks import Mask
from reports.queries.calls.payload_parts import Parts, parts
from reports.queries.calls.recordings import Recording, recording
from reports.queries.scope import Scope
from reports.queries.seen import seen
from sync.models.calls import Call
from sync.providers.registry import facts_of
from sync.taxonomy import Fact


class _Mirrored(NamedTuple):
    """What the mirror has of a call beside its row."""

    environment_id: int
    environment__provider: str
    payload__raw: str | None
    latencies: dict[str, list[float]] | None
    from_number: str
    to_number: str
    first_seen_at: datetime
    read_at: datetime
    upstream_updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class CallDetail:
    """``row`` is a row of a page of calls; ``payload`` is JSON text, the vendor's own bytes unless numbers are hidden.

    ``facts`` are what its vendor tells. ``latencies`` are milliseconds a turn by stage; None where the vendor tells
    none. ``mask`` is what is hidden of the call and of what was written about it; None for who may see numbers.
    """

    row: CallRow
    parts: Parts
    latencies: dict[str, list[float]] | None
    payload: str
    facts: frozenset[Fact]
    recording: Recording
    changes: list[Changes]
    first_seen_at: datetime
    read_at: datetime
    upstream_updated_at: datetime | None
    mask: Mask | None = None

    @property
    def has_transcript(self) -> bool:
        """Whether reading this is reading what people said."""
        return bool(self.parts.transcript) or "call_transcription" in self.parts.unrecognised

    @property
    def changed_fields(self) -> list[ChangedField]:
        """What changed, oldest first, one by one."""
        return [
            ChangedField(changes.at, change.field, change.was, change.now)
            for changes in self.changes
            for change in changes.fields
        ]

    def written(self, text: str) -> str:
        """What somebody wrote about the call, as this reader may see it."""
        return self.mask.text(text, free=True) if self.mask else text


def detail(public_id: UUID | str, scope: Scope) -> CallDetail:
    """Raises Call.DoesNotExist for a foreign id as for an absent one."""
    row = row_of(public_id, scope)
    stored = _Mirrored(*seen(Call, scope).filter(pk=row["id"]).values_list(*_Mirrored._fields).get())
    payload = stored.payload__raw or "null"
    element = msgspec.json.decode(payload)
    link = element.get("call_recording_url") if isinstance(element, Mapping) else None
    mask = None
    if not scope.sees_numbers:
        mask = Mask.of(element, (stored.from_number, stored.to_number))
        element = mask.element(element)
        payload = msgspec.json.encode(element).decode()
    shown = element.get("call_recording_url") if isinstance(element, Mapping) else None
    return CallDetail(
        row=row,
        parts=parts(element, row["answered_at"] or row["started_at"]),
        latencies=stored.latencies,
        payload=payload,
        facts=facts_of(stored.environment__provider),
        recording=recording(link, shown, stored.environment_id),
        changes=history(row["id"], row["started_at"], scope),
        first_seen_at=stored.first_seen_at,
        read_at=stored.read_at,
        upstream_updated_at=stored.upstream_updated_at,
        mask=mask,
    )

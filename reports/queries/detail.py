"""One call with everything known of it: its row, the parts of its payload, what changed, and the payload itself.

For a reader who may not see numbers the payload is masked first, and the parts are read from the masked one, so that
what is hidden in one place stands in no other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from reports.queries.calls import told
from reports.queries.history import Changes, history
from reports.queries.masks import hide_in, hide_numbers
from reports.queries.nested import Parts, parts
from reports.queries.recordings import Recording, recording
from reports.scope import Scope
from sync.models.calls import Call

_WORDS = ("external_id", "sid", "status", "direction", "agent_name", "hangup_cause", "hangup_source")
_BESIDES = (
    "payload__raw",
    "latencies",
    "from_number",
    "to_number",
    "environment__provider",
    "first_seen_at",
    "read_at",
    "upstream_updated_at",
)


@dataclass(frozen=True, slots=True)
class CallDetail:
    """``row`` is a row of a page of calls; ``payload`` is JSON text, the vendor's own bytes unless numbers are hidden.

    ``latencies`` are milliseconds a turn by stage; None where the vendor tells none. ``numbers`` are the call's own,
    for hiding them in what was written about it; empty for who may see them.
    """

    row: dict[str, Any]
    parts: Parts
    latencies: dict[str, list[float]] | None
    payload: str
    provider: str
    recording: Recording
    changes: list[Changes]
    first_seen_at: datetime
    read_at: datetime
    upstream_updated_at: datetime | None
    numbers: tuple[str, ...] = ()

    @property
    def has_transcript(self) -> bool:
        """Whether reading this is reading what people said."""
        return bool(self.parts.transcript) or "call_transcription" in self.parts.unrecognised

    def written(self, text: str) -> str:
        """What somebody wrote about the call, as this reader may see it."""
        return hide_in(text, self.numbers, free=True) if self.numbers else text


def detail(public_id: UUID | str, scope: Scope) -> CallDetail:
    """Raises Call.DoesNotExist for a foreign id as for an absent one."""
    row = told(public_id, scope)
    found = Call.objects.filter(pk=row["id"]).values(*_BESIDES, "environment_id").get()
    payload = found["payload__raw"] or "null"
    element = msgspec.json.decode(payload)
    link = element.get("call_recording_url") if isinstance(element, Mapping) else None
    numbers: tuple[str, ...] = ()
    if not scope.sees_numbers:
        numbers = (found["from_number"], found["to_number"])
        row |= {key: hide_in(row[key], numbers) for key in _WORDS}
        element = hide_numbers(element, numbers)
        payload = msgspec.json.encode(element).decode()
    shown = element.get("call_recording_url") if isinstance(element, Mapping) else None
    return CallDetail(
        row=row,
        parts=parts(element, row["answered_at"] or row["started_at"]),
        latencies=found["latencies"],
        payload=payload,
        provider=found["environment__provider"],
        recording=recording(link, shown, found["environment_id"]),
        changes=history(row["id"], row["started_at"]),
        first_seen_at=found["first_seen_at"],
        read_at=found["read_at"],
        upstream_updated_at=found["upstream_updated_at"],
        numbers=numbers,
    )

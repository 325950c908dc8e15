"""One call with everything known of it: its row, the parts of its payload, and the payload itself.

For a reader who may not see numbers the payload is masked first, and the parts are read from the masked one, so that
what is hidden in one place stands in no other.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec

from reports.queries.calls import told
from reports.queries.masks import hide_numbers
from reports.queries.nested import Parts, parts
from reports.scope import Scope
from sync.models.calls import Call


@dataclass(frozen=True, slots=True)
class CallDetail:
    """``row`` is a row of a page of calls; ``payload`` is JSON text, the vendor's own bytes unless numbers are hidden.

    ``latencies`` are milliseconds a turn by stage; None where the vendor tells none.
    """

    row: dict[str, Any]
    parts: Parts
    latencies: dict[str, list[float]] | None
    payload: str


def detail(public_id: UUID | str, scope: Scope) -> CallDetail:
    """Raises Call.DoesNotExist for a foreign id as for an absent one."""
    row = told(public_id, scope)
    raw, latencies = Call.objects.filter(pk=row["id"]).values_list("payload__raw", "latencies").get()
    payload = raw or "null"
    element = msgspec.json.decode(payload)
    if not scope.sees_numbers:
        element = hide_numbers(element)
        payload = msgspec.json.encode(element).decode()
    return CallDetail(row, parts(element), latencies, payload)

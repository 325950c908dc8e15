"""What else the vendors' own form needs: agents, callback agents, campaigns, and callback totals over days.

These lists are short, so their payloads are read whole and ordered by the ``created_at`` inside them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from reports.queries.calls.payload_times import read_moment
from reports.queries.scope import Scope
from reports.queries.seen import seen
from sync.models.agents import Agent
from sync.models.callbacks import CallbackDay
from sync.models.campaigns import Campaign

_EARLIEST = datetime(1, 1, 1, tzinfo=UTC)


class _Described(msgspec.Struct):
    """The few values of a payload that a list is filtered and ordered by."""

    created_at: Any = None
    description: Any = None


_decoder = msgspec.json.Decoder(_Described)


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a list: its payload, and what it may be filtered by."""

    external_id: str
    raw: str
    created_at: datetime
    name: str = ""
    label: str = ""
    description: str = ""
    direction: str = ""
    status: str = ""
    kind: str = ""
    agent: str = ""

    @property
    def day(self) -> date:
        return self.created_at.date()


def agents(scope: Scope, external_id: str | None = None) -> list[Element]:
    """Agents as the vendor's list described them; one known by its calls alone is in no list of the vendor's."""
    rows = seen(Agent, scope).exclude(payload="")
    return _newest_first(
        _element(row, row.payload, label=row.label, direction=row.direction, status=row.state)
        for row in (rows if external_id is None else rows.filter(external_id=_stored(external_id)))
    )


def callback_agents(scope: Scope) -> list[Element]:
    rows = list(seen(Agent, scope).filter(takes_callbacks=True).exclude(callback_payload=""))
    dated = {row.external_id: _created(row.payload) for row in rows}
    elements = [_element(row, row.callback_payload) for row in rows]
    return sorted(elements, key=lambda item: (dated[item.external_id], item.external_id), reverse=True)


def campaigns(scope: Scope) -> list[Element]:
    rows = seen(Campaign, scope).exclude(payload="")
    return _newest_first(
        _element(
            row,
            row.payload,
            status=row.status,
            kind=row.kind,
            agent=row.agent.external_id if row.agent else "",
        )
        for row in rows.select_related("agent").defer("detail_payload")
    )


def campaign(scope: Scope, external_id: str) -> str | None:
    """The last answer about one campaign; the list's element when it was never asked for alone."""
    rows = seen(Campaign, scope).filter(external_id=_stored(external_id))
    payloads = rows.values_list("detail_payload", "payload").first()
    return (payloads[0] or payloads[1] or None) if payloads else None


def callback_stats(scope: Scope, start: date, end: date) -> dict[str, Any]:
    """The vendor's totals summed over UTC days, both inclusive; of one day exactly what the vendor said of it."""
    rows = list(seen(CallbackDay, scope).filter(day__gte=start, day__lte=end).order_by("day"))
    if start == end and len(rows) == 1:
        return _decoded(rows[0].payload)
    return {
        "period": {"start": start.isoformat(), "end": end.isoformat()},
        "total_callbacks_received": sum(row.received for row in rows),
        "callbacks_answered": sum(row.answered for row in rows),
        "callbacks_unmatched": sum(row.unmatched for row in rows),
        "callbacks_by_source_agent": _sources(rows),
    }


def _sources(rows: Sequence[CallbackDay]) -> list[dict[str, Any]]:
    """By agent, most first; the name is the latest one."""
    names: dict[str, str] = {}
    counts: dict[str, int] = {}
    for row in rows:
        for source in row.sources:
            names[source["agent"]] = source["name"]
            counts[source["agent"]] = counts.get(source["agent"], 0) + source["count"]
    ordered = sorted(counts, key=lambda agent: -counts[agent])
    return [{"source_agent_id": agent, "name": names[agent], "count": counts[agent]} for agent in ordered]


def _decoded(raw: str) -> dict[str, Any]:
    element: dict[str, Any] = msgspec.json.decode(raw)
    return element


def _element(row: Agent | Campaign, raw: str, **fields: str) -> Element:
    described = _read(raw)
    description = described.description if isinstance(described.description, str) else ""
    created_at = read_moment(described.created_at) or _EARLIEST
    return Element(row.external_id, raw, created_at, row.name, description=description, **fields)


def _read(raw: str) -> _Described:
    try:
        return _decoder.decode(raw)
    except (msgspec.MsgspecError, UnicodeError):
        return _Described()


def _created(raw: str) -> datetime:
    return read_moment(_read(raw).created_at) or _EARLIEST


def _newest_first(elements: Iterable[Element]) -> list[Element]:
    return sorted(elements, key=lambda item: (item.created_at, item.external_id), reverse=True)


def _stored(text: str) -> str:
    """Text as a column may hold it: PostgreSQL refuses NUL, and no stored id has one."""
    return text if "\0" not in text else ""

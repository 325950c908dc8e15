"""Talkover's read endpoints over one world: documented paths, envelopes, filters and refusals.

Each answer is an :class:`Answer` of ready bytes; what may go wrong on the way out is server.py's business.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec

from sync.sandbox import spoil
from sync.sandbox.campaigns import campaign_detail, campaign_stats
from sync.sandbox.cast import Agent
from sync.sandbox.faults import Faults
from sync.sandbox.journal import Journal
from sync.sandbox.query import Query, bounds
from sync.sandbox.rows import Element, Row, Selection
from sync.sandbox.world import World

CALL_STATUSES = ("initiated", "ringing", "answered", "completed", "failed", "busy", "no-answer")
DIRECTIONS = ("inbound", "outbound")
CAMPAIGN_STATUSES = ("draft", "active", "paused", "completed", "cancelled")
CAMPAIGN_TYPES = ("sales", "follow_up", "reminder", "custom")
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Answer:
    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a tenant: its world, its parameters, and the faults that strike it."""

    world: World
    params: Mapping[str, str]
    struck: frozenset[str]
    faults: Faults
    journal: Journal


def answer(visit: Visit, parts: Sequence[str]) -> Answer:
    """The answer to a GET of the path ``parts`` below the base address."""
    match parts:
        case ["calls"]:
            return _calls(visit, "")
        case ["agents"]:
            return _agents(visit)
        case ["agents", agent_id, *rest]:
            return _of_agent(visit, agent_id, rest)
        case ["callback-agents", *rest]:
            return _callbacks(visit, rest)
        case ["campaigns"]:
            return _campaigns(visit)
        case ["campaigns", campaign_id]:
            element = next((item for item in visit.world.campaigns if item["id"] == campaign_id), None)
            return (
                refusal(404, "Campaign not found") if element is None else _data(campaign_detail(visit.world, element))
            )
        case _:
            return refusal(404, "Not found.")


def refusal(status: int, message: str) -> Answer:
    return Answer(status, _encode({"success": False, "message": message}))


def unauthorized(parts: Sequence[str]) -> Answer:
    """The pages of agents word it otherwise than those of calls and campaigns."""
    of_agents = parts[:1] == ["agents"] and parts[2:] != ["calls"]
    return refusal(401, "Unauthenticated." if of_agents else "Unauthorized")


def invalid(errors: Mapping[str, Sequence[str]]) -> Answer:
    return Answer(422, _encode({"success": False, "message": "The given data was invalid.", "errors": errors}))


def _calls(visit: Visit, agent_id: str) -> Answer:
    query = Query(visit.params)
    status, direction = query.word("status", CALL_STATUSES), query.word("direction", DIRECTIONS)
    settings = visit.faults.settings
    since, before = bounds(
        query.day("date_from"), query.day("date_to"), zone=settings.day_zone, exclusive=settings.exclusive_end
    )
    page, per_page = query.page(), query.per_page()
    if query.errors:
        return invalid(query.errors)
    wanted = Selection(
        since=since,
        before=before,
        status=status,
        direction=direction,
        agent=agent_id or query.text("agent_id"),
        search=query.text("search"),
    )
    with visit.world.lock:
        if "drift" in visit.struck and page > 1:
            spoil.drift(visit.world, wanted, visit.faults)
        for kind in visit.struck & {"unknown", "wrong_types"}:
            spoil.deform(visit.world, _slice(visit.world.rows(wanted), page, per_page), kind, visit.faults)
        rows = visit.world.rows(wanted)
        total = 0 if "vanished" in visit.struck else len(rows)
        shown = [] if visit.struck & {"vanished", "empty_page"} else _slice(rows, page, per_page)
        items = [row.bare for row in shown] if agent_id else [row.body for row in shown]
    items = spoil.items(items, visit.struck, visit.faults)
    visit.journal.served((row.key[1], item) for row, item in zip(shown, items, strict=True))
    return _paged(items, page, per_page, total)


def _slice(rows: Sequence[Row], page: int, per_page: int) -> Sequence[Row]:
    return rows[(page - 1) * per_page : page * per_page]


def _paged(items: Sequence[bytes], page: int, per_page: int, total: int) -> Answer:
    first = (page - 1) * per_page + 1
    pagination = {
        "current_page": page,
        "last_page": _last_page(total, per_page),
        "per_page": per_page,
        "total": total,
        "from": first if items else None,
        "to": first + len(items) - 1 if items else None,
    }
    body = b'{"success":true,"data":[%b],"pagination":%b}' % (b",".join(items), _encode(pagination))
    return Answer(200, body)


def _last_page(total: int, per_page: int) -> int:
    return max(-(-total // per_page), 1)


def _data(element: Any) -> Answer:
    return Answer(200, _encode({"success": True, "data": element}))


def _agents(visit: Visit) -> Answer:
    query = Query(visit.params)
    status, direction = query.word("status", ("draft", "published")), query.word("direction", DIRECTIONS)
    page, per_page = query.page(), query.per_page()
    if query.errors:
        return invalid(query.errors)
    found = _found(visit, query.text("search"), ("name", "label"), current_status=status, direction=direction)
    items = spoil.items(
        [_encode(item) for item in found[(page - 1) * per_page : page * per_page]], visit.struck, visit.faults
    )
    meta = {
        "current_page": page,
        "per_page": per_page,
        "total": len(found),
        "last_page": _last_page(len(found), per_page),
    }
    return Answer(200, b'{"success":true,"data":[%b],"meta":%b}' % (b",".join(items), _encode(meta)))


def _found(visit: Visit, search: str, names: Sequence[str], **wanted: str) -> list[Element]:
    """Agents that match, newest first as every list; none when the list has vanished."""
    if visit.struck & {"vanished", "empty_page"}:
        return []
    return [
        item
        for item in visit.world.agents
        if all(not value or item[name] == value for name, value in wanted.items())
        and (not search or any(search.lower() in str(item[name]).lower() for name in names))
    ]


def _of_agent(visit: Visit, agent_id: str, rest: Sequence[str]) -> Answer:
    agent = visit.world.agent(agent_id)
    if agent is None:
        return refusal(404, "Agent not found")
    price = 0.071 + len(agent.name) % 5 * 0.006
    match rest:
        case []:
            return _data(next(item for item in visit.world.agents if item["id"] == agent_id))
        case ["calls"]:
            return _calls(visit, agent_id)
        case ["pricing"]:
            return _data(_pricing(agent, price))
        case ["pricing", "summary"]:
            return _data(
                {
                    "agent_id": agent_id,
                    "currency": "USD",
                    "estimated_cost_per_minute": round(price, 4),
                    "voice_quality_tier": "high_fidelity",
                    "optimized_costs_enabled": False,
                }
            )
        case _:
            return refusal(404, "Not found.")


def _pricing(agent: Agent, price: float) -> Element:
    return {
        "agent_id": agent.id,
        "currency": "USD",
        "components": {
            "voice_synthesis": {"unit": "per_minute", "price": 0.038, "tier": "high_fidelity"},
            "transcription": {"unit": "per_minute", "price": 0.012},
            "language_model": {"unit": "per_1k_tokens", "input_price": 0.0015, "output_price": 0.006},
        },
        "transport": {
            "outbound": {"country_code": "BR", "unit": "per_minute", "price": 0.018},
            "inbound": {"country_code": "BR", "unit": "per_minute", "price": 0.0085},
        },
        "estimated_cost_per_minute": round(price, 4),
        "calculated_at": "2026-01-15T10:30:00Z",
    }


def _callbacks(visit: Visit, rest: Sequence[str]) -> Answer:
    agents = visit.world.callback_agents
    match rest:
        case []:
            return _data([_callback_agent(agent) for agent in agents])
        case ["source-agents"]:
            return _data(
                [
                    {name: item[name] for name in ("id", "name", "direction", "current_status")}
                    for item in visit.world.agents
                    if item["direction"] == "outbound" and item["current_status"] == "published"
                ]
            )
        case ["stats"]:
            return _callback_stats(visit)
        case [agent_id]:
            agent = next((agent for agent in agents if agent.id == agent_id), None)
            if agent is None:
                known = visit.world.agent(agent_id)
                return refusal(404, "Agent is not configured as a callback agent" if known else "Agent not found")
            return _data(_callback_detail(visit.world, agent))
        case _:
            return refusal(404, "Not found.")


def _callback_agent(agent: Agent) -> Element:
    return {
        **agent.reference,
        "direction": agent.direction,
        "current_status": agent.status,
        "callback_config": {"source_agent_ids": list(agent.sources)},
    }


def _callback_detail(world: World, agent: Agent) -> Element:
    received = world.rows(Selection(since=(world.last - timedelta(days=30)).isoformat(), agent=agent.id))
    return {
        "agent": {"id": agent.id, "name": agent.name, "direction": agent.direction, "current_status": agent.status},
        "source_agents": [
            {"id": source, "name": known.name} for source in agent.sources if (known := world.agent(source))
        ],
        "stats": {
            "total_callbacks_received": len(received),
            "callbacks_answered": sum(row.element.get("status") in ("answered", "completed") for row in received),
        },
    }


def _callback_stats(visit: Visit) -> Answer:
    query = Query(visit.params)
    today = visit.world.last
    first, last = query.day("start_date"), query.day("end_date")
    if query.errors:
        return invalid(query.errors)
    first, last = first or today - timedelta(days=30), last or today
    received, answered, sources = visit.world.callbacks(first, last)
    return _data(
        {
            "period": {"start": first.isoformat(), "end": last.isoformat()},
            "total_callbacks_received": received,
            "callbacks_answered": answered,
            "callbacks_unmatched": received - sources.total(),
            "callbacks_by_source_agent": [
                {
                    "source_agent_id": source,
                    "name": known.name if (known := visit.world.agent(source)) else "",
                    "count": n,
                }
                for source, n in sources.most_common()
            ],
        }
    )


def _campaigns(visit: Visit) -> Answer:
    query = Query(visit.params)
    status, kind = query.word("status", CAMPAIGN_STATUSES), query.word("campaign_type", CAMPAIGN_TYPES)
    since, before = bounds(query.day("date_from"), query.day("date_to"))
    page, per_page = query.page(), query.per_page()
    if query.errors:
        return invalid(query.errors)
    agent, search = query.text("agent_id"), query.text("search").lower()
    tests: list[Callable[[Element], bool]] = [
        lambda item: status in ("", item["status"]),
        lambda item: kind in ("", item["campaign_type"]),
        lambda item: agent in ("", item["agent_id"]),
        lambda item: item["created_at"] >= since and (not before or item["created_at"] < before),
        lambda item: search in f"{item['name']} {item['description']}".lower(),
    ]
    found = [item for item in visit.world.campaigns if all(test(item) for test in tests)]
    found.sort(key=lambda item: (item["created_at"], item["id"]), reverse=True)
    if "vanished" in visit.struck:
        found = []
    shown = [] if "empty_page" in visit.struck else found[(page - 1) * per_page : page * per_page]
    items = [_encode(_with_stats(visit.world, item)) for item in shown]
    return _paged(spoil.items(items, visit.struck, visit.faults), page, per_page, len(found))


def _with_stats(world: World, item: Element) -> Element:
    """The figures stand between the agent and the times, as the page shows them."""
    times = {name: item[name] for name in ("created_at", "updated_at")}
    rest = {name: value for name, value in item.items() if name not in times}
    return {**rest, "stats": campaign_stats(world, item["id"]), **times}

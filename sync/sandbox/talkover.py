"""Talkover's read endpoints over one world: documented paths, envelopes, filters and refusals.

What may go wrong on the way out is responder.py's business.
"""

from collections.abc import Sequence

from sync.sandbox import spoil
from sync.sandbox.callbacks import callbacks
from sync.sandbox.campaigns import campaign, campaigns
from sync.sandbox.cast import Agent
from sync.sandbox.envelopes import DIRECTIONS, Answer, Visit, data, encode, invalid, last_page, page_of, paged, refusal
from sync.sandbox.query import Query, bounds
from sync.sandbox.rows import Element, Selection

CALL_STATUSES = ("initiated", "ringing", "answered", "completed", "failed", "busy", "no-answer")


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
            return callbacks(visit, rest)
        case ["campaigns"]:
            return campaigns(visit)
        case ["campaigns", campaign_id]:
            return campaign(visit, campaign_id)
        case _:
            return refusal(404, "Not found.")


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
    selection = Selection(
        since=since,
        before=before,
        status=status,
        direction=direction,
        agent=agent_id or query.text("agent_id"),
        search=query.text("search"),
    )
    with visit.world.lock:
        if "drift" in visit.struck and page > 1:
            spoil.drift(visit.world, selection, visit.faults)
        for kind in visit.struck & {"unknown", "wrong_types"}:
            spoil.deform(visit.world, page_of(visit.world.rows(selection), page, per_page), kind, visit.faults)
        rows = visit.world.rows(selection)
        total = 0 if "vanished" in visit.struck else len(rows)
        shown = [] if visit.struck & {"vanished", "empty_page"} else page_of(rows, page, per_page)
        items = [row.bare for row in shown] if agent_id else [row.body for row in shown]
    items = spoil.items(items, visit.struck, visit.faults)
    visit.journal.served((row.key[1], item) for row, item in zip(shown, items, strict=True))
    return paged(spoil.burst(items, visit.struck, visit.faults), page, per_page, total)


def _agents(visit: Visit) -> Answer:
    query = Query(visit.params)
    status, direction = query.word("status", ("draft", "published")), query.word("direction", DIRECTIONS)
    page, per_page = query.page(), query.per_page()
    if query.errors:
        return invalid(query.errors)
    agents = _matching_agents(
        visit, query.text("search"), ("name", "label"), current_status=status, direction=direction
    )
    items = spoil.items([encode(item) for item in page_of(agents, page, per_page)], visit.struck, visit.faults)
    meta = {
        "current_page": page,
        "per_page": per_page,
        "total": len(agents),
        "last_page": last_page(len(agents), per_page),
    }
    return Answer(200, b'{"success":true,"data":[%b],"meta":%b}' % (b",".join(items), encode(meta)))


def _matching_agents(visit: Visit, search: str, names: Sequence[str], **values: str) -> list[Element]:
    """Agents that match, newest first as every list; none when the list has vanished."""
    if visit.struck & {"vanished", "empty_page"}:
        return []
    return [
        item
        for item in visit.world.agents
        if all(not value or item[name] == value for name, value in values.items())
        and (not search or any(search.lower() in str(item[name]).lower() for name in names))
    ]


def _of_agent(visit: Visit, agent_id: str, rest: Sequence[str]) -> Answer:
    agent = visit.world.agent(agent_id)
    if agent is None:
        return refusal(404, "Agent not found")
    price = 0.071 + len(agent.name) % 5 * 0.006
    match rest:
        case []:
            return data(next(item for item in visit.world.agents if item["id"] == agent_id))
        case ["calls"]:
            return _calls(visit, agent_id)
        case ["pricing"]:
            return data(_pricing(agent, price))
        case ["pricing", "summary"]:
            return data(
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

"""Talkover's callback agents, their sources and their totals."""

from collections.abc import Sequence
from datetime import timedelta

from sync.sandbox.cast import Agent
from sync.sandbox.envelopes import Answer, Visit, data, invalid, refusal
from sync.sandbox.query import Query
from sync.sandbox.rows import Element, Selection
from sync.sandbox.world import World


def callbacks(visit: Visit, rest: Sequence[str]) -> Answer:
    agents = visit.world.callback_agents
    match rest:
        case []:
            return data([_callback_agent(agent) for agent in agents])
        case ["source-agents"]:
            return data(
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
                is_agent = visit.world.agent(agent_id) is not None
                return refusal(404, "Agent is not configured as a callback agent" if is_agent else "Agent not found")
            return data(_callback_detail(visit.world, agent))
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
            {"id": source, "name": source_agent.name}
            for source in agent.sources
            if (source_agent := world.agent(source))
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
    return data(
        {
            "period": {"start": first.isoformat(), "end": last.isoformat()},
            "total_callbacks_received": received,
            "callbacks_answered": answered,
            "callbacks_unmatched": received - sources.total(),
            "callbacks_by_source_agent": [
                {
                    "source_agent_id": source,
                    "name": agent.name if (agent := visit.world.agent(source)) else "",
                    "count": n,
                }
                for source, n in sources.most_common()
            ],
        }
    )

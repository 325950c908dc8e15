"""Talkover's campaigns: the list and the detail, with figures counted live over the calls the world still has."""

from collections.abc import Callable
from typing import Any

from sync.sandbox import spoil
from sync.sandbox.cast import identity
from sync.sandbox.envelopes import Answer, Visit, data, encode, invalid, page_of, paged, refusal
from sync.sandbox.query import Query, bounds
from sync.sandbox.rows import Element
from sync.sandbox.world import FINAL, World

CAMPAIGN_STATUSES = ("draft", "active", "paused", "completed", "cancelled")
CAMPAIGN_TYPES = ("sales", "follow_up", "reminder", "custom")


def campaigns(visit: Visit) -> Answer:
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
    matching = [item for item in visit.world.campaigns if all(test(item) for test in tests)]
    matching.sort(key=lambda item: (item["created_at"], item["id"]), reverse=True)
    if "vanished" in visit.struck:
        matching = []
    shown = [] if "empty_page" in visit.struck else page_of(matching, page, per_page)
    items = [encode(_with_stats(visit.world, item)) for item in shown]
    return paged(spoil.items(items, visit.struck, visit.faults), page, per_page, len(matching))


def _with_stats(world: World, item: Element) -> Element:
    """The figures stand between the agent and the times, as the page shows them."""
    times = {name: item[name] for name in ("created_at", "updated_at")}
    rest = {name: value for name, value in item.items() if name not in times}
    return {**rest, "stats": campaign_stats(world, item["id"]), **times}


def campaign(visit: Visit, campaign_id: str) -> Answer:
    element = next((item for item in visit.world.campaigns if item["id"] == campaign_id), None)
    return refusal(404, "Campaign not found") if element is None else data(campaign_detail(visit.world, element))


def campaign_stats(world: World, campaign_id: str, *, detail: bool = False) -> dict[str, Any]:
    """As the vendor shows it: the rate in percent; only the detail has the mean duration of completed calls."""
    elements = [row.element for row, _ in world.campaign_rows(campaign_id)]
    completed = [element for element in elements if element.get("status") == "completed"]
    failed = sum(element.get("status") in FINAL for element in elements) - len(completed)
    stats: dict[str, Any] = {
        "total_calls": len(elements),
        "completed_calls": len(completed),
        "failed_calls": failed,
        "success_rate": round(100 * len(completed) / len(elements), 1) if elements else 0.0,
    }
    if detail:
        talked = [element["duration"] for element in completed if isinstance(element.get("duration"), int)]
        stats["average_duration"] = round(sum(talked) / len(talked)) if talked else None
    return stats


def campaign_detail(world: World, element: Element) -> Element:
    """A campaign as ``/campaigns/{id}`` shows it, with its calls, oldest first."""
    calls = [
        {
            "id": row.key[1],
            "to": row.element.get("to"),
            "status": row.element.get("status"),
            "retries": retries,
            "created_at": row.element.get("created_at"),
        }
        for row, retries in world.campaign_rows(element["id"])
    ]
    records = len({call["to"] for call in calls})
    ends = {name: element[name] for name in ("agent", "created_at", "updated_at")}
    return {
        **{name: value for name, value in element.items() if name not in ends},
        "enable_post_completion_cooldown": True,
        "post_completion_cooldown_hours": 168,
        "success_cooldown_hours": 168,
        "voicemail_cooldown_hours": 24,
        "no_answer_cooldown_hours": 24,
        "busy_cooldown_hours": 24,
        "failed_cooldown_hours": 24,
        "do_not_call_enabled": True,
        "do_not_call_list_source": "environment",
        "auto_add_to_dnc_enabled": True,
        "auto_dnc_trigger_statuses": ["completed"],
        "auto_dnc_trigger_errors": ["invalid_number", "disconnected"],
        "agent": ends["agent"],
        "calls": calls,
        "files": [
            {
                "id": identity(element["id"], "file"),
                "original_filename": "contatos.csv",
                "processed_filename": "processed_contatos.csv",
                "status": "processed",
                "total_records": records + records // 40,
                "processed_records": records,
            }
        ],
        "stats": campaign_stats(world, element["id"], detail=True),
        "created_at": ends["created_at"],
        "updated_at": ends["updated_at"],
    }

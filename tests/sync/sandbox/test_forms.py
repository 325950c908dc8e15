"""What the sandbox serves has the forms the vendors publish."""

import json
from pathlib import Path

import pytest

from sync.sandbox.server import Sandbox
from tests.sync.sandbox.conftest import fetch, originsai, talkover

PAYLOADS = Path(__file__).parents[2] / "payloads"
CAMPAIGN = {
    "id", "name", "description", "status", "campaign_type", "start_date", "days_of_week", "earliest_call_time",
    "latest_call_time", "timezone", "agent_id", "initial_call_delay", "max_retries", "retry_cooldown_hours", "agent",
    "stats", "created_at", "updated_at",
}  # fmt: skip
CAMPAIGN_DETAIL = CAMPAIGN | {
    "enable_post_completion_cooldown", "post_completion_cooldown_hours", "success_cooldown_hours",
    "voicemail_cooldown_hours", "no_answer_cooldown_hours", "busy_cooldown_hours", "failed_cooldown_hours",
    "do_not_call_enabled", "do_not_call_list_source", "auto_add_to_dnc_enabled", "auto_dnc_trigger_statuses",
    "auto_dnc_trigger_errors", "calls", "files",
}  # fmt: skip
AGENT = {
    "id", "name", "label", "description", "language", "voice", "initial_message", "interrupt_sensitivity",
    "conversation_speed", "initial_message_delay", "ask_if_human_present_on_idle", "direction", "who_speaks_first",
    "current_status", "is_sandbox", "is_ready_to_publish", "created_at", "updated_at", "trainings", "actions",
    "phone_numbers",
}  # fmt: skip


def example(vendor: str, name: str):
    return json.loads((PAYLOADS / vendor / name).read_text())


def test_agent_calls_have_the_documented_keys(calm: Sandbox) -> None:
    documented = example("talkover", "talkover_agent_calls.json")
    agent = calm.world.agents[0]["id"]
    served = talkover(calm, f"/agents/{agent}/calls").json
    assert served.keys() == documented.keys()
    assert served["pagination"].keys() == documented["pagination"].keys()
    assert len(served["data"]) == 20
    assert all(list(call) == list(documented["data"][0]) for call in served["data"])


def test_calls_have_the_agent_besides(calm: Sandbox) -> None:
    documented = example("talkover", "talkover_agent_calls.json")
    for call in talkover(calm, "/calls").json["data"]:
        assert call.keys() == documented["data"][0].keys() | {"agent"}
        assert call["agent"].keys() == {"id", "name", "label"}


def test_callback_stats_have_the_documented_keys(calm: Sandbox) -> None:
    documented = example("talkover", "talkover_callback_stats.json")["data"]
    served = talkover(calm, "/callback-agents/stats", start_date="2026-07-01", end_date="2026-07-10").json["data"]
    assert served.keys() == documented.keys()
    assert served["period"] == {"start": "2026-07-01", "end": "2026-07-10"}
    assert served["callbacks_by_source_agent"][0].keys() == documented["callbacks_by_source_agent"][0].keys()


def test_originsai_elements_have_the_documented_keys(calm: Sandbox) -> None:
    documented = example("originsai", "originsai_call_stats.json")[0]
    for agent in calm.originsai_agents:
        served = originsai(calm, agent).json
        assert len(served) > 10
        assert all(element.keys() == documented.keys() for element in served)
        assert {element["call_status"] for element in served} <= {"ANSWERED", "FAILED", "INITIATED", "QUEUED"}
        assert [element["call_id"] for element in served if element["call_status"] == "QUEUED"] == [None] * 3


def test_agents_page_under_meta(calm: Sandbox) -> None:
    served = talkover(calm, "/agents", per_page=4).json
    assert served.keys() == {"success", "data", "meta"}
    assert served["meta"] == {"current_page": 1, "per_page": 4, "total": 9, "last_page": 3}
    assert all(agent.keys() == AGENT for agent in served["data"])
    one = served["data"][0]
    assert talkover(calm, f"/agents/{one['id']}").json == {"success": True, "data": one}


def test_campaigns_and_the_detail(calm: Sandbox) -> None:
    served = talkover(calm, "/campaigns").json
    assert {item["status"] for item in served["data"]} == {"draft", "active", "paused", "completed", "cancelled"}
    assert all(item.keys() == CAMPAIGN for item in served["data"])
    busy = max(served["data"], key=lambda item: item["stats"]["total_calls"])
    detail = talkover(calm, f"/campaigns/{busy['id']}").json["data"]
    assert detail.keys() == CAMPAIGN_DETAIL
    assert detail["calls"][0].keys() == {"id", "to", "status", "retries", "created_at"}
    assert {name: value for name, value in detail["stats"].items() if name != "average_duration"} == busy["stats"]
    completed = [call for call in detail["calls"] if calm.world.calls[call["id"]]["status"] == "completed"]
    assert (len(detail["calls"]), len(completed)) == (busy["stats"]["total_calls"], busy["stats"]["completed_calls"])


def test_callback_agents_and_their_sources(calm: Sandbox) -> None:
    agents = talkover(calm, "/callback-agents").json
    assert agents.keys() == {"success", "data"}
    assert agents["data"][0].keys() == {"id", "name", "label", "direction", "current_status", "callback_config"}
    eligible = {agent["id"] for agent in talkover(calm, "/callback-agents/source-agents").json["data"]}
    for agent in agents["data"]:
        assert set(agent["callback_config"]["source_agent_ids"]) <= eligible
        detail = talkover(calm, f"/callback-agents/{agent['id']}").json["data"]
        assert detail.keys() == {"agent", "source_agents", "stats"}


def test_price_of_an_agent(calm: Sandbox) -> None:
    agent = calm.world.agents[0]["id"]
    price = talkover(calm, f"/agents/{agent}/pricing").json["data"]
    summary = talkover(calm, f"/agents/{agent}/pricing/summary").json["data"]
    assert price["estimated_cost_per_minute"] == summary["estimated_cost_per_minute"] > 0
    assert (price["currency"], summary["currency"]) == ("USD", "USD")


def test_refused_parameters_are_told_in_the_documented_words(calm: Sandbox) -> None:
    got = talkover(calm, "/calls", status="gone", direction="up", date_from="2026-02-30")
    assert got.status == 422
    assert got.json == example("talkover", "talkover_validation_error.json")
    got = talkover(calm, "/agents", per_page=101)
    assert (got.status, got.json["errors"]) == (422, {"per_page": ["The per page must be between 1 and 100."]})


@pytest.mark.parametrize(
    ("path", "message"),
    [("/calls", "Unauthorized"), ("/campaigns", "Unauthorized"), ("/agents", "Unauthenticated.")],
)
def test_a_wrong_token_is_refused(calm: Sandbox, path: str, message: str) -> None:
    for token in (None, "talq_wrong", calm.originsai_token):
        got = fetch(calm.talkover_url + path, token)
        assert (got.status, got.json) == (401, {"success": False, "message": message})


def test_absent_things_are_not_found(calm: Sandbox) -> None:
    assert talkover(calm, "/agents/none/calls").json == {"success": False, "message": "Agent not found"}
    assert talkover(calm, "/campaigns/none").json == {"success": False, "message": "Campaign not found"}
    plain = calm.world.agents[0]["id"]
    got = talkover(calm, f"/callback-agents/{plain}")
    assert (got.status, got.json["message"]) == (404, "Agent is not configured as a callback agent")
    assert [originsai(calm, agent).status for agent in (99, "x")] == [404, 422]


def test_an_agents_number_may_be_any_whole_number(calm: Sandbox) -> None:
    assert (originsai(calm, "-1").status, originsai(calm, "-1").json) == (404, {"detail": "Agent not found"})
    for name in ("seven", "7.0", "9" * 30):
        assert (originsai(calm, name).status, originsai(calm, name).json["detail"][0]["loc"]) == (
            422,
            ["path", "agent_id"],
        )


def test_callback_totals_of_no_day_are_nothing(calm: Sandbox) -> None:
    answer = talkover(calm, "/callback-agents/stats", start_date="2026-07-08", end_date="2026-07-01")
    assert (answer.status, answer.json["data"]["total_callbacks_received"]) == (200, 0)


def test_health_needs_no_token(calm: Sandbox) -> None:
    assert fetch(f"{calm.talkover_url}/health").json == {"status": "ok"}

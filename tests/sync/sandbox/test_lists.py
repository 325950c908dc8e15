"""Paging adds up and filters select what they say."""

from datetime import date, timedelta

import pytest

from sync.sandbox.server import Sandbox
from tests.sync.sandbox.conftest import END, fetch, talkover, walk


def newest_first(calls):
    return sorted(calls, key=lambda call: (call["created_at"], call["id"]), reverse=True)


def test_pages_hold_every_call_once_newest_first(calm: Sandbox) -> None:
    assert walk(calm, "/calls") == newest_first(calm.world.calls.values())


def test_a_page_says_where_it_is(calm: Sandbox) -> None:
    total = len(calm.world.calls)
    last = -(-total // 20)
    got = talkover(calm, "/calls", page=last).json
    assert got["pagination"] == {
        "current_page": last, "last_page": last, "per_page": 20, "total": total, "from": last * 20 - 19, "to": total,
    }  # fmt: skip
    beyond = talkover(calm, "/calls", page=last + 1).json
    assert (beyond["data"], beyond["pagination"]["from"], beyond["pagination"]["to"]) == ([], None, None)


@pytest.mark.parametrize("back", [0, 1, 6, 20])
def test_days_are_whole_utc_days(calm: Sandbox, back: int) -> None:
    day = (END - timedelta(days=back)).isoformat()
    expected = [call for call in calm.world.calls.values() if call["created_at"][:10] == day]
    assert walk(calm, "/calls", date_from=day, date_to=day) == newest_first(expected)


def test_both_days_are_included(calm: Sandbox) -> None:
    first, last = date(2026, 7, 1), date(2026, 7, 3)
    expected = [call for call in calm.world.calls.values() if "2026-07-01" <= call["created_at"][:10] <= "2026-07-03"]
    assert walk(calm, "/calls", date_from=first, date_to=last) == newest_first(expected)


@pytest.mark.parametrize(
    ("params", "wanted"),
    [
        ({"status": "no-answer"}, lambda call: call["status"] == "no-answer"),
        ({"direction": "inbound"}, lambda call: call["direction"] == "inbound"),
        ({"search": "+5521"}, lambda call: "+5521" in call["to"] + " " + call["from"]),
        (
            {"status": "completed", "direction": "outbound", "date_from": "2026-07-06"},
            lambda call: (
                (call["status"], call["direction"]) == ("completed", "outbound") and call["created_at"] >= "2026-07-06"
            ),
        ),
    ],
)
def test_filters(calm: Sandbox, params, wanted) -> None:
    expected = newest_first(call for call in calm.world.calls.values() if wanted(call))
    assert 0 < len(expected) < len(calm.world.calls)
    assert walk(calm, "/calls", **params) == expected


def test_an_agents_calls_both_ways(calm: Sandbox) -> None:
    for agent in calm.world.agents:
        of_agent = walk(calm, f"/agents/{agent['id']}/calls")
        filtered = walk(calm, "/calls", agent_id=agent["id"])
        assert of_agent == [{name: value for name, value in call.items() if name != "agent"} for call in filtered]
        assert len(filtered) == sum(call["agent"]["id"] == agent["id"] for call in calm.world.calls.values())


def test_agents_and_campaigns_are_filtered(calm: Sandbox) -> None:
    assert [agent["name"] for agent in walk(calm, "/agents", status="draft")] == ["Nina (rascunho)"]
    assert {agent["direction"] for agent in walk(calm, "/agents", direction="inbound")} == {"inbound"}
    assert {item["status"] for item in walk(calm, "/campaigns", status="paused")} == {"paused"}
    assert [item["name"] for item in walk(calm, "/campaigns", search="nps")] == ["NPS pós-atendimento"]


def test_each_token_sees_its_own_world(calm: Sandbox) -> None:
    globex = fetch(f"{calm.talkover_url}/calls?per_page=100", calm.token("talkover", "globex")).json
    assert globex["pagination"]["total"] == len(calm.world_of("globex").calls) > 0
    assert not {call["id"] for call in globex["data"]} & calm.world.calls.keys()
    staff = "+5511900000001"
    theirs = {call[side] for call in calm.world_of("globex").calls.values() for side in ("to", "from")} - {staff}
    ours = {call[side] for call in calm.world.calls.values() for side in ("to", "from")} - {staff}
    assert not ours & theirs

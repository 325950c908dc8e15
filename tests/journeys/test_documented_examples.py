"""What the vendors' pages print goes in through their form and comes out of ours, key by key equal.

Everything as an administrator and a client do it: ``add_connection``, ``pull``, ``add_key``, then HTTP with that key.
"""

import io
import json
from datetime import datetime
from typing import Any

import pytest

from tests.journeys.acts import add_key, run
from tests.journeys.standin import TOKEN, StandIn, example

pytestmark = pytest.mark.django_db(transaction=True)

TALKOVER, ORIGINSAI = "/vendor/talkover/api/v1", "/vendor/originsai/api"
SELLER = {"id": "agent-uuid-1", "name": "Sales Agent", "label": "Sales Agent Label"}
FIRST, SECOND = "2024-01-01", "2024-01-02"


class Reader:
    """A client with a key: each answer has status, document, and headers of the mirror."""

    def __init__(self, client: Any, base: str, key: str) -> None:
        self._client, self._base, self._key = client, base, key

    def __call__(self, path: str, **params: str) -> Any:
        answer = self._client.get(self._base + path, params, headers={"Authorization": f"Bearer {self._key}"})
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        answer.document = json.loads(body)
        answer.complete = answer.headers.get("X-Mirror-Complete")
        as_of = answer.headers["X-Mirror-As-Of"]
        assert datetime.fromisoformat(as_of).tzinfo is not None
        assert as_of.endswith("Z")
        return answer


@pytest.fixture
def mirror(acme, client, monkeypatch):
    """Connects a stand-in and pulls two days of it, or its whole history; returns a reader and the environment."""

    def connect(vendor: StandIn, provider: str = "talkover", *, status: int = 0) -> tuple[Reader, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{TOKEN}\n"))
        words = ["add_connection", "--tenant", "acme", "--environment", "Examples", "--provider", provider]
        path = "/v1" if provider == "talkover" else "/api"
        more = [] if provider == "talkover" else ["--set", "agents=123:Reception"]
        code, said = run(*words, "--base-url", vendor.address + path, "--since", FIRST, *more)
        assert code == 0
        environment = json.loads(said)["environment"]
        assert pull(environment)[0] == status
        key = add_key("client", environment)
        return Reader(client, TALKOVER if provider == "talkover" else ORIGINSAI, key), environment

    return connect


def pull(environment: str, *more: str, since: str = FIRST, until: str = SECOND) -> tuple[int, dict[str, Any]]:
    status, said = run("pull", "--environment", environment, "--since", since, "--until", until, "--json", *more)
    return status, json.loads(said)


def agent_calls() -> list[dict[str, Any]]:
    return example("talkover_agent_calls")["data"]


def newest_first(elements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(elements, key=lambda element: (element["created_at"], element["id"]), reverse=True)


def paging(total: int, **more: Any) -> dict[str, Any]:
    return {"current_page": 1, "last_page": 1, "per_page": 20, "total": total} | more


def test_the_calls_of_an_agent_come_out_with_and_without_the_agent(mirror):
    served = [element | {"agent": SELLER} for element in agent_calls()]
    with StandIn(calls=served) as vendor:
        read, _ = mirror(vendor)
    # The vendor is gone now: this is history.
    answer = read("/calls", date_from=FIRST, date_to=SECOND)
    pages = paging(2, **{"from": 1, "to": 2})
    assert (answer.status_code, answer.complete) == (200, "true")
    assert answer.document == {"success": True, "data": newest_first(served), "pagination": pages}
    answer = read("/agents/agent-uuid-1/calls", date_from=FIRST, date_to=SECOND)
    assert (answer.status_code, answer.complete) == (200, "true")
    assert answer.document == {"success": True, "data": newest_first(agent_calls()), "pagination": pages}
    assert answer.document.keys() == example("talkover_agent_calls").keys()
    assert answer.document["pagination"].keys() == example("talkover_agent_calls")["pagination"].keys()


def test_calls_that_name_no_agent_stay_as_they_are(mirror):
    with StandIn(calls=agent_calls()) as vendor:
        read, _ = mirror(vendor)
    assert read("/calls").document["data"] == newest_first(agent_calls())
    assert read("/calls", agent_id="agent-uuid-1").document["data"] == []
    assert read("/agents/agent-uuid-1/calls").document["data"] == []
    answer = read("/agents/agent-uuid-9/calls")
    assert (answer.status_code, answer.document) == (404, {"success": False, "message": "Agent not found"})


def test_calls_of_several_agents_can_be_asked_for_one_by_one(mirror):
    documented = example("talkover_calls")["data"]
    with StandIn(calls=documented) as vendor:
        read, _ = mirror(vendor)
    assert read("/calls").document["data"] == newest_first(documented)
    for element in documented:
        bare = {name: value for name, value in element.items() if name != "agent"}
        assert read(f"/agents/{element['agent']['id']}/calls").document["data"] == [bare]
        assert read("/calls", agent_id=element["agent"]["id"]).document["data"] == [element]
        assert read("/calls", status=element["status"]).document["data"] == [element]
        assert read("/calls", search=element["to"]).document["data"] == [element]
    page = read("/calls", per_page="1", page="2").document
    assert page["data"] == newest_first(documented)[1:]
    assert page["pagination"] == {"current_page": 2, "last_page": 2, "per_page": 1, "total": 2, "from": 2, "to": 2}


CHANGES = {
    "sid": "call_sid_other",
    "to": "+1234567899",
    "to_formatted": "(123) 456-7899",
    "from": "+0987654329",
    "from_formatted": "(098) 765-4329",
    "is_testing": True,
    "direction": "inbound",
    "status": "failed",
    "duration": 121,
    "agent": {"id": "agent-uuid-2"},
    "agent.name": "Another name",
    "agent.label": "Another label",
    "created_at": "2024-01-01T00:00:01Z",
    "updated_at": "2024-01-01T00:00:01Z",
    "not documented": {"deep": [1]},
}


def test_a_change_anywhere_in_a_call_is_a_change(mirror):
    """Also in a key that no figure is made of, and in one that no page names."""
    first, second = example("talkover_calls")["data"]
    assert {name.split(".")[0] for name in CHANGES} >= first.keys() - {"id"}
    with StandIn(calls=[first, second]) as vendor:
        read, environment = mirror(vendor)
        for name, value in CHANGES.items():
            key, _, inner = name.partition(".")
            if isinstance(first.get(key), dict):
                value = first[key] | ({inner: value} if inner else value)
            first = first | {key: value}
            vendor.calls = [first, second]
            status, told = pull(environment, "--stream", "calls")
            assert (status, told["streams"]["calls"]["new"], told["streams"]["calls"]["changed"]) == (0, 0, 1), name
            assert read("/calls").document["data"] == newest_first([first, second]), name
            assert pull(environment, "--stream", "calls")[1]["streams"]["calls"]["changed"] == 0, name


def test_callback_statistics_come_out_as_they_were_told(mirror):
    documented = example("talkover_callback_stats")
    with StandIn() as vendor:
        read, _ = mirror(vendor)
    answer = read("/callback-agents/stats", start_date=FIRST, end_date=FIRST)
    assert (answer.document, answer.complete) == (documented, "true")
    both = read("/callback-agents/stats", start_date=FIRST, end_date=SECOND).document["data"]
    assert both.keys() == documented["data"].keys()
    assert both["period"] == {"start": FIRST, "end": SECOND}
    for total in ("total_callbacks_received", "callbacks_answered", "callbacks_unmatched"):
        assert both[total] == 2 * documented["data"][total]
    doubled = [source | {"count": 2 * source["count"]} for source in documented["data"]["callbacks_by_source_agent"]]
    assert both["callbacks_by_source_agent"] == doubled


def test_agents_callback_agents_and_campaigns_come_out_as_they_went_in(mirror):
    with StandIn() as vendor:
        read, _ = mirror(vendor)
    answer = read("/agents")
    documented = example("talkover_agents")
    assert answer.document == {"success": True, "data": documented["data"], "meta": paging(1)}
    assert answer.document["meta"].keys() == documented["meta"].keys()
    one = documented["data"][0]
    assert read(f"/agents/{one['id']}").document == {"success": True, "data": one}
    assert read("/callback-agents").document == example("talkover_callback_agents")
    answer = read("/campaigns")
    documented = example("talkover_campaigns")
    assert answer.document == documented | {"pagination": paging(1, **{"from": 1, "to": 1})}
    assert answer.complete == "true"
    assert read("/campaigns/campaign-uuid-1").document == example("talkover_campaign")


def test_call_statistics_of_originsai_come_out_as_they_went_in(mirror):
    with StandIn() as vendor:
        read, environment = mirror(vendor, "originsai")
        answer = read("/agents/123/call_stats")
        assert (answer.document, answer.complete) == (example("originsai_call_stats"), "true")
        # An element without an id is no call yet, and comes out all the same.
        vendor.agents["123"] += [vendor.agents["123"][0] | {"call_id": None, "call_status": "QUEUED"}]
        assert pull(environment)[0] == 0
        answer = read("/agents/123/call_stats")
        assert (answer.document, answer.complete) == (vendor.agents["123"], "true")
        assert read("/agents/124/call_stats").status_code == 404
        vendor.agents = {}
        assert pull(environment)[0] == 3
    answer = read("/agents/123/call_stats")
    assert answer.complete == "false"
    assert answer.document[0] == example("originsai_call_stats")[0]


def test_a_day_that_failed_makes_its_range_incomplete_until_it_is_read(mirror):
    served = [element | {"agent": SELLER} for element in agent_calls()]
    with StandIn(calls=served) as vendor:
        read, environment = mirror(vendor)
        assert read("/calls", date_from=FIRST, date_to=SECOND).complete == "true"
        before = read("/calls", date_from=FIRST, date_to=FIRST).headers["X-Mirror-As-Of"]

        vendor.refuse = {("/v1/calls", SECOND), ("/v1/callback-agents/stats", SECOND), ("/v1/campaigns", "")}
        status, said = pull(environment, since=SECOND)
        assert (status, said["status"]) == (3, "partial")
        assert {name: stream["status"] for name, stream in said["streams"].items()} == {
            "agents": "complete", "calls": "failed", "callbacks": "failed", "campaigns": "failed"
        }  # fmt: skip
        for path in ("/calls", "/agents/agent-uuid-1/calls"):
            answer = read(path, date_from=FIRST, date_to=SECOND)
            assert (answer.complete, len(answer.document["data"])) == ("false", 2)
            assert read(path, date_to=SECOND).complete == "false"
            assert read(path).complete == "false"
            assert read(path, date_from=FIRST, date_to=FIRST).complete == "true"
        assert read("/calls", date_from=FIRST, date_to=FIRST).headers["X-Mirror-As-Of"] == before
        assert read("/callback-agents/stats", start_date=FIRST, end_date=SECOND).complete == "false"
        assert read("/callback-agents/stats", start_date=FIRST, end_date=FIRST).complete == "true"
        assert read("/campaigns").complete == "false"
        assert read("/campaigns").document["data"] == example("talkover_campaigns")["data"]
        assert read("/agents").complete == "true"

        vendor.refuse = set()
        assert pull(environment, since=SECOND)[0] == 0
    assert read("/calls", date_from=FIRST, date_to=SECOND).complete == "true"
    assert read("/campaigns").complete == "true"
    # A day nobody asked for is not complete either.
    assert read("/calls", date_from=FIRST, date_to="2024-01-03").complete == "false"


def test_a_vendor_that_promises_more_than_it_shows_is_not_believed(mirror):
    """The printed lists name more pages than they have elements for. What they show is kept, and called incomplete."""
    with StandIn(verbatim=True) as vendor:
        read, _ = mirror(vendor, status=3)
    answer = read("/calls", date_from=FIRST, date_to=FIRST)
    assert answer.complete == "false"
    assert answer.document["data"] == newest_first(example("talkover_calls")["data"])
    assert read("/agents").document["data"] == example("talkover_agents")["data"]
    assert read("/agents").complete == "false"

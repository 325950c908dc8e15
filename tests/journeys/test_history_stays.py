"""History outlives what it came from: an agent deleted with its calls, an environment retired, a token changed, a
connection deleted. What was mirrored is kept, counted, and served.
"""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from portal.tenants import wall
from portal.tenants.models.people import User
from portal.tenants.models.tenants import Environment, Tenant
from sync.models.calls import Call
from sync.models.connections import Connection
from sync.models.runs import Run, Window
from sync.sandbox.server import Sandbox
from tests.journeys import acts

pytestmark = pytest.mark.django_db(transaction=True)

FIRST, LAST = date(2026, 3, 1), date(2026, 3, 8)
METRICS = "attempts,connected,connect_rate,average_duration,talk_minutes,unique_contacts,callbacks_received"
TALKOVER, ORIGINSAI = "/vendor/talkover/api/v1", "/vendor/originsai/api"


@dataclass
class History:
    tenant: Tenant
    box: Sandbox
    client: Any
    environments: dict[str, str]
    keys: dict[str, str]

    def pull(self, vendor: str = "talkover") -> tuple[int, dict[str, Any]]:
        return acts.pull(self.environments[vendor], FIRST, LAST)

    def get(self, path: str, key: str = "all", **params: str) -> Any:
        answer = self.client.get(path, params, headers={"Authorization": f"Bearer {self.keys[key]}"})
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        answer.data = json.loads(body) if "json" in answer.headers["Content-Type"] else body.decode()
        return answer

    def figures(self, *by: str, **more: str) -> Any:
        """Every figure of the days, in total and by what is asked for; without what is told about their reading."""
        asked = {"metrics": METRICS, "date_from": str(FIRST), "date_to": str(LAST), "zone": "UTC", "by": ",".join(by)}
        data = self.get("/api/v1/reports/query/", **asked, **more).data
        return {name: data[name] for name in ("totals", "rows", "complete", "gaps")}

    def calls(self) -> dict[str, dict[str, Any]]:
        """The calls as the vendor's form serves them, by id, all pages."""
        found: dict[str, dict[str, Any]] = {}
        page = last = 1
        while page <= last:
            document = self.get(f"{TALKOVER}/calls", "talkover", per_page="100", page=str(page)).data
            found |= {element["id"]: element for element in document["data"]}
            page, last = page + 1, document["pagination"]["last_page"]
        return found

    def snapshot(self) -> dict[str, Any]:
        """All that a reader may have noted down."""
        agents = self.get("/api/v1/agents/").data["results"]
        csv = self.get("/api/v1/calls/csv/", date_from=str(FIRST), date_to=str(LAST)).data
        return {
            "calls": self.calls(),
            "days": self.figures("day"),
            "agents": self.figures("agent"),
            "list": self.get(f"{TALKOVER}/agents", "talkover").data,
            "campaigns": self.get(f"{TALKOVER}/campaigns", "talkover").data,
            "callbacks": self.get(
                f"{TALKOVER}/callback-agents/stats", "talkover", start_date=str(FIRST), end_date=str(LAST)
            ).data,
            "stats": [
                self.get(f"{ORIGINSAI}/agents/{number}/call_stats", "originsai").data
                for number in self.box.originsai_agents
            ],
            "ids": sorted((row["external_id"], row["id"]) for row in agents),
            "csv": sorted(csv.splitlines()),
        }


@pytest.fixture
def history(acme, ana, client, monkeypatch):
    """Eight days of both vendors, read whole, and what there is to read of them."""
    with Sandbox(days=8, calls_per_day=30, seed=11, end=LAST, originsai_per_day=9) as box:
        environments = acts.connect(monkeypatch, box, FIRST)
        keys = {vendor: acts.add_key(vendor, public_id) for vendor, public_id in environments.items()}
        found = History(acme, box, client, environments, keys | {"all": acts.add_key("all")})
        for vendor in environments:
            assert found.pull(vendor)[0] == 0
        client.force_login(ana)
        yield found


def page(history: History) -> str:
    asked = {"date_from": str(FIRST), "date_to": str(LAST - timedelta(days=1))}
    answer = history.client.get("/t/acme/", asked, headers={"Accept-Language": "en"})
    assert answer.status_code == 200
    return answer.content.decode()


def test_an_agent_deleted_upstream_with_its_calls_stays(history):
    before = history.snapshot()
    world = history.box.world
    agent = max(world.agents, key=lambda item: sum(call["agent"]["id"] == item["id"] for call in world.calls.values()))
    gone = {key for key, call in world.calls.items() if call["agent"]["id"] == agent["id"]}
    assert len(gone) > 20
    for key in gone:
        world.drop(key)
    world.agents.remove(agent)
    status, said = history.pull()
    assert status == 0
    assert said["streams"]["calls"]["status"] == "complete"

    after = history.snapshot()
    assert after["calls"] == before["calls"]
    assert after["days"]["rows"] == before["days"]["rows"]
    assert after["agents"] == before["agents"]
    assert after["list"] == before["list"]
    assert after["ids"] == before["ids"]
    asked = {"per_page": "100", "date_from": str(FIRST), "date_to": str(LAST)}
    served = history.get(f"{TALKOVER}/agents/{agent['id']}/calls", "talkover", **asked)
    assert {element["id"] for element in served.data["data"]} <= gone
    assert (served.data["pagination"]["total"], served.headers["X-Mirror-Complete"]) == (len(gone), "true")
    assert history.get(f"{TALKOVER}/agents/{agent['id']}", "talkover").data["data"] == agent
    # Marked, each of them and no other; the agent as well.
    listed = history.get("/api/v1/calls/", page_size="500", environment=history.environments["talkover"])
    assert {row["external_id"] for row in listed.data["results"] if row["missing_since"]} == {
        key for key in gone if not world.dropped[key]["is_testing"]
    }
    rows = {row["external_id"]: row["missing_since"] for row in history.get("/api/v1/agents/").data["results"]}
    assert [key for key, since in rows.items() if since] == [agent["id"]]
    assert agent["name"] in page(history) or agent["label"] in page(history)


def test_a_retired_environment_is_still_read_by_people(history):
    before = history.snapshot()
    with wall.tenant(history.tenant):
        # Some days after the last that was read: what lies between was never read.
        Environment.objects.update(retired_at=datetime(2026, 3, 12, 9, tzinfo=UTC))
    after = history.snapshot()
    assert after == before
    assert "Not complete:" not in page(history)
    rows = history.get("/api/v1/environments/").data["results"]
    assert {row["name"]: bool(row["retired_at"]) for row in rows} == {"Sales": True, "Care": True}
    for vendor, path in (("talkover", f"{TALKOVER}/calls"), ("originsai", f"{ORIGINSAI}/agents/7/call_stats")):
        assert history.get(path, vendor).headers["X-Mirror-Complete"] == "true"
    assert acts.report_of("sweep")["due"] == 0


def test_a_retired_environment_does_not_make_later_figures_incomplete(history):
    """Sales was retired in the middle of the week; Care goes on, and the week is whole."""
    with wall.tenant(history.tenant):
        sales = Environment.objects.get(public_id=history.environments["talkover"])
        days = Window.objects.filter(environment_id=sales.pk, day__gt=date(2026, 3, 5))
        assert days.delete()[0] == 6
    assert not history.figures()["complete"]
    with wall.tenant(history.tenant):
        sales.retired_at = datetime(2026, 3, 5, 20, tzinfo=UTC)
        sales.save()
    assert history.figures()["complete"]
    assert "Not complete:" not in page(history)
    with wall.tenant(history.tenant):
        Window.objects.filter(environment_id=sales.pk, day=date(2026, 3, 4)).delete()
    assert not history.figures()["complete"]


def test_a_changed_token_goes_on_where_the_old_one_ended(history, admin_client):
    before = history.snapshot()
    added = history.box.world.insert(created_at="2026-03-04T15:00:00Z", is_testing=False)
    token = history.box.rotate("talkover", "acme")
    status, said = history.pull()
    assert (status, said["status"]) == (3, "failed")
    # The old token is refused: nothing is lost, and the days that were whole stay so.
    assert history.calls() == before["calls"]
    assert "talq_" not in page(history)
    with wall.tenant(history.tenant):
        connection = Connection.objects.get(environment__public_id=history.environments["talkover"])
    assert connection.state == "rejected"

    form = {
        "state": "ok", "base_url": connection.base_url, "new_token": token, "settings": "{}",
        "since": str(connection.since), "rate_per_minute": "",
    }  # fmt: skip
    address = f"/admin/sync/connection/{connection.pk}/change/"
    answer = admin_client.post(address, form)
    assert answer.status_code == 302, answer.content.decode()
    assert token not in admin_client.get(address).content.decode()
    assert history.pull()[0] == 0
    after = history.calls()
    assert after.pop(added) == history.box.world.calls[added]
    assert after == before["calls"]
    with wall.tenant(history.tenant):
        assert Call.objects.filter(missing_since__isnull=False).count() == 0


def test_a_deleted_connection_takes_no_history_along(history):
    before = history.snapshot()
    with wall.tenant(history.tenant):
        for connection in Connection.objects.all():
            connection.delete()
        assert Run.objects.count() == 0
    after = history.snapshot()
    assert after == before
    assert after["days"]["complete"]
    assert "Not complete:" not in page(history)
    for row in history.get("/api/v1/environments/").data["results"]:
        assert row["freshness"]["calls"]["mirrored"] > 0
    assert acts.report_of("sweep")["due"] == 0
    status, _ = acts.run("rebuild_rollups")
    assert status == 0
    assert history.figures("day") == before["days"]


@pytest.fixture
def admin_client(db, settings):
    """Somebody who administers the platform, signed in."""
    admin = User.objects.create_superuser("root@ringbook.example", "correct horse battery")
    client = Client()
    client.force_login(admin)
    return client

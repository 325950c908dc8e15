"""Alerts over the API: whole round, who may, what is refused, the preview against a count of its own, the history."""

import json
from datetime import date, timedelta

import pytest
import time_machine

from portal.audit.models import Entry
from portal.outbox import domains
from portal.outbox.models import Message
from portal.tenants import wall
from portal.tenants.models.people import Role
from reports.alerts.models import Alert
from sync.models.calls import Call
from sync.models.connections import Connection
from sync.models.runs import Gap, Window
from tests.conftest import member
from tests.reports.alerts.conftest import look, read_until
from tests.reports.api.conftest import make_key
from tests.reports.mail.conftest import DUE, mirror

pytestmark = pytest.mark.django_db
API = "/api/v1/alerts/"
RULE = {"name": "Few calls", "when": "below", "metric": "attempts", "value": 100, "over": "today"}


@pytest.fixture(autouse=True)
def _week(acme, sales):
    with wall.tenant(acme):
        mirror(sales)
    read_until(acme, DUE)
    with time_machine.travel(DUE, tick=False):
        yield


@pytest.fixture
def ask(client):
    """``ask(method, path, body, key)``: the answer with its decoded body; without a key, as who is signed in."""

    def asked(method, path, body=None, key=None):
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        text = b"" if body is None else json.dumps(body).encode()
        response = client.generic(method, path, text, content_type="application/json", headers=headers)
        response.data = json.loads(response.content) if response.content else None
        return response

    return asked


@pytest.fixture
def manager(acme):
    return make_key(acme, role=Role.MANAGER)


def test_an_alert_from_setting_up_to_removing(ask, acme, ana, manager):
    wish = RULE | {"to": ["Ana@acme.example"], "webhook": "https://hooks.example/x?key=1"}
    made = ask("POST", API, wish, manager)
    assert made.status_code == 201, made.data
    row = made.data
    assert made["Location"].endswith(f"{API}{row['id']}/")
    secret = row.pop("webhook_secret")
    assert row == {
        "id": row["id"],
        "name": "Few calls",
        "when": "below",
        "metric": "attempts",
        "filters": {},
        "value": 100.0,
        "over": "today",
        "minimum_n": 0,
        "cool_down": 60,
        "to": ["ana@acme.example"],
        "webhook": "https://hooks.example/x?key=1",
        "webhook_form": "json",
        "zone": "America/Sao_Paulo",
        "office_hours": {"weekdays": [1, 2, 3, 4, 5], "from": 9, "until": 18, "holidays": "skip"},
        "paused": False,
        "rule": row["rule"],
        "state": "ok",
        "since": None,
        "silent_until": None,
        "doubt": "",
        "readers": [
            {
                "email": "ana@acme.example",
                "as_member": True,
                "added_as": "key",
                "added_by": row["readers"][0]["added_by"],
                "added_at": "2026-07-13T11:00:00Z",
                "confirmed_at": "2026-07-13T11:00:00Z",
                "left_at": None,
            }
        ],
        "created_at": "2026-07-13T11:00:00Z",
    }
    one = f"{API}{row['id']}/"
    assert ask("GET", one, key=manager).data == row
    assert secret not in ask("GET", API, key=manager).content.decode()
    with wall.tenant(acme):
        stored = Alert.objects.values("webhook", "webhook_secret").get()
        assert "hooks.example" not in str(stored.values())
    assert look(acme, DUE) == 1
    told = ask("GET", f"{one}history/", key=manager).data["results"]
    (event,) = told
    assert (event["event"], event["value"], event["n"]) == ("fired", 0.0, 0)
    assert event["mails"][0]["to"] == "ana@acme.example"
    assert event["webhooks"][0]["state"] == "pending"
    assert ask("GET", one, key=manager).data["state"] == "firing"
    changed = ask("PATCH", one, {"value": 50, "webhook_form": "slack"}, manager)
    assert (changed.status_code, changed.data["state"], changed.data["webhook"]) == (
        200,
        "ok",
        "https://hooks.example/•••",
    )
    assert ask("PATCH", one, {"webhook": "https://hooks.example/•••"}, manager).status_code == 200
    with wall.tenant(acme):
        assert Alert.objects.get().webhook.reveal() == "https://hooks.example/x?key=1"
    assert ask("PATCH", one, {"paused": True}, manager).data["paused"]
    assert look(acme, DUE + timedelta(minutes=2)) == 0
    assert ask("POST", f"{one}test/", key=manager).status_code == 202
    assert ask("DELETE", one, key=manager).status_code == 204
    assert ask("GET", one, key=manager).status_code == 404
    with wall.tenant(acme):
        acts = set(Entry.objects.values_list("action", flat=True))
        assert {f"alert.{act}" for act in ("added", "changed", "paused", "tested", "removed")} <= acts


@pytest.mark.parametrize(
    ("wish", "wrong"),
    [
        ({"value": "much"}, "value"),
        ({"name": ""}, "name"),
        ({"when": "often"}, "when"),
        ({"metric": "happiness"}, "metric"),
        ({"over": "last_4_hours"}, "over"),
        ({"when": "no_calls", "over": "last_30_days"}, "over"),
        ({"to": ["stranger"]}, "to"),
        ({"readers": []}, "readers"),
        ({"to": []}, "to"),
        ({"webhook": "http://hooks.example/x"}, "webhook"),
        ({"webhook": "https://user:secret@hooks.example/"}, "webhook"),
        ({"filters": {"number": "11987654321"}}, "filters"),
        ({"filters": {"environment": "0197f5f0-0000-7000-8000-000000000000"}}, "filters"),
        ({"office_hours": {"from": 18, "until": 9}}, "office_hours"),
        ({"cool_down": -1}, "cool_down"),
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"colour": "red"}, "colour"),
        ({"state": "ok"}, "state"),
    ],
)
def test_what_is_refused_and_why(ask, ana, manager, settings, wish, wrong):
    settings.UPSTREAM_ALLOW_PRIVATE = False
    answer = ask("POST", API, RULE | {"to": ["ana@acme.example"]} | wish, manager)
    assert answer.status_code == 400
    assert list(answer.data["errors"]) == [wrong]


def test_addresses_outside_are_asked_and_listed_with_who_added_them(ask, client, acme, ana, manager):
    client.force_login(ana)
    made = ask("POST", API, RULE | {"to": ["Guest@Client.example", "ana@acme.example"]})
    assert made.status_code == 201, made.data
    assert made.data["to"] == ["guest@client.example", "ana@acme.example"]
    guest, own = made.data["readers"]
    assert guest == {
        "email": "guest@client.example",
        "as_member": False,
        "added_as": "member",
        "added_by": "ana@acme.example",
        "added_at": "2026-07-13T11:00:00Z",
        "confirmed_at": None,
        "left_at": None,
    }
    assert (own["as_member"], own["confirmed_at"]) == (True, "2026-07-13T11:00:00Z")
    with wall.tenant(acme):
        asked = Message.objects.get()
        assert (asked.to, asked.reference.partition(":")[0]) == ("guest@client.example", "invitation")
        domains.keep(acme.pk, ["partner.example"])
    one = f"{API}{made.data['id']}/"
    refused = ask("PATCH", one, {"to": ["guest@client.example", "new@client.example"]})
    assert (refused.status_code, list(refused.data["errors"])) == (400, ["to"])
    vera = member(acme, "vera@acme.example", Role.VIEWER)
    assert ask("PATCH", one, {"to": ["guest@client.example", "vera@acme.example"]}).status_code == 200
    client.force_login(vera)
    seen = ask("GET", one).data
    assert (seen["to"], [each["email"] for each in seen["readers"]]) == (["vera@acme.example"],) * 2


def test_viewers_have_alerts_told_to_themselves_alone(ask, client, acme, ana, sales):
    viewer = member(acme, "vera@acme.example", Role.VIEWER, sales)
    client.force_login(viewer)
    for wish in ({"to": ["ana@acme.example"]}, {"webhook": "https://hooks.example/x"}):
        assert ask("POST", API, RULE | wish).status_code == 400
    row = ask("POST", API, RULE | {"to": ["vera@acme.example"]}).data
    client.force_login(ana)
    assert ask("GET", f"{API}{row['id']}/").data["to"] == ["vera@acme.example"]
    other = member(acme, "otto@acme.example", Role.VIEWER)
    client.force_login(other)
    assert ask("GET", f"{API}{row['id']}/").status_code == 404
    assert ask("GET", API).data["results"] == []


def test_the_preview_tells_the_days_as_a_count_of_its_own_does(ask, acme, ana, sales, manager):
    """The mirror grows by two calls a day each week; a day without data is not spoken of."""
    with wall.tenant(acme):
        Call.objects.filter(started_at__date=date(2026, 7, 2)).delete()
        Window.objects.filter(stream="calls", day=date(2026, 6, 24)).update(state="incomplete")
        counts = {}
        for at in Call.objects.values_list("started_at", flat=True):
            day = (at - timedelta(hours=3)).date()
            counts[day] = counts.get(day, 0) + 1
    days = [date(2026, 7, 13) - timedelta(days=back) for back in range(28, 0, -1)]
    unknown = {date(2026, 6, 23), date(2026, 6, 24)}  # a UTC day touches two of Sao Paulo
    expected, firing = [], False
    for day in days:
        if day in unknown:
            continue
        holds = counts.get(day, 0) < 6
        if holds and not firing:
            expected.append(day.isoformat())
        firing = holds
    answer = ask("POST", f"{API}preview/", RULE | {"value": 6, "cool_down": 0}, manager)
    assert answer.status_code == 200, answer.data
    assert answer.data["days"] == expected == ["2026-06-15", "2026-07-02"]
    assert answer.data["unknown"] == ["2026-06-23", "2026-06-24"]
    assert len(answer.data["looked_at"]) == 28
    with wall.tenant(acme):
        assert not Alert.objects.exists()
    quiet = {"name": "x", "when": "no_calls", "over": "yesterday"}
    days = ask("POST", f"{API}preview/", quiet, manager).data["days"]
    assert days == ["2026-07-02"]  # the day it is about, told the morning after
    few = RULE | {"value": 6, "cool_down": 0, "over": "yesterday"}
    told = ask("POST", f"{API}preview/", few, manager).data
    assert (told["days"], told["unknown"]) == (expected, answer.data["unknown"])  # as of days that run
    assert [one["at"][:10] for one in told["firings"]] == ["2026-06-16", "2026-07-03"]
    hour = {**RULE, "when": "above", "value": 9, "over": "last_hour", "cool_down": 0}
    told = ask("POST", f"{API}preview/", hour, manager).data["firings"]
    assert [(one["day"], one["value"]) for one in told][:2] == [("2026-07-06", 11.0), ("2026-07-07", 11.0)]
    assert {one["at"][11:16] for one in told} == {"14:00"}
    with wall.tenant(acme):
        gap = {"tenant": acme, "environment": sales, "stream": "calls", "fault": "timeout", "part": "p"}
        opened = DUE - timedelta(days=4)
        Gap.objects.create(**gap, opened_at=opened, closed_at=opened + timedelta(hours=3))
        Connection.objects.update(created_at=DUE - timedelta(days=60))
    told = ask("POST", f"{API}preview/", {"when": "gap", "value": 2}, manager).data
    assert (told["days"], told["unknown"]) == (["2026-07-09"], [])
    assert [one["at"] for one in told["firings"]] == ["2026-07-09T13:00:00Z"]
    assert ask("POST", f"{API}preview/", {"when": "rejected"}, manager).data["days"] == []


def test_a_list_costs_the_same_however_long(ask, ana, manager, django_assert_max_num_queries):
    counts = []
    for size in (1, 5):
        for number in range(size):
            ask("POST", API, RULE | {"name": f"{size}-{number}", "to": ["ana@acme.example"]}, manager)
        with django_assert_max_num_queries(30) as seen:
            ask("GET", API, key=manager)
        counts.append(len(seen))
    assert counts[0] == counts[1]

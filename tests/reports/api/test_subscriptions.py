"""Scheduled mails over the API: whole round, who may, what is refused; and what was sent."""

import json

import pytest
import time_machine

from portal.audit.models import Entry
from portal.tenants import wall
from portal.tenants.models.people import Role
from reports.mail.models import Delivery, Recipient, Subscription
from reports.mail.sections import SECTIONS
from reports.mail.send import send_due
from tests.reports.api.conftest import make_key
from tests.reports.mail.conftest import DUE, messages, mirror

pytestmark = pytest.mark.django_db
API = "/api/v1/subscriptions/"
NOBODY = "0197f5f0-0000-7000-8000-000000000000"


@pytest.fixture(autouse=True)
def _week(acme, sales):
    with wall.tenant(acme):
        mirror(sales)
    with time_machine.travel(DUE.replace(hour=10), tick=False):
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


def test_a_saved_report_is_shown_by_its_id_and_left_again_by_none(ask, acme, ana, client, manager):
    client.force_login(ana)
    kept = ask("POST", "/api/v1/saved-reports/", {"name": "Agents", "query": "metrics=attempts&by=agent"})
    assert kept.status_code == 201, kept.data
    wish = {"to": [ana.email], "report": kept.data["id"], "compare": "none"}
    made = ask("POST", API, wish)
    assert made.status_code == 201, made.data
    told = {name: made.data[name] for name in ("shows", "report", "board", "compare", "rests")}
    assert told == {"shows": "report", "report": kept.data["id"], "board": None, "compare": "none", "rests": ""}
    client.logout()
    for bad in ({"report": NOBODY}, {"report": kept.data["id"]}, {"shows": "board"}):  # a key sees shared ones alone
        refused = ask("POST", API, {"to": [ana.email]} | bad, manager)
        assert refused.status_code == 400, refused.data
    client.force_login(ana)
    left = ask("PATCH", f"{API}{made.data['id']}/", {"report": None})
    assert (left.data["shows"], left.data["report"]) == ("sections", None)


def test_a_mail_from_setting_up_to_removing(ask, acme, sales, ana, manager):
    made = ask("POST", API, {"to": ["Ana@acme.example"], "hour": 8, "language": "en"}, manager)
    assert made.status_code == 201
    row = made.data
    assert made["Location"].endswith(f"{API}{row['id']}/")
    assert row == {
        "id": row["id"],
        "name": "Weekly calls",
        "to": ["ana@acme.example"],
        "every": "week",
        "weekday": 1,
        "hour": 8,
        "zone": "America/Sao_Paulo",
        "language": "en",
        "languages": {},
        "environments": [],
        "agents": [],
        "shows": "sections",
        "report": None,
        "board": None,
        "compare": "previous",
        "chart": True,
        "sections": list(SECTIONS),
        "subject": "",
        "note": "",
        "attachments": [],
        "late": {"wait_hours": 6, "then": "warn"},
        "empty": "send",
        "missed": "latest",
        "reply_to": "",
        "paused": False,
        "rests": "",
        "next_due": "2026-07-13T11:00:00Z",
        "created_at": "2026-07-13T10:00:00Z",
    }
    one = f"{API}{row['id']}/"
    assert ask("GET", one, key=manager).data == row
    assert ask("GET", API, key=manager).data == {"next": None, "previous": None, "results": [row]}
    send_due(DUE)
    [delivery] = ask("GET", f"/api/v1/deliveries/?subscription={row['id']}&count=true", key=manager).data["results"]
    assert {name: delivery[name] for name in ("recipient", "state", "period", "reply", "complete")} == {
        "recipient": "ana@acme.example",
        "state": "sent",
        "period": {"date_from": "2026-07-06", "date_to": "2026-07-12", "zone": "America/Sao_Paulo"},
        "reply": "",
        "complete": True,
    }
    assert delivery["at"] is not None
    wishes = {"every": "month", "environments": [str(sales.public_id)], "late": {"then": "hold"}, "paused": True}
    changed = ask("PATCH", one, wishes, manager).data
    assert changed == row | {
        "name": "Monthly calls",
        "every": "month",
        "weekday": None,
        "environments": [str(sales.public_id)],
        "late": {"wait_hours": 6, "then": "hold"},
        "paused": True,
        "next_due": None,
    }
    assert ask("PATCH", one, {"paused": False}, manager).data["next_due"] == "2026-08-01T11:00:00Z"
    assert ask("DELETE", one, key=manager).status_code == 204
    assert ask("GET", one, key=manager).status_code == 404
    assert ask("GET", "/api/v1/deliveries/", key=manager).data["results"] == [delivery | {"name": "Monthly calls"}]
    with wall.tenant(acme):
        entries = Entry.objects.filter(action__startswith="subscription.").order_by("id")
        assert [(entry.action, entry.key is not None) for entry in entries] == [
            ("subscription.added", True),
            ("subscription.paused", True),
            ("subscription.resumed", True),
            ("subscription.removed", True),
        ]


def test_what_a_mail_tells_can_be_sent_back(ask, acme, ana, manager):
    for every in ("day", "week"):
        row = ask("POST", API, {"to": [ana.email], "every": every}, manager).data
        wishes = {name: value for name, value in row.items() if name not in ("id", "next_due", "created_at", "rests")}
        assert ask("PATCH", f"{API}{row['id']}/", wishes, manager).data == row


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({}, ["to"]),
        ({"to": []}, ["to"]),
        ({"to": ["a@b.example", "nobody"]}, ["to"]),
        ({"to": [f"a{n}@b.example" for n in range(51)]}, ["to"]),
        ({"to": ["a@b.example"], "every": "year", "hour": 24, "weekday": 8}, ["every", "hour", "weekday"]),
        ({"to": ["a@b.example"], "hour": True}, ["hour"]),
        ({"to": ["a@b.example"], "every": "day", "weekday": 2}, ["weekday"]),
        ({"to": ["a@b.example"], "zone": "Mars/Base", "language": "fr"}, ["zone", "language"]),
        ({"to": ["a@b.example"], "sections": ["agents", "weather"]}, ["sections"]),
        ({"to": ["a@b.example"], "subject": "s" * 121, "note": "n" * 2001}, ["subject", "note"]),
        ({"to": ["a@b.example"], "attachments": ["xlsx", "parquet"]}, ["attachments"]),
        ({"to": ["a@b.example"], "late": {"wait_hours": 21}}, ["wait_hours"]),
        ({"to": ["a@b.example"], "late": "warn"}, ["late"]),
        ({"to": ["a@b.example"], "late": {"until": 3}}, ["late"]),
        ({"to": ["a@b.example"], "empty": "no", "paused": "yes"}, ["empty", "paused"]),
        ({"to": ["a@b.example"], "next_due": "2026-07-13T11:00:00Z"}, ["next_due"]),
        ({"to": ["a@b.example"], "colour": "red"}, ["colour"]),
        ({"to": ["a@b.example"], "missed": "none", "reply_to": "a@b.example"}, ["missed", "reply_to"]),
        ({"to": ["a@b.example"], "languages": {"c@b.example": "en"}}, ["languages"]),
        ({"to": ["a@b.example"], "languages": {"a@b.example": "fr"}}, ["languages"]),
        ({"to": ["a@b.example"], "languages": ["en"]}, ["languages"]),
        ({"to": ["a@b.example"], "environments": [NOBODY]}, ["environments"]),
        ({"to": ["a@b.example"], "agents": ["x"]}, ["agents"]),
        (["a@b.example"], ["body"]),
    ],
)
def test_what_cannot_be_is_refused_by_name_and_leaves_nothing(ask, acme, manager, body, names):
    answer = ask("POST", API, body, manager)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert sorted(answer.data["errors"]) == sorted(names)
    with wall.tenant(acme):
        assert not Subscription.objects.exists()
        assert not Recipient.objects.exists()


def test_viewers_for_themselves_keys_of_viewers_not_at_all(ask, client, acme, bruno):
    viewer = make_key(acme)
    refused = ask("POST", API, {"to": [bruno.email]}, viewer)
    assert (refused.status_code, refused.data["detail"]) == (403, "A key that sets mails up has the role of a manager.")
    client.force_login(bruno)
    assert list(ask("POST", API, {"to": ["a@b.example"]}).data["errors"]) == ["to"]
    row = ask("POST", API, {"to": [bruno.email]}).data
    assert ask("GET", API).data["results"] == [row]
    assert ask("GET", API, key=viewer).data["results"] == []
    assert ask("GET", f"{API}{row['id']}/", key=viewer).status_code == 404


def test_a_reader_sees_his_own_place_alone_and_changes_nothing(ask, client, acme, ana, bruno, manager):
    row = ask("POST", API, {"to": [ana.email, bruno.email]}, manager).data
    send_due(DUE)
    client.force_login(bruno)
    one = f"{API}{row['id']}/"
    assert ask("GET", one).data["to"] == [bruno.email]
    assert [ask(method, one, {"hour": 9}).status_code for method in ("PATCH", "DELETE")] == [403, 403]
    assert [found["recipient"] for found in ask("GET", "/api/v1/deliveries/").data["results"]] == [bruno.email]


def test_a_key_bound_to_an_environment_schedules_that_environment(ask, acme, sales, care, ana):
    bound = make_key(acme, environment=sales, role=Role.MANAGER)
    assert list(ask("POST", API, {"to": [ana.email], "environments": [str(care.public_id)]}, bound).data["errors"]) == [
        "environments"
    ]
    ask("POST", API, {"to": [ana.email], "language": "en"}, bound)
    send_due(DUE)
    assert "Environments: Sales" in messages(acme)[0].text


def test_a_test_goes_to_the_asking_member_or_to_the_member_a_key_names(ask, client, acme, ana, bruno, manager):
    row = ask("POST", API, {"to": [ana.email], "language": "en"}, manager).data
    one = f"{API}{row['id']}/test/"
    for body in (None, {}, {"to": "a@b.example"}):
        assert list(ask("POST", one, body, manager).data["errors"]) == ["to"]
    told = ask("POST", one, {"to": ana.email}, manager)
    assert (told.status_code, told.data["to"]) == (202, ana.email)
    assert told.data["subject"].startswith("Test: Acme · week 6–12 Jul · 77 calls")
    client.force_login(ana)
    assert list(ask("POST", one, {"to": bruno.email}).data["errors"]) == ["to"]
    assert [ask("POST", one).status_code for _ in range(10)] == [202] * 9 + [429]
    with wall.tenant(acme):
        assert not Delivery.objects.exists()
    assert {message.to for message in messages(acme)} == {ana.email}


def test_what_failed_is_sent_again_and_nothing_else_is(ask, acme, ana, manager):
    row = ask("POST", API, {"to": [ana.email]}, manager).data
    again = f"{API}{row['id']}/resend/"
    send_due(DUE)
    with wall.tenant(acme):
        delivery = Delivery.objects.get()
    body = {"delivery": str(delivery.public_id)}
    assert ask("POST", again, body, manager).status_code == 409
    assert [list(ask("POST", again, wrong, manager).data["errors"]) for wrong in ({}, {"delivery": "x"})] == [
        ["delivery"]
    ] * 2
    assert ask("POST", again, {"delivery": NOBODY}, manager).status_code == 404
    with wall.tenant(acme):
        type(delivery.message).objects.update(state="unknown", last_reply="TimeoutError")
    [told] = ask("GET", "/api/v1/deliveries/", key=manager).data["results"]
    assert (told["state"], told["reply"]) == ("unknown", "The mail server did not answer in time.")
    assert ask("POST", again, body, manager).data["state"] == "due"


def test_lists_turn_their_pages(ask, acme, ana, manager):
    for number in range(3):
        ask("POST", API, {"to": [ana.email], "name": f"n{number}"}, manager)
    send_due(DUE)
    for path, key in (("/api/v1/subscriptions/", "name"), ("/api/v1/deliveries/", "name")):
        first = ask("GET", f"{path}?page_size=2&count=true", key=manager).data
        second = ask("GET", first["next"], key=manager).data
        assert (first["count"], first["previous"], second["next"]) == (3, None, None)
        assert sorted(row[key] for row in first["results"] + second["results"]) == ["n0", "n1", "n2"]
        assert ask("GET", second["previous"], key=manager).data["results"] == first["results"]
    assert ask("GET", "/api/v1/deliveries/?cursor=x", key=manager).status_code == 400


def test_a_period_is_previewed_and_sent_again_once_for_each_key(ask, client, acme, ana, manager):
    row = ask("POST", API, {"to": [ana.email], "language": "en"}, manager).data
    one = f"{API}{row['id']}/"
    send_due(DUE)
    shown = ask("GET", f"{one}preview/?day=2026-07-01", key=manager).data
    assert shown["period"] == {"date_from": "2026-06-29", "date_to": "2026-07-05", "zone": "America/Sao_Paulo"}
    assert shown["subject"].startswith("Acme · week 29 Jun – 5 Jul")
    assert shown["text"].startswith(shown["subject"])
    assert list(ask("GET", f"{one}preview/?day=x", key=manager).data["errors"]) == ["day"]
    body = {"day": "2026-07-01", "edition": "corrected", "idempotency_key": "k-1"}
    with time_machine.travel(DUE.replace(hour=12), tick=False):
        first = ask("POST", f"{one}resend/", body, manager)
        assert (first.status_code, [each["edition"] for each in first.data["results"]]) == (202, ["corrected"])
        assert ask("POST", f"{one}resend/", body, manager).data == first.data
        [delivery] = ask("GET", "/api/v1/deliveries/?page_size=1", key=manager).data["results"]
        assert delivery == first.data["results"][0]
        scheduled = ask("GET", "/api/v1/deliveries/", key=manager).data["results"][1]
        again = ask("POST", f"{one}resend/", {"delivery": scheduled["id"], "edition": "same"}, manager)
        assert [each["period"] for each in again.data["results"]] == [scheduled["period"]]
        wrong = [
            {"edition": "same"},
            {"day": "2026-07-01", "edition": "same"},  # nobody has it
            {"day": "2026-07-13", "edition": "corrected"},
            {"day": "2026-07-06", "edition": "other"},
            {"day": "2026-07-06", "edition": "same", "to": ["a@b.example"]},
            {"colour": "red"},
        ]
        answers = [ask("POST", f"{one}resend/", each, manager) for each in wrong]
    assert {answer.status_code for answer in answers} == {400}
    assert [list(answer.data["errors"]) for answer in answers] == [
        ["day"],
        ["to"],
        ["day"],
        ["edition"],
        ["to"],
        ["colour"],
    ]
    with wall.tenant(acme):
        assert Entry.objects.filter(action="period.sent_again", key__isnull=False).count() == 2

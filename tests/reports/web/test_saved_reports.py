"""Saved reports: whose they are, who sees what of them, and that their period moves on with the days."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from uuid import uuid4

import pytest
import time_machine

from portal.audit.models import Entry
from portal.tenants import wall
from portal.tenants.models.people import Role
from reports.files.models import Export
from reports.saved.models import SavedView
from tests import factories
from tests.conftest import member

pytestmark = pytest.mark.django_db
SAVED, PAGE = "/t/acme/reports/saved/", "/t/acme/reports/query/"
QUERY = "metrics=attempts,connect_rate&by=day&period=last_7_days"
NOW = datetime(2026, 7, 15, 15, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _on_wednesday():
    with time_machine.travel(NOW, tick=False):
        yield


def save(client, name="Weekly", query=QUERY, **more):
    return client.post(SAVED, {"name": name, "query": query, **more})


def rows(tenant):
    with wall.tenant(tenant):
        return sorted(SavedView.objects.values_list("name", "query", "shared"))


def one(tenant, name="Weekly") -> str:
    with wall.tenant(tenant):
        return f"{SAVED}{SavedView.objects.get(name=name).public_id}/"


def test_a_report_is_saved_opened_renamed_replaced_and_deleted(client, ana, acme, sales):
    client.force_login(ana)
    told = save(client, "  Our \n weeks ", f"?{QUERY}&page=3&saved=x&view=crossed")
    assert rows(acme) == [("Our weeks", f"{QUERY}&view=crossed", False)]
    report = one(acme, "Our weeks")
    assert client.get(report)["Location"] == told["Location"]
    page = client.get(told["Location"]).content.decode()
    assert "<h1>Our weeks</h1>" in page
    assert "changed since it was saved" not in page
    client.post(report, {"act": "rename", "name": "Weeks"})
    client.post(report, {"act": "replace", "query": "metrics=attempts&by=agent&period=this_month"})
    assert rows(acme) == [("Weeks", "metrics=attempts&by=agent&period=this_month", False)]
    assert ">Weeks</b>" in client.get("/t/acme/reports/").content.decode()
    assert client.post(report, {"act": "delete"})["Location"] == "/t/acme/reports/"
    assert rows(acme) == []
    with wall.tenant(acme):
        told = set(Entry.objects.values_list("action", flat=True))
    assert {"view.saved", "view.renamed", "view.replaced", "view.deleted"} <= told


def test_what_was_changed_since_is_said_and_saved_over(client, ana, acme, sales):
    client.force_login(ana)
    save(client)
    with wall.tenant(acme):
        report = SavedView.objects.get().public_id
    page = client.get(f"{PAGE}?{QUERY.replace('by=day', 'by=week')}&saved={report}").content.decode()
    assert "changed since it was saved" in page
    query = unescape(re.search(r'name="query" value="([^"]*)"', page)[1])
    client.post(f"{SAVED}{report}/", {"act": "replace", "query": query})
    ((_name, kept, _shared),) = rows(acme)
    assert "by=week" in kept
    assert "period=last_7_days" in kept
    assert "saved" not in kept
    assert "changed since" not in client.get(f"{SAVED}{report}/", follow=True).content.decode()


def test_its_file_bears_its_name_until_something_else_is_asked(client, ana, acme, sales, monkeypatch):
    monkeypatch.setattr("reports.web.exports.views.hint", lambda *pair: None)
    client.force_login(ana)
    save(client, "Weeks & more")
    with wall.tenant(acme):
        report = SavedView.objects.get().public_id

    def export_of(query):
        page = client.get(f"{PAGE}?{query}&saved={report}").content.decode()
        form = client.get(unescape(re.search(r'href="(/t/acme/exports/[^"]*)"[^>]*>Export<', page)[1])).content.decode()
        carried = dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', form))
        client.post("/t/acme/exports/", {key: unescape(text) for key, text in carried.items()} | {"what": "report"})
        with wall.tenant(acme):
            return Export.objects.latest("id").title

    assert export_of(QUERY) == "Weeks & more"
    assert export_of(QUERY.replace("by=day", "by=week")) == ""


def test_its_period_moves_on_with_the_days(client, ana, acme, sales):
    with wall.tenant(acme):
        for days in range(1, 20):
            factories.call(sales, f"c{days}", started_at=NOW - timedelta(days=days))
    client.force_login(ana)
    save(client, query="metrics=attempts&by=day")  # of no dates: the last seven whole days, whenever it is opened
    report = one(acme)
    with time_machine.travel(NOW - timedelta(days=10), tick=False):
        client.force_login(ana)
        before = client.get(report, follow=True).content.decode()
    client.force_login(ana)
    now = client.get(report, follow=True).content.decode()
    days = [re.findall(r"data-key=.*?(\d{4}-\d{2}-\d{2})", unescape(text)) for text in (before, now)]
    assert [rows[0] for rows in days] == ["2026-06-28", "2026-07-08"]
    assert [rows[-1] for rows in days] == ["2026-07-04", "2026-07-14"]


@pytest.mark.parametrize(
    ("name", "query", "words"),
    [
        ("", QUERY, "Give it a name."),
        ("x" * 61, QUERY, "A name has at most 60 characters."),
        ("Weekly", "metrics=attempts", "You have a report named “Weekly” already."),
        ("Bad", "metrics=nonsense", "Unknown: nonsense."),
    ],
)
def test_what_cannot_be_kept_is_said(client, ana, acme, sales, name, query, words):
    client.force_login(ana)
    save(client)
    answer = save(client, name, query)
    assert answer.status_code == 302
    assert words in unescape(client.get(answer["Location"]).content.decode())
    assert len(rows(acme)) == 1


def test_one_shares_with_the_company_as_a_manager_alone(client, ana, acme, sales):
    vera = member(acme, "vera@acme.test", Role.VIEWER, sales)
    max_ = member(acme, "max@acme.test", Role.MANAGER, sales)
    client.force_login(vera)
    assert save(client, "Hers", shared="on").status_code == 403
    save(client, "Hers")
    assert client.post(one(acme, "Hers"), {"act": "share"}).status_code == 403
    client.force_login(max_)
    assert client.get(one(acme, "Hers")).status_code == 404
    save(client, "His", shared="on")
    client.force_login(vera)
    assert client.get(one(acme, "His"), follow=True).status_code == 200
    for act in ("rename", "replace", "share", "unshare", "delete"):
        assert client.post(one(acme, "His"), {"act": act, "name": "x", "query": QUERY}).status_code == 403, act
    client.force_login(ana)  # another who manages
    client.post(one(acme, "His"), {"act": "rename", "name": "Ours"})
    assert ("Ours", QUERY, True) in rows(acme)


def test_each_reads_in_his_own_scope(client, ana, acme, sales, care):
    with wall.tenant(acme):
        for home, count in ((sales, 3), (care, 5)):
            for number in range(count):
                factories.call(home, f"{home.name}{number}", started_at=NOW - timedelta(days=1, minutes=number))
    vera = member(acme, "vera@acme.test", Role.VIEWER, sales)
    client.force_login(ana)
    save(client, query="metrics=attempts&period=yesterday", shared="on")
    save(client, "Care", f"metrics=attempts&environment={care.public_id}", shared="on")
    counts = []
    for who in (ana, vera):
        client.force_login(who)
        page = client.get(one(acme), follow=True).content.decode()
        counts.append(re.search(r'data-metric="attempts"><data value="(\d+)', page)[1])
    assert counts == ["8", "3"]
    assert client.get(one(acme, "Care"), follow=True).status_code == 404  # as for what is not there


def test_one_about_a_number_is_not_shared(client, ana, acme, sales):
    client.force_login(ana)
    answer = save(client, query="metrics=attempts&number=5511987654321", shared="on")
    assert "can't be shared" in unescape(client.get(answer["Location"]).content.decode())
    assert [shared for _name, _query, shared in rows(acme)] == [False]
    save(client, "Ours", shared="on")
    client.post(one(acme, "Ours"), {"act": "replace", "query": "metrics=attempts&number=5511987654321"})
    assert ("Ours", QUERY, True) in rows(acme)


def test_a_foreign_one_is_absent(client, ana, carla, acme, globex):
    client.force_login(carla)
    client.post("/t/globex/reports/saved/", {"name": "Theirs", "query": QUERY, "shared": "on"})
    with wall.tenant(globex):
        theirs = SavedView.objects.get().public_id
    client.force_login(ana)
    for key in (theirs, uuid4()):
        assert client.get(f"{SAVED}{key}/").status_code == 404
        assert client.get(f"{PAGE}?{QUERY}&saved={key}").status_code == 404
        for act in ("rename", "replace", "share", "delete"):
            assert client.post(f"{SAVED}{key}/", {"act": act, "name": "x", "query": QUERY}).status_code == 404
    with wall.tenant(globex):
        assert SavedView.objects.get().name == "Theirs"


def test_views_of_the_calls_and_reports_do_not_mix(client, ana, acme, sales):
    client.force_login(ana)
    save(client)
    client.post("/t/acme/calls/views/", {"name": "Weekly", "query": "status=busy"})
    assert len(rows(acme)) == 2
    assert client.get("/t/acme/reports/").content.decode().count("<b>Weekly</b>") == 1
    assert client.get("/t/acme/calls/").content.decode().count(">Weekly</a>") == 1
    with wall.tenant(acme):
        report = SavedView.objects.get(page="report").public_id
    assert client.post(f"/t/acme/calls/views/{report}/", {"act": "default"}).status_code == 404


def test_an_answer_is_mailed_as_far_as_a_mail_can_be_about_it(client, ana, acme, sales, care):
    client.force_login(ana)
    page = client.get(f"{PAGE}?metrics=attempts&period=last_month&environment={care.public_id}").content.decode()
    link = unescape(re.search(r'href="(/t/acme/mail/new/\?[^"]*)"', page)[1])
    form = client.get(link).content.decode()
    asked = unescape(re.search(r'name="ask" value="([^"]*)"', form)[1])
    assert str(care.public_id) in asked
    assert str(sales.public_id) not in asked
    assert re.search(r'value="month"[^>]*(checked|selected)', form)

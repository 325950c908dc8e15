"""A column file is lost and its days are too many calls to read for a question: no face shows what is left as all."""

import re
from datetime import UTC, date, datetime, timedelta
from html import unescape

import pytest
import time_machine

from portal.tenants import wall
from portal.tenants.models.grants import Grant
from reports.columns import files, refresh, sources
from reports.columns.models import ColumnFile
from reports.columns.refresh import refresh_tenant
from reports.files.lists import list_table, read_list
from reports.files.models import What
from reports.queries.contacts.ids import contact_id
from reports.queries.scope import Scope
from sync.models.runs import Window
from tests import factories
from tests.reports.api.conftest import make_key, read_days
from tests.reports.columns.conftest import change

NOW = datetime(2026, 7, 20, 15, tzinfo=UTC)
NUMBER, OTHER = "+5511987650001", "+5511987650002"
JUNE = "date_from=2026-06-10&date_to=2026-06-28"
JULY = "date_from=2026-07-01&date_to=2026-07-15"  # of which some attempts are in June
SPAN = re.compile(r"Sales: calls, \d+\N{EN DASH}30 Jun")  # from where it was looked for on


@pytest.fixture(autouse=True)
def _today(settings, tmp_path, monkeypatch):
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(refresh, "MOST_ROWS", 0)  # a file for each month
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def town(acme, sales):
    """A contact that was dialled in June and rang back in July, and one that was missed in June and met in May."""
    with wall.tenant(acme):
        read_days(sales, "calls", date(2026, 5, 1), date(2026, 7, 20))
        dials = factories.agent(sales, "dials")
        takes = factories.agent(sales, "takes", takes_callbacks=True, callback_sources=["dials"])
        rang = {"agent": takes, "direction": "inbound"}
        at = datetime(2026, 6, 30, 15, tzinfo=UTC)
        calls = {
            "met": factories.call(sales, "met", agent=dials, to_number=OTHER, started_at=at - timedelta(days=40)),
            "missed": factories.call(
                sales, "missed", status="no-answer", from_number=OTHER, started_at=at - timedelta(days=9), **rang
            ),
            "dialled": factories.call(sales, "dialled", agent=dials, to_number=NUMBER, started_at=at),
            "back": factories.call(sales, "back", from_number=NUMBER, started_at=at + timedelta(days=1), **rang),
            "last": factories.call(sales, "last", agent=dials, to_number=NUMBER, started_at=at + timedelta(days=12)),
        }
        refresh_tenant()
        return calls


def lose_june(monkeypatch, acme) -> None:
    monkeypatch.setattr(sources, "MOST_LIVE", 0)
    with wall.tenant(acme):
        (row,) = (row for row in ColumnFile.objects.all() if row.first_day <= date(2026, 6, 15) <= row.last_day)
        files.remove(row)


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize(
    "path",
    [
        f"/api/v1/callbacks/returns/?{JUNE}",
        f"/api/v1/callbacks/returns/?{JULY}",
        f"/api/v1/callbacks/open/?{JUNE}",
        "/api/v1/callbacks/open/",
        f"/api/v1/reports/query/?metrics=derived_callbacks&{JULY}",
        f"/api/v1/reports/query/?metrics=still_open&{JUNE}",
    ],
)
def test_the_api_says_so(client, acme, sales, town, monkeypatch, path, lost):
    key = make_key(acme)
    if lost:
        lose_june(monkeypatch, acme)
    answer = client.get(path, headers={"Authorization": f"Bearer {key}"}).json()
    assert answer["complete"] is not lost, answer
    faults = {(gap["environment"], gap["fault"]) for gap in answer["gaps"]}
    assert faults == ({(str(sales.public_id), "not-counted")} if lost else set())
    if lost:
        assert {gap["part"].split("/")[1] for gap in answer["gaps"]} == {"2026-06-30"}


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("what", [What.CALLBACKS, What.WAITING])
def test_files_say_so(acme, town, monkeypatch, what, lost):
    if lost:
        lose_june(monkeypatch, acme)
    with wall.tenant(acme):
        scope = Scope.of(Grant.objects.create(tenant=acme, all_environments=True))
        params = dict(part.split("=") for part in JUNE.split("&"))
        facts = list_table(read_list(what, params, scope), scope).facts
    assert facts.complete is not lost
    assert any("calls" in gap and "Jun" in gap for gap in facts.gaps) is lost, facts.gaps


def test_what_only_later_or_other_days_tell_is_complete(client, acme, town, monkeypatch):
    lose_june(monkeypatch, acme)
    headers = {"Authorization": f"Bearer {make_key(acme)}"}
    for path in ("callbacks/returns/?", "reports/query/?metrics=derived_callbacks&"):
        answer = client.get(f"/api/v1/{path}date_from=2026-07-10&date_to=2026-07-15", headers=headers).json()
        assert (answer["complete"], answer["gaps"]) == (True, []), path


@pytest.mark.parametrize("lost", [False, True])
def test_a_contact_says_so(client, acme, ana, town, monkeypatch, lost):
    if lost:
        lose_june(monkeypatch, acme)
    headers = {"Authorization": f"Bearer {make_key(acme)}"}
    (known,) = client.get(f"/api/v1/contacts/?number={NUMBER.replace('+', '%2B')}", headers=headers).json()["results"]
    assert known["callbacks"] == (None if lost else 1)
    answer = client.get(f"/api/v1/contacts/{known['id']}/", headers=headers).json()
    assert answer["contact"]["callbacks"] == known["callbacks"]
    assert answer["complete"] is not lost
    assert len(answer["results"]) == 3  # calls are listed from the mirror
    client.force_login(ana)
    page = unescape(client.get(f"/t/acme/contacts/{known['id']}/").content.decode())
    assert bool(SPAN.search(page)) is lost


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("name", ["dialled", "back"])
def test_a_call_says_so(client, acme, ana, town, monkeypatch, name, lost):
    """Without June nobody knows what the call of July answers."""
    if lost:
        lose_june(monkeypatch, acme)
    client.force_login(ana)
    page = unescape(client.get(f"/t/acme/calls/{town[name].pk}/").content.decode())
    assert ("Some calls could not be looked at" in page) is lost
    assert bool(SPAN.search(page)) is lost
    assert ("A callback: it came" in page) is (not lost and name == "back")


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("days", [JUNE, JULY])
def test_the_callbacks_page_says_so(client, acme, ana, town, monkeypatch, days, lost):
    if lost:
        lose_june(monkeypatch, acme)
    client.force_login(ana)
    page = unescape(client.get(f"/t/acme/callbacks/?{days}").content.decode())
    assert bool(SPAN.search(page.split('class="lead')[0])) is lost
    assert ("Some calls could not be looked at" in page) is lost


def test_a_long_span_is_named(client, acme, ana, town, monkeypatch):
    """More days than are told one by one."""
    monkeypatch.setattr(sources, "MOST_LIVE", 0)
    with wall.tenant(acme):
        for row in ColumnFile.objects.filter(last_day__lt=date(2026, 7, 1)):
            files.remove(row)
        told = contact_id(OTHER.removeprefix("+"), Scope.of(Grant.objects.create(tenant=acme, all_environments=True)))
    client.force_login(ana)
    page = unescape(client.get(f"/t/acme/contacts/{told}/").content.decode())
    assert re.search(r"Sales: calls, \d+ May \N{EN DASH} 30 Jun", page.replace("\N{NO-BREAK SPACE}", " "))


@pytest.mark.parametrize("older", [6, 7], ids=["June is older", "July is older"])
def test_days_that_changed_since_are_as_of_the_older_file(client, acme, sales, town, monkeypatch, older):
    """Two days in a row that two files hold: what is shown of one of them was read when the older one was made."""
    monkeypatch.setattr(sources, "MOST_LIVE", 0)
    made = {month: NOW - timedelta(days=3 if month == older else 1) for month in (6, 7)}
    with wall.tenant(acme):
        Window.objects.update(read_at=NOW)
        for row in ColumnFile.objects.filter(last_day__gte=date(2026, 6, 1)):
            ColumnFile.objects.filter(pk=row.pk).update(made_at=made[row.first_day.month])
        for day in (date(2026, 6, 30), date(2026, 7, 1)):
            change(sales, day)
    key = make_key(acme)
    path = "/api/v1/reports/query/?metrics=attempts&date_from=2026-06-20&date_to=2026-07-15"
    answer = client.get(path, headers={"Authorization": f"Bearer {key}"}).json()
    assert (answer["complete"], answer["as_of"]) == (False, made[older].isoformat().replace("+00:00", "Z"))
    assert [gap["day"] for gap in answer["gaps"]] == ["2026-06-30", "2026-07-01"]

"""Boards: saved reports in an order of one's own, each answered in the reader's scope; one is the start page."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from uuid import uuid4

import pytest
import time_machine

from portal.tenants import wall
from portal.tenants.models.people import Role
from reports.saved.models import Board, SavedView
from tests import factories
from tests.conftest import member

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 7, 15, 15, tzinfo=UTC)
BOARDS, SAVED = "/t/acme/reports/boards/", "/t/acme/reports/saved/"


@pytest.fixture(autouse=True)
def _on_wednesday():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def calls(acme, sales, care):
    with wall.tenant(acme):
        for home, count in ((sales, 3), (care, 5)):
            for number in range(count):
                factories.call(home, f"{home.name}{number}", started_at=NOW - timedelta(days=1, minutes=number))


def saved(client, acme, name, query="metrics=attempts&period=yesterday", **more) -> str:
    client.post(SAVED, {"name": name, "query": query, **more})
    with wall.tenant(acme):
        return str(SavedView.objects.get(name=name).public_id)


def made(client, acme, *views) -> str:
    board = client.post(BOARDS, {"name": "Monday"})["Location"]
    for view in views:
        assert client.post(board, {"act": "add", "view": view}).status_code == 302
    return board


def titles(client, board) -> list[str]:
    return re.findall(r'id="sheet-\d+-title"><a [^>]*>([^<]+)</a>', client.get(board).content.decode())


def test_reports_stand_in_an_order_of_ones_own(client, ana, acme, calls):
    client.force_login(ana)
    a, b, c = (saved(client, acme, name) for name in "ABC")
    board = made(client, acme, a, b, c, a)
    assert titles(client, board) == ["A", "B", "C"]
    for act, view, order in (
        ("up", c, "ACB"),
        ("up", c, "CAB"),
        ("up", c, "CAB"),
        ("down", c, "ACB"),
        ("off", a, "CB"),
    ):
        client.post(board, {"act": act, "view": view})
        assert "".join(titles(client, board)) == order, (act, order)
    page = client.get(board).content.decode()
    assert page.count('<data value="8"') == 2  # both answers, and neither of another question
    client.post(f"{SAVED}{c}/", {"act": "delete"})
    assert titles(client, board) == ["B"]
    client.post(board, {"act": "delete"})
    assert client.get(board).status_code == 404


def test_a_board_shows_each_answer_as_the_page_of_a_report_does(client, ana, acme, calls):
    client.force_login(ana)
    queries = (
        "metrics=attempts,connect_rate&by=agent&period=yesterday",
        "metrics=attempts&by=environment,direction&view=crossed&period=yesterday",
        "metrics=attempts&by=day&period=last_7_days",
    )
    views = [saved(client, acme, f"R{n}", query) for n, query in enumerate(queries)]
    text = client.get(made(client, acme, *views)).content.decode()
    for view in views:
        page = client.get(f"{SAVED}{view}/", follow=True).content.decode()
        own = page.split('id="answer"')[1].split("</section>")[0]
        for cell in re.findall(r'<data value="[^"]*">[^<]*</data>', own):
            assert cell in text
    assert text.count("data-chart") == 1
    assert text.count("Not complete:") == 3


def test_each_reads_in_his_own_scope_and_viewers_change_nothing(client, ana, acme, sales, calls, care):
    client.force_login(ana)
    ours = saved(client, acme, "Ours", shared="on")
    of_care = saved(client, acme, "Care", f"metrics=attempts&environment={care.public_id}", shared="on")
    own = saved(client, acme, "Own")
    board = made(client, acme, ours, of_care, own)
    client.post(board, {"act": "share"})
    with wall.tenant(acme):
        assert not Board.objects.get().shared  # one report on it is not
    client.post(board, {"act": "off", "view": own})
    client.post(board, {"act": "share"})
    vera = member(acme, "vera@acme.test", Role.VIEWER, sales)
    client.force_login(vera)
    page = client.get(board).content.decode()
    assert re.findall(r'data-metric="attempts"><data value="(\d+)', page) == ["3"]
    assert "that are not there" in page
    assert str(care.public_id) not in page
    for act in ("rename", "share", "unshare", "open", "usual", "delete", "add", "off", "up"):
        assert client.post(board, {"act": act, "name": "x", "view": ours}).status_code == 403, act


def test_a_manager_changes_a_shared_board_and_nothing_of_another_s_on_it(client, ana, acme, calls):
    """Ana keeps a report of hers to herself again: a manager does not see it there, and must not lose it for her."""
    client.force_login(ana)
    first, hers, last = (saved(client, acme, name, shared="on") for name in ("First", "Hers", "Last"))
    board = made(client, acme, first, hers, last)
    client.post(board, {"act": "share"})
    client.post(f"{SAVED}{hers}/", {"act": "unshare"})
    address = f"/api/v1/boards/{board.split('/')[-2]}/"
    client.force_login(member(acme, "max@acme.test", Role.MANAGER))
    answer = client.patch(address, {"reports": [last, first]}, "application/json")
    assert [report["name"] for report in answer.json()["reports"]] == ["Last", "First"]
    client.post(board, {"act": "up", "view": first})
    client.post(board, {"act": "off", "view": last})
    client.force_login(ana)
    assert titles(client, board) == ["First", "Hers"]


def test_one_opens_the_companys_pages(client, ana, acme, sales, calls):
    client.force_login(ana)
    board = made(client, acme, saved(client, acme, "Ours", shared="on"))
    client.post(board, {"act": "open"})
    assert client.get("/t/acme/").status_code == 200  # it is not shared yet
    client.post(board, {"act": "share"})
    client.post(board, {"act": "open"})
    second = client.post(BOARDS, {"name": "Other"})["Location"]
    client.force_login(member(acme, "vera@acme.test", Role.VIEWER, sales))
    assert client.get("/t/acme/")["Location"] == board
    page = client.get(board).content.decode()
    assert 'href="/t/acme/?period=last_7_days"' in page
    assert client.get("/t/acme/?period=last_7_days").status_code == 200
    client.force_login(ana)
    client.post(second, {"act": "share"})
    client.post(second, {"act": "open"})
    assert client.get("/t/acme/")["Location"] == second
    client.post(second, {"act": "unshare"})
    assert client.get("/t/acme/").status_code == 200


def test_a_foreign_board_and_a_foreign_report_are_absent(client, ana, carla, acme, globex):
    client.force_login(carla)
    theirs = client.post("/t/globex/reports/boards/", {"name": "Theirs"})["Location"].rsplit("/", 2)[1]
    client.post("/t/globex/reports/saved/", {"name": "R", "query": "metrics=attempts", "shared": "on"})
    with wall.tenant(globex):
        report = SavedView.objects.get().public_id
    client.force_login(ana)
    board = made(client, acme)
    for key in (theirs, uuid4()):
        assert client.get(f"{BOARDS}{key}/").status_code == 404
        assert client.post(f"{BOARDS}{key}/", {"act": "delete"}).status_code == 404
    for view in (report, uuid4(), "no-id"):
        assert client.post(board, {"act": "add", "view": view}).status_code == 404


def values(text: str) -> list[str]:
    """The figures of an answer, in its order."""
    return re.findall(r'<data value="([^"]*)">', text)


def answer_of(client, address: str) -> list[str]:
    """The figures of the page of a report."""
    return values(client.get(address, follow=True).content.decode().split('id="answer"')[1].split("</section>")[0])


def test_one_period_for_all_of_a_board_stands_in_its_address(client, ana, acme, calls, sales):
    with wall.tenant(acme):
        for number in range(4):
            factories.call(sales, f"earlier{number}", started_at=NOW - timedelta(days=3, minutes=number))
    client.force_login(ana)
    day = saved(client, acme, "Day", "metrics=attempts&period=yesterday&compare=year")
    hours = saved(client, acme, "Hours", "metrics=attempts&by=agent&date_from=2026-07-14&date_to=2026-07-14")
    board = made(client, acme, day, hours)

    def totals(query: str = "") -> list[str]:
        text = client.get(f"{board}{query}").content.decode()
        return re.findall(r'class="total".*?data-metric="attempts"><data value="(\d+)', text, re.S)

    assert totals() == ["8", "8"]
    assert totals("?period=last_7_days") == ["12", "12"]
    assert totals("?date_from=2026-07-12&date_to=2026-07-12") == ["4", "4"]
    assert totals() == ["8", "8"]  # nothing of it is kept
    text = client.get(f"{board}?period=last_7_days").content.decode()
    assert '<option value="last_7_days" selected>' in text
    sheets = text.split('<section class="sheet answer"')[1:]
    for sheet in sheets:
        address = unescape(re.search(r'<h2[^>]*><a href="([^"]+)"', sheet)[1])
        assert answer_of(client, address) == values(sheet)
    assert "compare=year" in text  # what it is compared with goes along
    moved = client.post(f"{board}?period=last_7_days", {"act": "down", "view": day})
    assert moved["Location"].endswith("?period=last_7_days")
    for wrong in ("?period=ever", "?date_from=2026-13-01"):
        text = client.get(f"{board}{wrong}").content.decode()
        assert 'role="alert"' in text
        assert totals(wrong) == ["12", "12"]  # the last seven days, as it says


def test_a_board_s_figures_are_those_of_the_page_and_masked_where_they_are_there(client, ana, acme, calls, sales):
    """Each of its questions, for who sees everything, and for who sees one environment and no numbers."""
    with wall.tenant(acme):
        for number in range(3):
            factories.call(
                sales, f"line{number}", started_at=NOW - timedelta(days=1), to_number=f"+551198765000{number}",
                direction="outbound",
            )  # fmt: skip
    client.force_login(ana)
    queries = (
        "metrics=attempts,connect_rate&by=area_code&period=yesterday",
        "metrics=attempts&by=line&period=last_7_days",
        "metrics=attempts,average_duration&by=environment&period=this_month",
        "metrics=attempts&by=direction,status&view=crossed&period=yesterday",
    )
    views = [saved(client, acme, f"R{n}", query, shared="on") for n, query in enumerate(queries)]
    board = made(client, acme, *views)
    client.post(board, {"act": "share"})
    for reader in (ana, member(acme, "vera@acme.test", Role.VIEWER, sales)):
        client.force_login(reader)
        text = client.get(board).content.decode()
        sheets = text.split('<section class="sheet answer"')[1:]
        assert len(sheets) == len(views)
        for view, sheet in zip(views, sheets, strict=True):
            assert values(sheet) == answer_of(client, f"{SAVED}{view}/") != []
        assert reader == ana or "987650" not in text

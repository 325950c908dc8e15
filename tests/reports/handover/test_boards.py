"""A board exported on a schedule: one workbook with a sheet for each of its reports, while it is open."""

import hashlib
from collections import Counter
from datetime import timedelta
from io import BytesIO
from urllib.parse import urlencode

import pytest
from python_calamine import CalamineWorkbook

from portal.tenants import wall
from portal.tenants.models.grants import Grant
from portal.tenants.models.people import Membership, Role
from reports.handover import by_mail, work
from reports.handover.models import ExportSchedule, FileReader
from reports.handover.wishes import read_plan
from reports.mail.content import NotOpen
from reports.queries.question import QuestionError
from reports.saved import boards, keeping
from reports.saved.models import SavedView, ViewOf
from tests.conftest import member
from tests.reports.alerts.conftest import author
from tests.reports.handover.conftest import handovers, mails, reading, run, scheduled, tick
from tests.reports.handover.test_sftp import folder_on, put_there
from tests.reports.mail.conftest import DUE

pytestmark = pytest.mark.django_db(transaction=True)
AGENTS = {"metrics": "attempts,connect_rate", "by": "agent", "period": "last_month"}
WHOLE = {"metrics": "attempts,talk_minutes", "period": "yesterday"}


@pytest.fixture
def joe(acme):
    return member(acme, "joe@acme.example", Role.MANAGER)


def board_of(tenant, user, *, shared=True, **reports):
    """A board with these reports in order, each with its question."""
    with wall.tenant(tenant):
        keeper = keeping.Keeper.of(Membership.objects.select_related("user", "tenant").get(user=user))
        board = boards.make(keeper, "Monday")
        for name, asked in (reports or {"Agents": AGENTS, "Totals": WHOLE}).items():
            view = keeping.keep(keeper, name, urlencode(asked), ViewOf.REPORT)
            if shared:
                keeping.share(keeper, view.public_id, on=True)
            boards.put_on(keeper, board, view.public_id)
        if shared:
            boards.share(keeper, board, on=True)
    return board


def of_board(board, **wishes):
    return {"what": "board", "query": {"board": str(board.public_id)}, "format": "xlsx", "wait_hours": 0} | wishes


def sheets(content: bytes) -> dict[str, list[list]]:
    book = CalamineWorkbook.from_filelike(BytesIO(content))
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


def test_a_workbook_with_a_sheet_for_each_report_lies_on_the_server(acme, ana, mirrored, sshd):
    """Each in its place on the board, of the days of the schedule and not of those that it was saved with."""
    put_there(acme, ana, folder_on(sshd, acme, ana), **of_board(board_of(acme, ana)))
    tick(acme)
    assert run(acme) == ["sent"]
    (row,) = handovers(acme)
    (told,) = row.manifest["files"]
    assert sshd.names() == {told["name"], told["name"].replace(".xlsx", ".manifest.json")}
    assert told["name"].startswith("acme-board-")
    content = (sshd.folder / told["name"]).read_bytes()
    assert told["sha256"] == hashlib.sha256(content).hexdigest()
    found = sheets(content)
    names = list(found)
    assert [name for name in names if name in ("Agents", "Totals")] == ["Agents", "Totals"]
    heads, *lines = found["Agents"]
    attempts = heads.index(next(head for head in heads if head in ("Attempts", "Tentativas")))
    total = sum(line[attempts] for line in lines)
    assert total > 0
    assert found["Totals"][1][1] == total
    assert row.manifest["what"] == "board"
    assert row.manifest["period"]["from"] == "2026-07-06"
    assert told["rows"] == sum(len(found[name]) - 1 for name in ("Agents", "Totals"))


def test_a_report_added_later_is_in_the_next_workbook_and_a_board_of_gaps_says_so(acme, ana, mirrored):
    board = board_of(acme, ana)
    scheduled(acme, ana, way="attached", **of_board(board))
    with wall.tenant(acme):
        keeper = keeping.Keeper.of(Membership.objects.select_related("user", "tenant").get(user=ana))
        view = keeping.keep(keeper, "Days", urlencode({**WHOLE, "by": "day"}), ViewOf.REPORT)
        keeping.share(keeper, view.public_id, on=True)
        boards.put_on(keeper, board, view.public_id)
    reading(acme, "incomplete")
    tick(acme)
    assert run(acme) == ["sent"]
    (row,) = handovers(acme)
    assert row.manifest["complete"] is False
    assert "-incomplete.xlsx" in row.manifest["files"][0]["name"]
    (message,) = mails(acme)
    with wall.tenant(acme):
        book = message.enclosures.get(name__endswith=".xlsx")
        assert {"Agents", "Totals", "Days"} <= set(sheets(bytes(book.content)))


def test_a_board_that_is_open_no_more_rests(acme, ana, joe, mirrored):
    """What waits in the outbox stays there as well."""
    board = board_of(acme, joe)
    schedule = scheduled(acme, ana, **of_board(board))
    tick(acme)
    assert run(acme) == ["sent"]
    (message,) = mails(acme)
    with wall.tenant(acme):
        assert by_mail.objection_to_file(message) == ""
        keeper = keeping.Keeper.of(Membership.objects.select_related("user", "tenant").get(user=joe))
        boards.share(keeper, board, on=False)
        assert by_mail.objection_to_file(message) == "report not shared"
        ExportSchedule.objects.update(next_due=DUE + timedelta(days=7))
    tick(acme, DUE + timedelta(days=7))
    assert run(acme, DUE + timedelta(days=7)) == ["sent", "suppressed"]
    assert handovers(acme)[1].reason == "report not shared"
    with wall.tenant(acme):
        schedule.refresh_from_db()
        assert (schedule.active, schedule.next_due) == (False, None)


def test_a_workbook_that_is_made_is_not_handed_over_once_its_board_is_closed(acme, ana, joe, mirrored, sshd):
    board = board_of(acme, joe)
    put_there(acme, ana, folder_on(sshd, acme, ana), **of_board(board))
    tick(acme)
    assert run(acme, rounds=1) == ["making"]
    with wall.tenant(acme):
        keeper = keeping.Keeper.of(Membership.objects.select_related("user", "tenant").get(user=joe))
        boards.share(keeper, board, on=False)
    assert run(acme) == ["suppressed"]
    assert sshd.names() == set()


def test_a_schedule_of_another_exports_boards_that_are_open_to_him(acme, ana, joe, mirrored):
    """Whoever changes it does so in the name of who made it, whose rights it goes on with."""
    schedule, own = scheduled(acme, ana, **of_board(board_of(acme, ana))), board_of(acme, joe, shared=False)
    wish = {"query": {"board": str(own.public_id)}}
    with wall.tenant(acme):
        with pytest.raises(QuestionError) as refusal:
            read_plan(wish, author(acme, joe), before=schedule)
        assert set(refusal.value.errors) == {"query"}
        type(ana).objects.filter(pk=ana.pk).update(is_active=False)  # then it goes on with the rights of who changes it
        assert read_plan(wish, author(acme, joe), before=schedule).query == wish["query"]


def test_one_that_was_given_another_board_meanwhile_does_not_rest(acme, ana, joe, mirrored):
    schedule, other = scheduled(acme, ana, **of_board(board_of(acme, joe))), board_of(acme, ana)
    with wall.tenant(acme):
        ExportSchedule.objects.filter(pk=schedule.pk).update(query=f"board={other.public_id}")
        work.rest(schedule, NotOpen("report not shared"))  # which a worker had loaded before
        assert ExportSchedule.objects.get().active
        work.rest(ExportSchedule.objects.get(), NotOpen("report not shared"))
        assert not ExportSchedule.objects.get().active


def test_a_report_that_cannot_be_asked_is_named_and_no_workbook_goes_without_it(acme, ana, mirrored):
    board = board_of(acme, ana)
    scheduled(acme, ana, **of_board(board))
    with wall.tenant(acme):
        SavedView.objects.filter(name="Totals").update(query="metrics=gone")
    tick(acme)
    assert run(acme) == ["failed"]
    (row,) = handovers(acme)
    assert (row.reason, row.reply.startswith("Totals: ")) == ("no question", True)


def test_who_sees_less_than_one_of_its_reports_gets_nothing(acme, ana, bruno, mirrored):
    scheduled(acme, ana, to=[ana.email, bruno.email], **of_board(board_of(acme, ana)))
    with wall.tenant(acme):
        grant = Membership.objects.get(user=bruno).grant
        grant.all_environments = False
        grant.save()
        grant.environments.clear()
    tick(acme)
    assert run(acme) == ["sent"]
    assert [message.to for message in mails(acme)] == [ana.email]
    with wall.tenant(acme):
        assert FileReader.objects.count() == 2


def test_what_cannot_be_scheduled_of_a_board(acme, ana, joe, mirrored):
    shared, own = board_of(acme, ana), board_of(acme, joe, shared=False)
    for wish, wrong in (
        (of_board(shared, format="csv"), "format"),
        (of_board(own), "query"),
        (of_board(shared, query={"board": str(shared.public_id), "agent": "x"}), "query"),
        (of_board(shared, query={"board": "none"}), "query"),
        (of_board(shared, days="standing"), "days"),
    ):
        with pytest.raises(QuestionError) as refusal:
            scheduled(acme, ana, **wish)
        assert set(refusal.value.errors) == {wrong}


def test_who_schedules_a_board_that_shows_its_owner_more_gets_what_they_see_themselves(acme, ana, sales, mirrored):
    """An owner's shared board, in the hands of a manager of one agent who may not see numbers."""
    numbers = {"metrics": "attempts,talk_minutes", "by": "agent,day", "period": "last_month"}
    board = board_of(acme, ana, Agents=AGENTS, Days=numbers, Totals=WHOLE)
    nina = member(acme, "nina@acme.example", Role.MANAGER, sales)
    with wall.tenant(acme):
        Grant.objects.filter(membership__user=nina).update(agent_keys=["a"])
    for maker in (ana, nina):
        scheduled(acme, maker, name=maker.name, way="attached", **of_board(board))
    tick(acme)
    assert run(acme) == ["sent", "sent"]
    books = {}
    with wall.tenant(acme):
        for message in mails(acme):
            books[message.to] = sheets(bytes(message.enclosures.get(name__endswith=".xlsx").content))
    # Of 13 calls a day in the last week every second is Rafael's, beginning with Clara's.
    days, names = range(28, 35), ("Clara", "Rafael")
    counted = Counter(names[number % 2] for day in days for number in range(3 + 2 * (day // 7)))
    for to, seen in ((ana.email, set(names)), (nina.email, {"Clara"})):
        book = books[to]
        told = {line[0]: line[1] for line in book["Agents"][1:]}
        assert told == {name: counted[name] for name in seen}
        assert {line[0] for line in book["Days"][1:]} == seen
        assert book["Totals"][1][1] == sum(counted[name] for name in seen)
    assert "Rafael" not in str(books[nina.email])

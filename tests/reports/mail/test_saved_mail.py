"""A saved report or a board by mail: the answer of its page for the period of the mail, while it is there."""

import re
from datetime import date, timedelta
from io import BytesIO
from urllib.parse import urlencode

import pytest
import time_machine
from django.core import mail
from django.utils import translation
from python_calamine import CalamineWorkbook

from portal.audit.models import Entry
from portal.formats import figures
from portal.outbox.models import Enclosure, Message, State
from portal.tenants import wall
from portal.tenants.models.grants import Grant
from portal.tenants.models.people import Membership, Role
from reports.definitions.metrics import METRICS
from reports.definitions.periods import Period
from reports.mail import content, lost, subscriptions
from reports.mail.models import Delivery, DeliveryState, Recipient, Subscription
from reports.mail.plans import plan_of
from reports.mail.preview import as_reader, preview
from reports.mail.render import CUT_AT
from reports.mail.rights import NotAllowed
from reports.mail.send import send_due
from reports.queries.ask import ask
from reports.queries.question import Question, QuestionError
from reports.queries.scope import Scope
from reports.saved import boards, keeping
from reports.saved.models import ViewOf
from tests.conftest import member
from tests.reports.mail.conftest import DUE, messages, mirror
from tests.reports.mail.test_subscriptions import BEFORE, WEEK, author, change, schedule

pytestmark = pytest.mark.django_db
LAST = Period(date(2026, 7, 6), date(2026, 7, 13), "America/Sao_Paulo")
AGENTS = {"metrics": "attempts,connect_rate,average_duration,talk_minutes", "by": "agent", "period": "last_month"}


@pytest.fixture(autouse=True)
def _before(mirrored):
    with time_machine.travel(BEFORE, tick=False):
        yield


@pytest.fixture
def joe(acme):
    return member(acme, "joe@acme.example", Role.MANAGER)


def keep(tenant, user, name="Agents", *, shared=False, **query):
    with wall.tenant(tenant):
        keeper = keeping.Keeper.of(Membership.objects.select_related("user", "tenant").get(user=user))
        view = keeping.keep(keeper, name, urlencode(query or AGENTS), ViewOf.REPORT)
        if shared:
            keeping.share(keeper, view.public_id, on=True)
        return view


def told(tenant, question):
    """What the page of the question says: its totals and rows, in English."""
    with wall.tenant(tenant), translation.override("en"):
        answer = ask(question, Scope.of(Grant(tenant=tenant, all_environments=True)), now=DUE)
        return answer, [
            (row.labels, [figures.value(row.cells[key].value, METRICS[key].unit) for key in question.metrics])
            for row in (*answer.rows,)
        ]


def test_html_text_and_files_show_the_answer_of_the_page_for_the_period_of_the_mail(acme, ana):
    view = keep(acme, ana, **AGENTS, sort="-attempts")
    schedule(acme, ana, report=str(view.public_id), attachments=["xlsx", "csv"])
    assert send_due(DUE).sent == 1
    [sent] = messages(acme)
    question = Question(tuple(AGENTS["metrics"].split(",")), LAST, ("agent",))
    answer, rows = told(acme, question)
    assert len(rows) == 2
    page = re.sub(r"<[^>]+>", " ", sent.html.split("<body")[1]).replace(figures.SPACE, " ")
    for labels, shown in rows:
        line = next(line for line in sent.text.splitlines() if line.startswith(f"- {labels[0]}: "))
        for value in shown:
            assert value.replace(figures.SPACE, " ") in line
            assert value.replace(figures.SPACE, " ") in page
    for key in question.metrics:
        value = figures.value(answer.totals[key].value, METRICS[key].unit).replace(figures.SPACE, " ")
        assert f"- {METRICS[key].label}: {value}" in sent.text
    assert sent.subject == "Acme · Agents · week 6–12 Jul · Attempts 77"
    assert "29 Jun – 5 Jul" in sent.text  # what it is compared with
    assert "Data as of 13 Jul, 08:00" in sent.text or "Data as of" in sent.text
    with wall.tenant(acme):
        book, csv = Enclosure.objects.order_by("id")
        assert csv.name == "acme-report-2026-07-06-2026-07-12.csv"
        sheet = CalamineWorkbook.from_filelike(BytesIO(bytes(book.content))).get_sheet_by_index(0).to_python()
        attempts = {row.labels[0]: row.cells["attempts"].value for row in answer.rows}
    for name, count in attempts.items():
        assert next(line for line in sheet if line and line[0] == name)[1] == count
        assert re.search(rf"{name}[;,]{count}", bytes(csv.content).decode("utf-8-sig"))
    with wall.tenant(acme):
        kept = Delivery.objects.get().snapshot["answers"]
    assert kept[0]["totals"]["attempts"][0] == answer.totals["attempts"].value


def test_without_a_comparison_and_with_one_to_the_year_before(acme, ana):
    view = keep(acme, ana, **AGENTS, compare="year")
    row = schedule(acme, ana, report=str(view.public_id))
    with wall.tenant(acme):
        text = preview(row, as_reader(row, ana), DUE).rendered.text
        assert "7–13 Jul 2025" in text or "2025" in text
    change(acme, row, ana, compare="none")
    with wall.tenant(acme):
        row = Subscription.objects.select_related("view", "tenant", "grant").get()
        rendered = preview(row, as_reader(row, ana), DUE).rendered
    for part in (rendered.text, rendered.html):
        assert "2025" not in part
        assert not re.search("[▲▼]", part)


def test_a_board_shows_each_of_its_reports_and_says_of_one_why_it_cannot_be_asked(acme, ana, bruno, care):
    one, other = keep(acme, ana, shared=True), keep(acme, ana, "Days", shared=True, metrics="attempts", by="day")
    with wall.tenant(acme):
        keeper = keeping.Keeper.of(Membership.objects.select_related("user", "tenant").get(user=ana))
    third = keep(acme, ana, "Care", shared=True, metrics="attempts", environment=str(care.public_id))
    with wall.tenant(acme):
        board = boards.make(keeper, "Monday")
        for view in (other, one, third):
            boards.put_on(keeper, board, view.public_id)
        boards.share(keeper, board, on=True)
    schedule(acme, ana, board=str(board.public_id), to=[ana.email, bruno.email], wait_hours=0)
    assert send_due(DUE).sent == 2
    ana_s, bruno_s = messages(acme)
    assert [re.findall(r"^(DAYS|AGENTS|CARE)$", sent.text, re.M) for sent in (ana_s, bruno_s)] == [
        ["DAYS", "AGENTS", "CARE"]
    ] * 2
    assert "not there" in bruno_s.text  # who reads one environment is told nothing of the other
    assert "not there" not in ana_s.text
    assert ana_s.subject == "Acme · Monday · week 6–12 Jul · incomplete"  # of Care nothing was read


@pytest.mark.parametrize("language", ["en", "pt-br"])
def test_it_stays_small_and_says_how_many_rows_there_is_no_room_for(acme, ana, language):
    all_of_it = "attempts,connected,connect_rate,average_duration,median_duration,talk_minutes,no_answer_rate"
    view = keep(acme, ana, "Hours", metrics=all_of_it, by="hour,agent")
    row = schedule(acme, ana, report=str(view.public_id), language=language)
    with wall.tenant(acme):
        made = preview(row, as_reader(row, ana), DUE)
        rows = len(made.facts.answers[0].rows)
    assert len(made.rendered.html.encode()) < CUT_AT
    shown = made.rendered.html.count('scope="row"')
    tables = 3  # of three figures each
    listed = (shown - 7) // tables
    assert rows > listed > 0
    more = "And {} more rows." if language == "en" else "E mais {} linhas."
    assert more.format(rows - listed) in made.rendered.text
    assert more.format(rows - listed) in made.rendered.html
    assert "/reports/query/?metrics=" in made.rendered.html  # of a member, who can open it


def test_whoever_sees_less_reads_less_and_nobody_a_number(acme, ana, bruno, care):
    with wall.tenant(acme):
        mirror(care, scale=2)
    view = keep(acme, ana, shared=True)
    schedule(acme, ana, report=str(view.public_id), to=[ana.email, bruno.email], wait_hours=0)
    assert send_due(DUE).sent == 2
    counts = [int(re.search(r"- Attempts: (\d+)", sent.text)[1]) for sent in messages(acme)]
    assert counts == [77 + 2 * 77, 77]
    about = keep(acme, ana, "One", metrics="attempts", number="5511987654321")
    with pytest.raises(QuestionError) as refused:
        schedule(acme, ana, report=str(about.public_id))
    assert "report" in refused.value.errors


def test_a_mail_whose_report_was_deleted_rests_says_why_and_its_owner_is_told_once(acme, ana, joe):
    type(ana).objects.update(language="en")
    view = keep(acme, joe)
    row = schedule(acme, joe, report=str(view.public_id))
    with wall.tenant(acme):
        view.delete()
    for at in (DUE, DUE + WEEK):
        assert send_due(at).sent == 0
    assert mail.outbox == []
    with wall.tenant(acme):
        row = Subscription.objects.select_related("tenant", "grant").get()
        assert (row.rests, row.active, row.next_due) == ("report gone", False, None)
        assert Delivery.objects.get().state == DeliveryState.SUPPRESSED  # the first alone: nothing is due any more
        assert Entry.objects.filter(action="subscription.rested").count() == 1
        with pytest.raises(content.NotOpen):
            subscriptions.set_paused(row, author(acme, joe), on=False)
        with pytest.raises(NotAllowed):
            preview(row, as_reader(row, joe), DUE)
    lost.watch()
    lost.watch()
    with wall.tenant(acme):
        [told] = Message.objects.filter(rule="lost")
    assert told.to == ana.email
    assert "“Weekly calls” rests: The saved report or board that it showed was deleted." in told.text
    with pytest.raises(QuestionError):
        change(acme, row, joe, hour=9)
    change(acme, row, joe, report=None)  # parts of a report again: it goes on
    with wall.tenant(acme):
        row = Subscription.objects.get()
        assert (row.rests, row.rested_at, row.active, row.shows) == ("", None, True, "sections")
        assert row.next_due is not None


def test_it_rests_too_once_the_report_is_not_shared_any_more_also_what_waits_in_the_outbox(acme, ana, joe):
    view = keep(acme, ana, shared=True)
    row = schedule(acme, joe, report=str(view.public_id))
    assert send_due(DUE).sent == 1
    with wall.tenant(acme):
        keeping.share(keeping.Keeper.of(Membership.objects.get(user=ana)), view.public_id, on=False)
        Message.objects.update(state=State.PENDING)
        assert content.objection(Message.objects.get()) == "report not shared"
    assert send_due(DUE + WEEK).sent == 0
    with wall.tenant(acme):
        assert Subscription.objects.get().rests == "report not shared"
        keeping.share(keeping.Keeper.of(Membership.objects.get(user=ana)), view.public_id, on=True)
        row = Subscription.objects.select_related("view", "tenant", "grant").get()
        subscriptions.set_paused(row, author(acme, joe), on=False)
        assert Subscription.objects.get().rests == ""
    with time_machine.travel(DUE + WEEK, tick=False):
        assert send_due(DUE + 2 * WEEK + timedelta(hours=6)).sent == 1


def test_only_what_is_open_to_whoever_set_it_up_can_be_shown(acme, ana, joe):
    private = keep(acme, ana)
    for wish in ({"report": str(private.public_id)}, {"board": str(private.public_id)}, {"report": "x"}):
        with pytest.raises(QuestionError) as refused:
            schedule(acme, joe, **wish)
        assert refused.value.errors.keys() == wish.keys()
    row = schedule(acme, ana, report=str(private.public_id), to=[ana.email, "guest@outside.example"])
    with pytest.raises(QuestionError):  # another's mail can't take what is only its changer's
        change(acme, row, joe, report=str(keep(acme, joe, "Joe's").public_id))
    change(acme, row, joe, hour=9)
    with wall.tenant(acme):
        row = Subscription.objects.get()
        assert plan_of(row).report == private.public_id
        assert Recipient.objects.count() == 2
    with pytest.raises(QuestionError) as refused:
        change(acme, row, ana, environments=[str(private.public_id)])
    assert "environments" in refused.value.errors


def test_a_pdf_that_does_not_fit_is_named_in_the_mail_and_in_its_preview(acme, ana, monkeypatch):
    view = keep(acme, ana, metrics="attempts", by="hour", compare="none")
    monkeypatch.setattr("reports.files.as_pdf.MOST_CELLS", 3 * 167)  # a week has 168 hours
    row = schedule(acme, ana, report=str(view.public_id), attachments=["csv", "pdf"])
    with wall.tenant(acme):
        before = preview(row, as_reader(row, ana), DUE).rendered.text
    assert send_due(DUE).sent == 1
    [sent] = messages(acme)
    why = "A PDF of these columns has room for 167 rows, and there are 168. Choose a shorter period, XLSX or CSV."
    for text in (" ".join(before.split()), " ".join(sent.text.split())):
        assert f"acme-report-2026-07-06-2026-07-12.pdf is not attached. {why}" in text
    with wall.tenant(acme):
        assert [file.name.rsplit(".")[-1] for file in Enclosure.objects.all()] == ["csv"]

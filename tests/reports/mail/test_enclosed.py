"""The files that go with a mail: the rows of an export, of its reader and period, as far as a mail carries them."""

import csv
import io
import zipfile
from datetime import date

import pytest
import python_calamine
import time_machine

from portal.outbox.models import Enclosure, Message
from portal.tenants import wall
from reports.definitions.periods import Period
from reports.mail import cupboard, enclosed
from reports.mail.models import Recipient
from reports.mail.preview import preview
from reports.mail.send import send_due
from reports.queries.ask import ask
from reports.queries.question import Question
from tests.reports.mail.conftest import DUE, HOUR, mirror
from tests.reports.mail.test_subscriptions import BEFORE, author, change, schedule

pytestmark = pytest.mark.django_db
WEEK = Period(date(2026, 7, 6), date(2026, 7, 13), "America/Sao_Paulo")
ALL = ["xlsx", "csv", "pdf"]


@pytest.fixture(autouse=True)
def _before(mirrored):
    with time_machine.travel(BEFORE, tick=False):
        yield


def files_of(tenant, email):
    with wall.tenant(tenant):
        rows = Enclosure.objects.filter(message__to=email).exclude(content_type="image/png").order_by("id")
        return {row.name: (row.content_type, bytes(row.content)) for row in rows}


def rows_of(content, delimiter=","):
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig")), delimiter=delimiter))


def test_a_mail_carries_the_files_that_its_plan_wants(acme, ana):
    schedule(acme, ana, attachments=ALL)
    assert send_due(DUE).sent == 1
    files = files_of(acme, ana.email)
    days = "2026-07-06-2026-07-12"
    assert list(files) == [f"acme-summary-{days}.xlsx", f"acme-calls-{days}.csv"] + [
        f"acme-{what}-{days}.pdf" for what in ("days", "agents")
    ]
    rows = rows_of(files[f"acme-calls-{days}.csv"][1])
    with wall.tenant(acme):
        answer = ask(Question(("attempts",), WEEK), author(acme, ana).scope)
    assert len(rows) == answer.totals["attempts"].value == 77
    assert files[f"acme-days-{days}.pdf"][1].startswith(b"%PDF")
    with zipfile.ZipFile(io.BytesIO(files[f"acme-summary-{days}.xlsx"][1])) as book:
        names = book.read("xl/workbook.xml").decode()
        assert all(f'name="{name}"' in names for name in ("Summary", "Day by day", "Agents", "Calls", "About"))
        sheets = [book.read(name).decode() for name in book.namelist() if name.startswith("xl/worksheets/sheet")]
    assert sum("+55 11" in sheet or "98765" in sheet for sheet in sheets) == 0
    assert "98765" not in files[f"acme-calls-{days}.csv"][1].decode()


def test_each_reader_gets_the_rows_of_his_own_rights_in_his_language(acme, care, ana, bruno, monkeypatch):
    with wall.tenant(acme):
        mirror(care, scale=2)
    made = []
    real = cupboard.enclose
    monkeypatch.setattr(cupboard, "enclose", lambda *args, **how: made.append(args) or real(*args, **how))
    schedule(acme, ana, to=[ana.email, bruno.email], attachments=["csv"], languages={bruno.email: "pt-br"})
    assert send_due(DUE + 7 * HOUR).sent == 2
    [(_type, of_ana)], [(_type, of_bruno)] = (files_of(acme, who.email).values() for who in (ana, bruno))
    assert len(rows_of(of_ana)) == 77 + 154
    assert len(rows_of(of_bruno, ";")) == 77
    assert len(made) == 2


def test_what_does_not_fit_is_left_out_and_the_mail_says_so(acme, ana, monkeypatch):
    row = schedule(acme, ana, attachments=["xlsx", "csv"], note="Mine")
    monkeypatch.setattr(enclosed, "MOST_ROWS", 76)
    send_due(DUE)
    with wall.tenant(acme):
        [message] = Message.objects.all()
        reader = Recipient.objects.get()
        shown = preview(row, reader, DUE + HOUR)
    sentence = "The list of calls is not attached: it has 77 rows, more than the 76 that a mail carries."
    for text in (message.text, message.html, shown.rendered.text, shown.rendered.html):
        assert sentence in text
        assert "/t/acme/exports/" in text
    files = files_of(acme, ana.email)
    assert [name.rsplit(".", 1)[1] for name in files] == ["xlsx"]
    with zipfile.ZipFile(io.BytesIO(next(iter(files.values()))[1])) as book:
        assert 'name="Calls"' not in book.read("xl/workbook.xml").decode()
    assert shown.files == ()


def test_files_larger_than_a_mail_carries_are_named_in_it(acme, ana, monkeypatch):
    schedule(acme, ana, attachments=["csv"])
    monkeypatch.setattr(enclosed, "MOST_BYTES", 100)
    send_due(DUE)
    with wall.tenant(acme):
        [message] = Message.objects.all()
    assert "acme-calls-2026-07-06-2026-07-12.csv is not attached" in message.text
    assert files_of(acme, ana.email) == {}


def test_a_mail_without_files_asks_for_none(acme, ana, monkeypatch):
    row = schedule(acme, ana, attachments=ALL)
    change(acme, row, ana, attachments=[])
    monkeypatch.setattr(enclosed, "calls", None)
    assert send_due(DUE).sent == 1
    assert files_of(acme, ana.email) == {}


@pytest.mark.parametrize("compare", [True, False])
def test_the_summary_of_the_workbook_reads_from_above(acme, ana, compare):
    """A line for each figure, with what it rests on, and what it was before where that is asked for."""
    schedule(acme, ana, attachments=["xlsx"], compare="previous" if compare else "none")
    send_due(DUE)
    [(_type, content)] = files_of(acme, ana.email).values()
    book = python_calamine.load_workbook(io.BytesIO(content))
    head, *rows = book.get_sheet_by_name("Summary").to_python()
    assert len(head) == (9 if compare else 4)
    lines = {row[0]: dict(zip(head, row, strict=True)) for row in rows}
    with wall.tenant(acme), time_machine.travel(DUE, tick=False):
        question = Question(("attempts", "connect_rate"), WEEK, compare=compare)
        cells = ask(question, author(acme, ana).scope).totals
    assert lines["Attempts"]["Value"] == cells["attempts"].value == 77
    rate = lines["Connect rate (%)"]
    assert (rate["Value"], rate["n"]) == (cells["connect_rate"].value, cells["connect_rate"].n)
    if compare:
        assert lines["Attempts"]["Before"] == cells["attempts"].previous == 63
        assert (lines["Attempts"]["Change"], lines["Attempts"]["Change in"]) == (cells["attempts"].change, "%")
        assert (rate["Change"], rate["Change in"]) == (cells["connect_rate"].change, "pp")

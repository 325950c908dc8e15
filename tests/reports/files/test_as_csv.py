"""CSV: the rows of the API's list, and no cell that a spreadsheet would run."""

import csv
import io
import re
import time
from datetime import UTC, date, datetime, timedelta
from itertools import chain, product

import pytest
from django.utils import translation

from portal.tenants import wall
from portal.tenants.models.grants import Grant
from reports.files import as_csv
from reports.files.as_csv import safe, stream_calls
from reports.files.table import Column
from reports.files.tables import CALLS, call_columns, calls_table
from reports.queries.calls.lists import calls, page
from reports.queries.question import CallQuestion
from reports.queries.scope import Scope
from tests import factories

RUN = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    " =1",
    "\0=1",
    "\ufeff=1",
    "＝1",
    "＋1",
    "＠x",
    "+55 11 98765-4321",
    "+",
    "-",
    "+12",
    '=HYPERLINK("http://x","y")',
    "+٣٤٥٦",
]
PLAIN = ["+5511987654321", "+123", "5511987654321", "Anna", "", "a=b", "1-2", "(11) 98765", "'quoted", "No answer"]


@pytest.fixture
def scope(behind_acme, sales, care):
    return Scope.of(Grant.objects.create(tenant=behind_acme, sees_numbers=True))


@pytest.mark.parametrize("text", RUN)
def test_a_text_that_would_be_run_gets_an_apostrophe(text):
    assert safe(text) == f"'{text}"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Ana;=1+1", "Ana;'=1+1"),
        ('Ana; =HYPERLINK("x")', 'Ana;\' =HYPERLINK("x")'),
        ("Ana\t@SUM(A1)", "Ana\t'@SUM(A1)"),
        ("\t=1", "'\t'=1"),  # where its first sign ends a cell or a line, the formula begins one
        ("\r=1", "'\r'=1"),
        ("\n=1", "'\n'=1"),
        ("+5511987654321,=1", "'+5511987654321,'=1"),
        ('Ana;"=1+1"', 'Ana;\'"=1+1"'),
        ("Ana, +5511987654321; 11", "Ana, +5511987654321; 11"),
        ("a;b, c", "a;b, c"),
        ("+5511987654321 = Ana", "'+5511987654321 = Ana"),
        ("Ana;+5511987654321;+123;", "Ana;+5511987654321;+123;"),
        ("Ana,+5511987654321", "Ana,+5511987654321"),
        ("Ana\n+5511987654321\nRui", "Ana\n+5511987654321\nRui"),
        # What follows in such a cell, or in the next column, would make a formula of the number.
        ("Ana;+5511987654321", "Ana;'+5511987654321"),
        ("Ana\t+5511987654321", "Ana\t'+5511987654321"),
        ("Ana\n+5511987654321", "Ana\n'+5511987654321"),
        ("Ana;+123,*cmd|' /C calc'!A0;", "Ana;'+123,*cmd|' /C calc'!A0;"),
        ("Ana;+123 *SUM(A1);", "Ana;'+123 *SUM(A1);"),
        ("Ana,+123; &SUM(A1)", "Ana,'+123; &SUM(A1)"),
    ],
)
def test_a_formula_behind_a_separator_gets_an_apostrophe_too(text, kept):
    assert safe(text) == kept


NEIGHBOURS = ["x;+123", "x\t+123", "x;+123;", "+123", "*cmd|' /C calc'!A0", "4*cmd|'x'!A0;x", "&SUM(A1)", '"', ""]


@pytest.mark.parametrize("dialect", as_csv.DIALECTS)
def test_no_two_columns_make_a_formula_together(dialect):
    """Split at another sign, with or without its quotes, a line has cells made of the ends of columns."""
    columns = tuple(Column(key, key) for key in ("a", "b", "row"))
    rows = [(*texts, f"row{number}") for number, texts in enumerate(product(NEIGHBOURS, repeat=2))]
    text = "".join(as_csv.pieces(columns, rows, "UTC", dialect)).removeprefix("\ufeff")
    own = as_csv.DIALECTS[dialect].delimiter
    assert [tuple(cell.replace("'+", "+") for cell in row) for row in rows_of(text, delimiter=own)][1:] == rows
    for sign, quoting in product(";,\t", (csv.QUOTE_MINIMAL, csv.QUOTE_NONE)):
        for cell in chain.from_iterable(rows_of(text, delimiter=sign, quoting=quoting)):
            outside = re.sub(r'"[^"]*("|$)', "", cell)  # what is no text within the formula
            assert not (cell.lstrip()[:1] in ("+", "-", "=", "@") and re.search(r"[|(]", outside)), cell


@pytest.mark.parametrize("text", PLAIN)
def test_any_other_text_stays_as_it_is(text):
    assert safe(text) == text


def written(question, scope, **how):
    """The file that a job makes of it, and how many rows that says it has."""
    out = io.BytesIO()
    count = as_csv.write(calls_table(question, scope), out, **how).rows
    return out.getvalue().decode(), count


def rows_of(text, **how):
    return list(csv.reader(io.StringIO(text, newline=""), **how))


def test_the_file_has_the_rows_of_the_list(scope, sales, care):
    agent = factories.agent(sales, "a", name='=cmd|"x"!A1')
    for number in range(1_203):
        factories.call(
            (sales, care)[number % 2],
            f"c{number}",
            agent=agent if number % 4 == 0 else None,
            started_at=factories.TIME_ZERO + timedelta(minutes=number // 2),
            seconds=None if number % 3 == 0 else number / 8,
            status="failed" if number % 7 == 0 else "completed",
        )
    question = CallQuestion(date_from=date(2026, 7, 8), date_to=date(2026, 7, 8), zone="America/Sao_Paulo")
    text, count = written(question, scope)
    header, *rows = rows_of(text)
    keys = [key for key, *_ in CALLS]
    assert header == [column.key for column in call_columns()]
    expected = [str(key) for key in calls(question, scope).values_list("pk", flat=True)]
    assert [row[keys.index("id")] for row in rows] == expected
    assert count == len(expected) == 1_203
    listed, cursor = [], ""
    while True:
        found = page(question, scope, cursor=cursor, size=500)
        listed += found.rows
        cursor = found.next
        if not cursor:
            break
    for row, told in zip(rows, listed, strict=True):
        cells = dict(zip(keys, row, strict=True))
        assert datetime.fromisoformat(cells["started_at"]) == told["started_at"]
        assert cells["started_at"].endswith("-03:00")
        assert (float(cells["duration"]) if cells["duration"] else None) == told["duration"]
        assert cells["to_number"] == told["to_number"] == "+5511987654321"
        assert cells["agent_name"] == ("'" + told["agent_name"] if told["agent_name"] else "")
        assert cells["is_test"] == "false"
    assert "".join(stream_calls(question, scope)) == text
    assert len(list(stream_calls(question, scope))) > 2


def test_the_file_for_excel_in_portuguese(scope, sales):
    factories.call(sales, "c", seconds=61.25, started_at=datetime(2026, 7, 8, 15, tzinfo=UTC))
    with translation.override("pt-br"):
        text, count = written(CallQuestion(zone="Asia/Kathmandu"), scope, dialect="excel-pt")
    assert "".join(stream_calls(CallQuestion(zone="Asia/Kathmandu"), scope, dialect="excel-pt")) == text
    assert count == 1
    assert text.startswith("\ufeff")
    assert '"+5511987654321"' in text
    _header, row = rows_of(text[1:], delimiter=";")
    cells = dict(zip((key for key, *_ in CALLS), row, strict=True))
    assert cells["duration"] == "61,25"
    assert cells["started_at"] == "2026-07-08 20:45:00"
    assert (cells["status"], cells["direction"], cells["outcome"]) == ("concluída", "saída", "atendida")
    assert cells["is_test"] == "não"
    assert text.startswith('\ufeff"Início (Kathmandu)"')


def test_plain_csv_is_the_same_in_every_language(scope, sales):
    factories.call(sales, "c")
    english = written(CallQuestion(), scope)
    with translation.override("pt-br"):
        assert written(CallQuestion(), scope) == english
        assert "".join(stream_calls(CallQuestion(), scope)) == english[0]
    (row,) = csv.DictReader(io.StringIO(english[0]))
    assert (row["status"], row["outcome"], row["is_testing"]) == ("completed", "connected", "false")


def test_agents_of_one_name_are_told_apart_in_a_list(scope, sales, care):
    for home, key in ((sales, "a"), (care, "b"), (care, "c"), (care, "d")):
        name = "Ana" if key != "d" else "Rui"
        factories.call(home, f"call-{key}", agent=factories.agent(home, key, name=name))
    rows = csv.DictReader(io.StringIO("".join(stream_calls(CallQuestion(), scope))))
    assert sorted(row["agent_name"] for row in rows) == ["Ana · Care · b", "Ana · Care · c", "Ana · Sales", "Rui"]


def test_an_empty_file_has_its_header(scope, sales):
    text, count = written(CallQuestion(), scope)
    assert count == 0
    assert len(rows_of(text)) == 1


def test_numbers_that_may_not_be_seen_are_not_in_the_file(acme, sales):
    with wall.tenant(acme):
        scope = Scope.of(Grant.objects.create(tenant=acme))
        factories.call(sales, "c")
        text = "".join(stream_calls(CallQuestion(), scope))
    assert "987654321" not in text
    assert "4321" in text


@pytest.mark.parametrize("sign", ["\n", "\r\n", "\t", " \n", ";", "; ", ',"'])
def test_a_text_of_nothing_but_separators_costs_no_more_than_another(sign):
    """Whoever writes the text also chooses what it costs: a second is ages for some hundred thousand signs."""
    began = time.process_time()
    assert safe("a" + sign * 100_000) == "a" + sign * 100_000
    assert "'" in safe("a" + sign * 100_000 + "=1")[-6:-1]
    assert len(safe("a" + f"{sign}+123" * 50_000 + "\t+123;,+123" * 50_000)) > 100_000
    assert time.process_time() - began < 2

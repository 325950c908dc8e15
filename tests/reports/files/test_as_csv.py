"""CSV: the rows of the API's list, and no cell that a spreadsheet would run."""

import csv
import io
from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import translation

from portal.tenants import wall
from portal.tenants.models.grants import Grant
from reports.files.as_csv import COLUMNS, safe, stream_calls, write_calls
from reports.queries.calls import calls, page
from reports.queries.question import CallQuestion
from reports.scope import Scope
from tests import factories

RUN = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1",
    "\0=1",
    "\ufeff=1",
    "＝1",
    "＋1",
    "＠x",
    "+55 11 98765-4321",
    "+5511987654321,=1",
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


@pytest.mark.parametrize("text", PLAIN)
def test_any_other_text_stays_as_it_is(text):
    assert safe(text) == text


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
    out = io.StringIO()
    count = write_calls(question, scope, out)
    header, *rows = rows_of(out.getvalue())
    assert header == [str(label) for _, label in COLUMNS]
    expected = [str(key) for key in calls(question, scope).values_list("pk", flat=True)]
    assert [row[0] for row in rows] == expected
    assert count == len(expected) == 1_203
    listed, cursor = [], ""
    while True:
        found = page(question, scope, cursor=cursor, size=500)
        listed += found.rows
        cursor = found.next
        if not cursor:
            break
    for row, told in zip(rows, listed, strict=True):
        cells = dict(zip((key for key, _ in COLUMNS), row, strict=True))
        assert datetime.fromisoformat(cells["started_at"]) == told["started_at"]
        assert cells["started_at"].endswith("-03:00")
        assert (float(cells["duration"]) if cells["duration"] else None) == told["duration"]
        assert cells["to_number"] == told["to_number"] == "+5511987654321"
        assert cells["agent_name"] == ("'" + told["agent_name"] if told["agent_name"] else "")
        assert cells["is_test"] == "false"
    assert "".join(stream_calls(question, scope)) == out.getvalue()
    assert len(list(stream_calls(question, scope))) > 2


def test_the_file_for_excel_in_portuguese(scope, sales):
    factories.call(sales, "c", seconds=61.25, started_at=datetime(2026, 7, 8, 15, tzinfo=UTC))
    out = io.StringIO()
    with translation.override("pt-br"):
        assert write_calls(CallQuestion(zone="Asia/Kathmandu"), scope, out, dialect="excel-pt") == 1
    assert out.getvalue().startswith("\ufeff")
    _header, row = rows_of(out.getvalue()[1:], delimiter=";")
    cells = dict(zip((key for key, _ in COLUMNS), row, strict=True))
    assert cells["duration"] == "61,25"
    assert cells["started_at"] == "2026-07-08 20:45:00+05:45"


def test_an_empty_file_has_its_header(scope, sales):
    out = io.StringIO()
    assert write_calls(CallQuestion(), scope, out) == 0
    assert len(rows_of(out.getvalue())) == 1


def test_numbers_that_may_not_be_seen_are_not_in_the_file(acme, sales):
    with wall.tenant(acme):
        scope = Scope.of(Grant.objects.create(tenant=acme))
        factories.call(sales, "c")
        text = "".join(stream_calls(CallQuestion(), scope))
    assert "987654321" not in text
    assert "4321" in text

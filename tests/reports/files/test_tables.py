"""What a report's table says of itself: its money, its moment, and what it is compared with."""

import csv
import io
import zipfile
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest
from django.utils import translation

from reports.definitions.metrics import METRICS
from reports.definitions.periods import Period
from reports.files import as_csv, as_parquet, as_pdf, as_xlsx
from reports.files.about import about_rows
from reports.files.table import Column, Kind
from reports.files.tables import report_table
from reports.files.upright import upright
from reports.queries.ask import ask
from reports.queries.question import Question
from reports.queries.scope import Scope
from sync.models.agents import Agent
from sync.models.runs import Window
from tests import factories

DAY = date(2026, 7, 8)
NOW = datetime(2026, 7, 8, 18, tzinfo=UTC)


@pytest.fixture
def scope(behind_acme, sales) -> Scope:
    return Scope(behind_acme.pk, "America/Sao_Paulo", frozenset({sales.pk}))


def table(scope: Scope, *metrics: str):
    return report_table(Question(metrics, Period(DAY, DAY + timedelta(days=1), scope.zone)), scope, now=NOW)


def about(found) -> dict[str, str]:
    return {str(line[0]): str(line[1]) for line in about_rows(found, 1, ()) if len(line) > 1}


def test_money_names_its_currency_where_there_is_one(scope, sales) -> None:
    agents = [factories.agent(sales, key) for key in ("a", "b")]
    Agent.objects.update(price_per_minute=Decimal("0.5"), currency="BRL")
    factories.call(sales, "x", agent=agents[0])
    assert table(scope, "estimated_cost").columns[0].header == "Estimated cost (R$)"
    Agent.objects.filter(pk=agents[1].pk).update(currency="USD")
    assert table(scope, "estimated_cost").columns[0].header == "Estimated cost"


def test_the_moment_it_is_of_has_its_date_also_on_the_day_itself(scope, sales) -> None:
    for day in (DAY, DAY + timedelta(days=1)):
        Window.objects.create(
            tenant_id=sales.tenant_id, environment=sales, stream="calls", part=str(day), day=day, state="complete",
            read_at=datetime(2026, 7, 8, 17, 5, tzinfo=UTC), mirrored=0,
        )  # fmt: skip
    assert about(table(scope, "attempts"))["As of"] == "8 Jul 2026, 14:05"
    with translation.override("pt-br"):
        assert about(table(scope, "attempts"))["Dados de"] == "8 jul 2026, 14:05"


def test_a_period_before_that_is_not_whole_is_said_to_be(scope, sales) -> None:
    assert about(table(scope, "attempts"))["Compared with"].endswith(", which is not mirrored whole")


def test_programs_get_every_digit_and_people_the_rounded_figure(scope, sales) -> None:
    """4 of 14 calls connected, 602 seconds in all: 28.571428571428573 % and 10.0333 minutes, as in the API."""
    for number in range(14):
        status, seconds = ("completed", 150.5) if number < 4 else ("failed", 0)
        factories.call(sales, f"c{number}", status=status, seconds=seconds, started_at=NOW - timedelta(hours=1))
    asked = Question(("connect_rate", "talk_minutes"), Period(DAY, DAY + timedelta(days=1), scope.zone), compare=False)
    answer = ask(asked, scope, now=NOW)
    exact = {key: answer.totals[key].value for key in asked.metrics}
    assert exact == {"connect_rate": 200 / 7, "talk_minutes": pytest.approx(602 / 60)}

    def csv_row(dialect: str) -> dict[str, str]:
        out = io.BytesIO()
        as_csv.write(report_table(asked, scope, now=NOW), out, dialect=dialect)
        [row] = csv.DictReader(io.StringIO(out.getvalue().decode("utf-8-sig")), delimiter=";" if dialect else ",")
        return row

    plain, spoken, parquet = csv_row(""), csv_row("excel-pt"), io.BytesIO()
    as_parquet.write(report_table(asked, scope, now=NOW), parquet)
    [typed] = pq.read_table(parquet).to_pylist()
    assert {key: (float(plain[key]), typed[key]) for key in exact} == {key: (it, it) for key, it in exact.items()}
    assert {"28,6", "10"} <= set(spoken.values())
    whole = report_table(asked, scope, now=NOW)
    assert as_pdf.row_printer(whole.columns, [0, 3], ZoneInfo(scope.zone))(next(iter(whole.rows))) == ["28.6", "10.0"]


@pytest.mark.parametrize("turned", [False, True], ids=["as rows", "a line for each figure"])
def test_a_workbook_has_every_digit_and_shows_the_rounded_figure(scope, sales, turned: bool) -> None:
    for number in range(14):
        status, seconds = ("completed", 150.5) if number < 4 else ("failed", 0)
        factories.call(sales, f"c{number}", status=status, seconds=seconds, started_at=NOW - timedelta(hours=1))
    found = table(scope, "connect_rate", "talk_minutes", "attempts")
    out = io.BytesIO()
    as_xlsx.write(upright(found) if turned else found, out)
    shown = cells_of(out)
    assert [shown[value] for value in (200 / 7, 301 / 30, 14)] == ["#,##0.0", "#,##0.0", "#,##0"]


def test_a_pdf_has_the_chart_of_its_report(scope, sales) -> None:
    """Of three days: 2, 4 and no calls; and in a rate's line the day without any is a gap."""
    agent = factories.agent(sales, "a")
    for number in range(6):
        at = NOW - timedelta(days=2 if number < 2 else 1)
        status = "completed" if number % 2 else "failed"
        factories.call(sales, f"c{number}", agent=agent, status=status, started_at=at)
    days = Period(DAY - timedelta(days=2), DAY + timedelta(days=1), scope.zone)

    def drawn(*by: str, metric: str = "attempts"):
        return report_table(Question((metric,), days, by, compare=False), scope, now=NOW)

    chart = drawn("day").chart
    assert chart is not None
    assert (chart.title, chart.ticks[-1], chart.legend) == ("Attempts by day", (1.0, "4"), ())
    assert [(bar[2], bar[3]) for bar in chart.bars] == [(0, 0.5), (0, 1)]
    parted = drawn("day", "agent").chart
    assert parted is not None
    assert (parted.title, [top for *_bar, top, _colour in parted.bars]) == ("Attempts by day and agent", [0.5, 1])
    assert (drawn().chart, drawn("agent").chart, drawn("day", metric="connect_rate").chart) == (None, None, None)
    for language in ("en", "pt-br"):
        with translation.override(language):
            sizes = [len(printed(table)) for table in (drawn("day"), replace(drawn("day"), chart=None))]
        assert sizes[0] > sizes[1]


def printed(table) -> bytes:
    out = io.BytesIO()
    as_pdf.write(table, out)
    assert out.getvalue().startswith(b"%PDF")
    return out.getvalue()


@pytest.mark.parametrize("language", ["en", "pt-br"])
def test_no_heading_of_a_pdf_has_a_word_that_is_wider_than_its_column(language: str) -> None:
    with translation.override(language):
        for metric in METRICS.values():
            column = Column(metric.key, str(metric.label), Kind.PERCENT)
            longest = max(map(len, column.header.split()))
            assert as_pdf._weight(column, 0, [["8.0"]]) > longest * 1.2  # a bold letter is a fifth wider


def cells_of(workbook: io.BytesIO) -> dict[float, str]:
    """The numbers of the first sheet, each with the format that it is shown in."""
    name = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    with zipfile.ZipFile(workbook) as parts:
        styles = ElementTree.fromstring(parts.read("xl/styles.xml"))
        sheet = ElementTree.fromstring(parts.read("xl/worksheets/sheet1.xml"))
    codes = {"3": "#,##0", "4": "#,##0.00"} | {  # Excel has these two of its own
        each.attrib["numFmtId"]: each.attrib["formatCode"] for each in styles.iter(f"{name}numFmt")
    }
    [used] = styles.iter(f"{name}cellXfs")
    return {
        float(value.text or ""): codes.get(used[int(cell.attrib["s"])].attrib["numFmtId"], "")
        for cell in sheet.iter(f"{name}c")
        if (value := cell.find(f"{name}v")) is not None
    }


def test_units_are_words(scope, sales) -> None:
    with translation.override("pt-br"):
        units = [line[3] for line in about_rows(table(scope, "attempts", "estimated_cost"), 1, ()) if len(line) == 5]
    assert units == ["Unidade", "número", "moeda"]


def test_small_bases_are_flagged_on_both_sides(scope, sales) -> None:
    """One call of the day before, and twelve of the day: two of three rates are told, none is compared."""
    agent = factories.agent(sales, "a")
    at = datetime(2026, 7, 8, 15, tzinfo=UTC)
    for number in range(12):
        status = "completed" if number < 7 else "failed"
        factories.call(sales, f"now-{number}", agent=agent, status=status, seconds=10 + number, started_at=at)
    factories.call(sales, "before", agent=agent, status="failed", started_at=at - timedelta(days=7))

    found = table(scope, "connect_rate", "average_duration")
    cells = dict(zip((column.key for column in found.columns), next(iter(found.rows)), strict=True))
    assert cells == {
        "connect_rate": 700 / 12,
        "connect_rate_n": 12,
        "connect_rate_previous": 0,
        "connect_rate_change": 700 / 12,
        "connect_rate_previous_n": 1,
        "connect_rate_small": False,
        "connect_rate_previous_small": True,
        "average_duration": 13,
        "average_duration_n": 7,
        "average_duration_previous": None,
        "average_duration_change": None,
        "average_duration_previous_n": 0,
    }

    print_row = as_pdf.row_printer(found.columns, [0, 3], ZoneInfo(scope.zone))
    row = list(next(iter(found.rows)))
    assert print_row(row) == ["58.3", ""]
    row[5:7] = True, False
    assert print_row(row) == ["58.3\xa0*", ""]
    row[5:7] = False, False
    assert print_row(row) == ["58.3", "58.3"]

"""What a report's table says of itself: its money, its moment, and what it is compared with."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.utils import translation

from reports.definitions.periods import Period
from reports.files import as_pdf
from reports.files.about import about_rows
from reports.files.tables import report_table
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


def test_units_are_words(scope, sales) -> None:
    with translation.override("pt-br"):
        units = [line[3] for line in about_rows(table(scope, "attempts", "estimated_cost"), 1, ()) if len(line) == 5]
    assert units == ["Unidade", "número", "moeda"]


def test_small_bases_are_flagged_on_both_sides_and_figures_are_rounded(scope, sales) -> None:
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
        "connect_rate": 58.3,
        "connect_rate_n": 12,
        "connect_rate_previous": 0,
        "connect_rate_change": 58.3,
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

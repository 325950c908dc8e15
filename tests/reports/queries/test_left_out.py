"""Where a vendor does not tell what a figure is made of, the answer names its environments."""

from datetime import UTC, date, datetime

from django.utils import translation

from reports.definitions.metrics import METRICS
from reports.definitions.periods import Period
from reports.queries.ask import ask
from reports.queries.left_out import environments_left_out, left_out_lines, left_out_of
from reports.queries.question import Filters, Question
from reports.queries.scope import Scope
from tests import factories

WEEK = Period(date(2026, 7, 6), date(2026, 7, 13), "America/Sao_Paulo")
NOW = datetime(2026, 8, 20, tzinfo=UTC)


def test_an_answer_names_who_is_not_in_a_figure(behind_acme, sales, care) -> None:
    scope = Scope(behind_acme.pk, behind_acme.zone, frozenset({sales.pk, care.pk}))
    metrics = ("attempts", "callbacks_received", "callbacks_answered", "service_level")
    answer = ask(Question(metrics, WEEK), scope, now=NOW)
    assert answer.left_out == {
        "callbacks_received": ("Care",),
        "callbacks_answered": ("Care",),
        "service_level": ("Sales",),
    }
    with translation.override("en"):
        assert left_out_lines(answer) == (
            "Care is not in: Callbacks received, Callbacks answered",
            "Sales is not in: Service level, 20 s",
        )
        assert left_out_of(answer, "callbacks_received") == "Not in this figure: Care."
        assert left_out_of(answer, "attempts") == ""

    agent = factories.agent(sales, "a")
    one = Question(metrics, WEEK, filters=Filters(agents=(agent.public_id,)))
    assert ask(one, scope, now=NOW).left_out == {}


def test_what_nobody_tells_is_not_measurable_rather_than_left_out() -> None:
    assert environments_left_out([METRICS["callbacks_received"]], {"Care": "originsai"}) == {}

"""Who may not see numbers is told an area code only where it is that of many people."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
import time_machine

from reports.columns.refresh import refresh_tenant
from reports.definitions.periods import Period
from reports.queries.areas import LEAST_CONTACTS
from reports.queries.ask import ask
from reports.queries.calls.lists import calls
from reports.queries.question import CallQuestion, Filters, Question
from reports.queries.scope import Scope
from tests import factories

pytestmark = pytest.mark.django_db
NOW = factories.TIME_ZERO + timedelta(hours=2)
DAY = Period(date(2026, 7, 8), date(2026, 7, 9), "America/Sao_Paulo")


@pytest.fixture
def scope(behind_acme, sales, care) -> Scope:
    """São Paulo has enough contacts for anybody, Rio one too few, Porto Alegre enough only with both agents."""
    mine, other = factories.agent(sales, "mine"), factories.agent(sales, "other")
    with factories.at_once():
        for area, agents in (
            ("11", [mine] * LEAST_CONTACTS + [other]),
            ("21", [mine] * (LEAST_CONTACTS - 1)),
            ("51", [mine] * (LEAST_CONTACTS - 1) + [other]),
        ):
            for number, agent in enumerate(agents):
                factories.call(sales, f"{area}-{number}", agent=agent, to_number=f"+55{area}98765{number:04}")
        for again in range(LEAST_CONTACTS):  # one person's, however often he is called
            factories.call(sales, f"61-{again}", agent=mine, to_number="+5561987650000")
        factories.call(sales, "abroad", agent=mine, to_number="+14155550100")
    with time_machine.travel(NOW, tick=False):
        refresh_tenant()
        yield Scope(behind_acme.pk, "America/Sao_Paulo", frozenset({sales.pk, care.pk}))


def by_area(scope: Scope, **filters: object) -> dict[str | None, float | None]:
    question = Question(metrics=("attempts",), period=DAY, by=("area_code",), filters=Filters(**filters))
    return {row.key[0]: row.cells["attempts"].value for row in ask(question, scope, now=NOW).rows}


def listed(scope: Scope, *codes: str) -> int:
    return calls(CallQuestion(filters=Filters(area_codes=codes)), scope).count()


def test_who_sees_numbers_is_told_every_area(scope):
    seeing = replace(scope, sees_numbers=True)
    assert by_area(seeing) == {"11": 21, "21": 19, "51": 20, "61": 20, None: 1}
    assert [listed(seeing, code) for code in ("11", "21", "51", "61", "none")] == [21, 19, 20, 20, 1]


def test_an_area_of_few_contacts_is_told_as_other_numbers(scope):
    assert by_area(scope) == {"11": 21, "51": 20, None: 40}


def test_what_counts_is_the_contacts_of_the_agents_one_may_see(scope, sales):
    mine = replace(scope, agent_ids=frozenset({factories.agent(sales, "mine").pk}))
    assert by_area(mine) == {"11": 20, None: 19 + 19 + 20 + 1}


def test_a_filter_by_a_hidden_area_answers_as_for_one_that_is_not_there(scope):
    for code in ("21", "61", "92"):
        assert by_area(scope, area_codes=(code,)) == {}
        assert listed(scope, code) == 0
    assert listed(scope, "11", "21") == 21
    assert listed(scope, "none") == 40
    assert by_area(scope, area_codes=("none", "51")) == {"51": 20, None: 40}


def test_no_further_filter_brings_a_hidden_area_out(scope):
    """Groups are those of all that the reader may see, not of what is asked: answers held together tell no more."""
    assert by_area(scope, hours=(12,)) == {"11": 21, "51": 20, None: 40}
    assert by_area(scope, min_duration=1, statuses=("completed",)) == {"11": 21, "51": 20, None: 40}

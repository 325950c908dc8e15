"""What no vendor in question can measure is missing, never zero."""

from datetime import UTC, date, datetime

import pytest

from portal.tenants import wall
from reports.definitions.periods import Period
from reports.queries.ask import ask
from reports.queries.question import Filters, Question
from reports.queries.scope import Scope
from sync.models.campaigns import Campaign
from tests import factories

WEEK = Period(date(2026, 7, 6), date(2026, 7, 13), "UTC")
NOW = datetime(2026, 8, 1, tzinfo=UTC)
METRICS = ("attempts", "billed_minutes", "callbacks_received")


@pytest.mark.parametrize(
    ("vendor", "unmeasured"), [("talkover", "billed_minutes"), ("originsai", "callbacks_received")]
)
def test_an_agent_is_of_one_vendor(acme, sales, care, vendor, unmeasured) -> None:
    environment = sales if vendor == "talkover" else care
    with wall.tenant(acme):
        agents = {home: factories.agent(home) for home in (sales, care)}
        for home, agent in agents.items():
            factories.call(home, "a", agent=agent)
        whole = Scope(acme.pk, "UTC", frozenset({sales.pk, care.pk}))
        chosen = agents[environment]
        narrow = Scope(acme.pk, "UTC", whole.environment_ids, frozenset({chosen.pk}))
        named = Question(METRICS, WEEK, (), Filters(agents=(chosen.public_id,)))
        for question, scope in ((named, whole), (Question(METRICS, WEEK), narrow)):
            totals = ask(question, scope, now=NOW).totals
            assert totals["attempts"].value == 1
            assert totals[unmeasured].value is None
        assert ask(Question(METRICS, WEEK), whole, now=NOW).totals["billed_minutes"].value is not None


def test_campaigns_count_for_the_agents_that_are_asked_for_or_seen(acme, sales) -> None:
    with wall.tenant(acme):
        mine, other = factories.agent(sales, "mine"), factories.agent(sales, "other")
        for agent, completed in ((mine, 10), (other, 40)):
            Campaign.objects.create(
                tenant=acme, environment=sales, external_id=agent.external_id, agent=agent, total_calls=40,
                completed_calls=completed, payload="{}", changed_at=NOW,
            )  # fmt: skip
        whole = Scope(acme.pk, "UTC", frozenset({sales.pk}))
        narrow = Scope(acme.pk, "UTC", whole.environment_ids, frozenset({mine.pk}))
        named = Filters(agents=(mine.public_id,))
        for filters, scope, rate in ((named, whole, 25), (Filters(), narrow, 25), (Filters(), whole, 62.5)):
            question = Question(("campaign_success_rate",), WEEK, (), filters)
            assert ask(question, scope, now=NOW).totals["campaign_success_rate"].value == rate

"""Whose calls the returns answer, as a reader is told it who may not see all of those agents."""

from datetime import timedelta

from reports.columns.refresh import refresh_tenant
from reports.definitions.periods import Period
from reports.queries.callbacks.story import story
from reports.queries.question import Question
from reports.queries.scope import Scope
from tests import factories

NOON = factories.TIME_ZERO


def test_agents_out_of_sight_are_one_without_a_name(behind_acme, sales) -> None:
    dialled = ["mine", "other", "third"]
    dials = [factories.agent(sales, key, name=key) for key in dialled]
    takes = factories.agent(sales, "takes", direction="inbound", takes_callbacks=True, callback_sources=dialled)
    for place, agent in enumerate(dials):
        contact, at = f"+551198765432{place}", NOON + timedelta(minutes=place)
        factories.call(sales, f"out-{place}", agent=agent, to_number=contact, started_at=at, status="no-answer")
        factories.call(
            sales,
            f"in-{place}",
            agent=takes,
            direction="inbound",
            from_number=contact,
            started_at=at + timedelta(hours=1),
        )
    refresh_tenant()
    everything = Scope(behind_acme.pk, "UTC", frozenset({sales.pk}))
    some = Scope(behind_acme.pk, "UTC", frozenset({sales.pk}), frozenset({dials[0].pk, takes.pk}))
    day = Period(NOON.date(), NOON.date() + timedelta(days=1), "UTC")
    question, now = Question(("attempts",), day), NOON + timedelta(days=2)

    def told(scope: Scope) -> list[tuple[str, int]]:
        return [(source.name, source.returns) for source in story(question, scope, now=now).sources]

    assert told(everything) == [("mine", 1), ("other", 1), ("third", 1)]
    assert told(some) == [("", 2), ("mine", 1)]

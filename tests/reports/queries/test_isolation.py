"""Nothing of another tenant, environment or agent, whatever is asked."""

import inspect
from contextlib import suppress
from datetime import UTC, date, datetime
from uuid import uuid4

import pytest

from portal.tenants import wall
from portal.tenants.models.tenants import Environment
from portal.tenants.wall import ForeignTenant, NoTenant
from reports.definitions.periods import Period
from reports.queries import agents, ask, environments
from reports.queries.callbacks import vendor_days as callbacks
from reports.queries.calls import lists as calls
from reports.queries.completeness import freshness
from reports.queries.question import CallQuestion, Filters, Question
from reports.queries.scope import Scope
from sync.models.calls import Call
from tests import factories

WEEK = Period(date(2026, 7, 6), date(2026, 7, 13), "UTC")
ASKED = Question(("attempts", "unique_contacts", "peak_concurrency", "median_duration"), WEEK, ("environment",))
NOW = datetime(2026, 8, 1, tzinfo=UTC)

READERS = {
    "ask": lambda scope: [row.key for row in ask.ask(ASKED, scope, now=NOW).rows],
    "totals": lambda scope: [cell.value for cell in ask.ask(ASKED, scope, now=NOW).totals.values() if cell.value],
    "completeness": lambda scope: [n for n in [freshness.completeness(scope, WEEK, Filters(), now=NOW).mirrored] if n],
    "freshness": lambda scope: freshness.freshness(scope),
    "environments": lambda scope: list(environments.environments(scope)),
    "agents": lambda scope: list(agents.agents(scope)),
    "callback_days": lambda scope: list(callbacks.callback_days(scope, None, None)),
    "calls": lambda scope: list(calls.calls(CallQuestion(), scope)),
    "page": lambda scope: calls.page(CallQuestion(), scope).rows,
}


@pytest.fixture
def filled(acme, globex, sales, foreign):
    for environment in (sales, foreign):
        with wall.tenant(environment.tenant_id):
            factories.call(environment, "a", agent=factories.agent(environment))


@pytest.mark.parametrize("reader", READERS)
def test_without_environments_nothing_is_seen(acme, filled, reader):
    with wall.tenant(acme):
        assert READERS[reader](Scope(acme.pk, "UTC", frozenset())) == []


@pytest.mark.parametrize("reader", READERS)
def test_environments_of_another_tenant_are_never_seen(acme, foreign, filled, reader):
    with wall.tenant(acme):
        assert READERS[reader](Scope(acme.pk, "UTC", frozenset({foreign.pk}))) == []


@pytest.mark.parametrize("reader", READERS)
def test_a_scope_of_another_tenant_stops_at_the_wall(acme, globex, foreign, filled, reader):
    scope = Scope(globex.pk, "UTC", frozenset({foreign.pk}))
    with wall.tenant(acme), suppress(ForeignTenant):
        assert READERS[reader](scope) == []
    with pytest.raises(NoTenant):
        READERS[reader](scope)


def test_agents_beyond_the_scope_are_not_seen(acme, sales, filled):
    with wall.tenant(acme):
        other = factories.agent(sales, "other")
        scope = Scope(acme.pk, "UTC", frozenset({sales.pk}), frozenset({other.pk}))
        assert calls.page(CallQuestion(), scope).rows == []
        assert ask.ask(ASKED, scope, now=NOW).totals["attempts"].value == 0
        assert list(agents.agents(scope)) == [other]


def test_foreign_ids_are_as_absent_ones(acme, globex, sales, foreign, filled):
    scope = Scope(acme.pk, "UTC", frozenset({sales.pk}))
    with wall.tenant(globex):
        call, agent = Call.objects.get(), factories.agent(foreign)
    with wall.tenant(acme):
        for environment_id, agent_id in ((foreign.public_id, agent.public_id), (uuid4(), uuid4())):
            for filters in (Filters(environments=(environment_id,)), Filters(agents=(agent_id,))):
                answer = ask.ask(Question(("attempts",), WEEK, ("day",), filters), scope, now=NOW)
                assert [row.cells["attempts"].value for row in answer.rows] == [0] * 7
                assert not calls.calls(CallQuestion(filters=filters), scope).exists()
            with pytest.raises(Environment.DoesNotExist):
                environments.environment(environment_id, scope)
            assert not agents.agents(scope, [environment_id]).exists()
        for pk in (call.pk, uuid4()):
            with pytest.raises(Call.DoesNotExist):
                calls.call(pk, scope)


# Looks at words alone, or at rows that were asked for.
NO_QUERIES = {
    agents.by_environment,
    agents.told_apart,
    agents.what_tells_apart,
    agents.one_currency,
    ask.compares,
}


def test_every_query_takes_a_scope():
    for module in (agents, ask, callbacks, calls, environments, freshness):
        for name, function in vars(module).items():
            if inspect.isfunction(function) and function.__module__ == module.__name__ and not name.startswith("_"):
                if function in NO_QUERIES:
                    continue
                assert {"scope", "selector"} & set(inspect.signature(function).parameters), f"{module.__name__}.{name}"

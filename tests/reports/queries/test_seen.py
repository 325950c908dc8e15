"""The door to the mirror: each table gives a reader the rows of his environments and agents, and column files too."""

import pytest

from portal.tenants import wall
from portal.tenants.models.tenants import Environment
from reports.columns.engine import Statement
from reports.columns.refresh import refresh_tenant
from reports.columns.sources import sources
from reports.definitions.periods import utc_date
from reports.queries.run import Turns
from reports.queries.scope import Scope
from reports.queries.seen import seen, seen_in_files
from sync.models.agents import Agent
from sync.models.callbacks import CallbackDay
from sync.models.calls import Call, Payload, Unplaced
from sync.models.runs import Window
from tests import factories

NOON = factories.TIME_ZERO


@pytest.fixture
def scope(behind_acme, sales, care) -> Scope:
    """Of two environments; in each an agent of one's own and another's have a call, and something that is no call's."""
    for environment in (sales, care):
        for key in ("mine", "other"):
            agent = factories.agent(environment, key)
            factories.call(environment, f"{key}-1", agent=agent, raw=f'"{key}"')
            fields = {"agent_key": key, "raw": key, "digest": key.encode(), "first_seen_at": NOON}
            Unplaced.objects.create(tenant_id=environment.tenant_id, environment=environment, **fields)
        CallbackDay.objects.create(
            tenant_id=environment.tenant_id, environment=environment, day=utc_date(NOON), received=5, answered=3,
            unmatched=1, payload="{}", digest=b"0" * 16, changed_at=NOON,
        )  # fmt: skip
    refresh_tenant()
    return Scope(behind_acme.pk, "UTC", frozenset({sales.pk, care.pk}))


@pytest.fixture
def narrow(scope) -> Scope:
    mine = frozenset(Agent.objects.filter(external_id="mine").values_list("pk", flat=True))
    return Scope(scope.tenant_id, scope.zone, scope.environment_ids, mine)


def test_each_table_gives_the_rows_of_the_readers_agents(scope, narrow) -> None:
    for model, name in ((Agent, "external_id"), (Call, "external_id"), (Payload, "raw"), (Unplaced, "raw")):
        told = sorted(seen(model, narrow).values_list(name, flat=True))
        assert len(told) == 2, model
        assert all("mine" in text for text in told), model
        assert seen(model, scope).count() == 4, model


def test_what_is_named_narrows_and_never_widens(scope, narrow, sales, care, foreign) -> None:
    other = Agent.objects.get(environment=sales, external_id="other").pk
    assert seen(Call, narrow, [sales.pk]).get().agent.external_id == "mine"
    assert not seen(Call, narrow, agents=[other]).exists()
    assert not seen(Call, narrow, agents=()).exists()
    assert not seen(Call, narrow, [foreign.pk]).exists()
    nobody = Scope(scope.tenant_id, scope.zone, scope.environment_ids, frozenset())
    assert not seen(Call, nobody).exists()
    assert not seen(Call, nobody, agents=[other]).exists()
    assert seen(Call, narrow.whatever_agent(), [sales.pk]).count() == 2


def test_sums_of_all_agents_are_for_who_sees_all_and_ledgers_for_everybody(scope, narrow) -> None:
    assert CallbackDay.objects.exists()
    assert set(seen(CallbackDay, scope)) == set(CallbackDay.objects.all())
    assert not seen(CallbackDay, narrow).exists()
    assert set(seen(Environment, narrow)) == set(seen(Environment, scope))
    assert list(seen(Window, narrow)) == list(seen(Window, scope))


def test_another_companys_scope_finds_the_wall(scope, globex) -> None:
    with pytest.raises(wall.WallError):
        seen(Call, Scope(globex.pk, "UTC", frozenset()))


def test_column_files_are_narrowed_where_they_are_read(scope, narrow, sales, care) -> None:
    day = utc_date(NOON)
    found = sources({sales.pk: sales, care.pk: care}, day, day)

    def agents(reader: Scope, *homes: int) -> set[int]:
        run = Turns(reader)
        try:
            calls = seen_in_files(found, reader, homes, NOON, NOON.replace(hour=23), NOON)
            return {agent for (agent,) in run(Statement(f"SELECT agent FROM {calls}"))}
        finally:
            run.close()

    assert agents(narrow, sales.pk, care.pk) == narrow.agent_ids
    assert len(agents(scope, sales.pk, care.pk)) == 4
    assert len(agents(narrow, care.pk)) == 1
    assert agents(narrow.only(care.pk), sales.pk) == set()

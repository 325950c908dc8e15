"""The one door to the mirror: whoever asks for rows of it brings a scope, and is given what that leaves.

No other module of the queries comes to a table or to column files (a wall's test looks), so none can be written that
forgets whose eyes it reads for. What is added to the rows given here only narrows them further.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import Exists, OuterRef, Q, QuerySet

from portal.tenants import wall
from portal.tenants.base import TenantModel
from portal.tenants.models.tenants import Environment
from reports.columns.sources import Sources
from reports.definitions.conditions import numbers_among
from reports.queries.scope import Scope
from sync.models.agents import Agent
from sync.models.callbacks import CallbackDay
from sync.models.calls import Call, Payload, Unplaced
from sync.models.campaigns import Campaign, CampaignCall, CampaignDay
from sync.models.changes import CallChange
from sync.models.lines import Line
from sync.models.runs import Window

M = TypeVar("M", bound=TenantModel)

# Where a row of a table says whose agent's it is.
_AGENT: dict[type[TenantModel], str] = {
    Agent: "pk",
    Call: "agent_id",
    CallChange: "call__agent_id",
    Campaign: "agent_id",
    CampaignCall: "campaign__agent_id",
    CampaignDay: "campaign__agent_id",
    Payload: "call__agent_id",
}
_OF_NO_AGENT = (Environment, Line, Window)  # tell of an environment, and nothing of what its agents did
_OF_ALL_AGENTS = (CallbackDay,)  # sums of all agents: not for who may see some alone


def seen(
    model: type[M],
    scope: Scope,
    environments: Iterable[int] | None = None,
    *,
    agents: Collection[int] | None = None,
) -> QuerySet[M]:
    """The rows of a table that the reader may see; of some of his environments and agents, where these are named.

    The wall of the scope's tenant must be open. An environment or agent that is not his has no rows.
    """
    wall.demand(scope.tenant_id)
    homes = scope.environment_ids if environments is None else scope.environment_ids & frozenset(environments)
    named = None if agents is None else frozenset(agents)
    mine = named if scope.agent_ids is None else scope.agent_ids if named is None else scope.agent_ids & named
    rows: QuerySet[M] = model.objects.filter(_among("pk" if model is Environment else "environment_id", homes))
    return rows if mine is None else rows.filter(_of_agents(model, mine, scope))


def about_calls(scope: Scope) -> Q:
    """That what has a ``call`` is about one that the reader may see."""
    wall.demand(scope.tenant_id)
    homes = _among("call__environment_id", scope.environment_ids)
    return homes if scope.agent_ids is None else homes & _among("call__agent_id", scope.agent_ids)


def of_the_company(model: type[M], scope: Scope) -> QuerySet[M]:
    """Every row of the reader's company: to look up what is then asked of rows that are :func:`seen`."""
    wall.demand(scope.tenant_id)
    rows: QuerySet[M] = model.objects.all()
    return rows


def seen_in_files(
    sources: Sources, scope: Scope, environments: Collection[int], start: datetime, end: datetime, now: datetime
) -> str:
    """As :func:`seen`, the calls of column files on the days that touch ``[start, end)``, as SQL to select from; see
    ``Sources.relation``.
    """
    relation = sources.relation(scope.environment_ids & frozenset(environments), start, end, now)
    if scope.agent_ids is None:
        return relation
    return f"(SELECT * FROM {relation} WHERE {numbers_among('agent', scope.agent_ids).sql})"


def _of_agents(model: type[TenantModel], mine: frozenset[int], scope: Scope) -> Q:
    """Raises KeyError for a table of which nobody has said whose its rows are."""
    if model in _OF_NO_AGENT:
        return Q()
    if model in _OF_ALL_AGENTS:
        return Q(pk__in=())
    if model is Unplaced:  # knows its agent by the vendor's id alone
        home: dict[str, Any] = {"environment_id": OuterRef("environment_id"), "external_id": OuterRef("agent_key")}
        return Q(Exists(seen(Agent, scope, agents=mine).filter(**home)))
    return _among(_AGENT[model], mine)


def _among(name: str, keys: Collection[int]) -> Q:
    """One key alone as an equation, by which a database walks its index in order."""
    return Q(**{name: next(iter(keys))}) if len(keys) == 1 else Q(**{f"{name}__in": sorted(keys)})

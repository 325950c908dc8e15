"""The agents a reader may see."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery

from reports.queries.scope import Scope
from reports.queries.seen import seen
from sync.models.agents import Agent
from sync.models.calls import Call

APART = " · "  # between the name of an agent and its environment, where another agent has that name too


def agents(scope: Scope, environments: Collection[UUID] = ()) -> QuerySet[Agent]:
    """By name, each with its environment; of some environments if these are named. A foreign environment has none."""
    rows = seen(Agent, scope)
    if environments:
        rows = rows.filter(environment__public_id__in=environments)
    return rows.select_related("environment").order_by("name", "external_id", "pk")


def first_calls(scope: Scope) -> dict[int, datetime]:
    """When the first call of each agent began, by its key; of agents with calls alone. One query, a look into the index
    for each agent.
    """
    earliest = seen(Call, scope).filter(environment_id=OuterRef("environment_id"), agent_id=OuterRef("pk"))
    first = Subquery(earliest.order_by("started_at").values("started_at")[:1])
    rows = agents(scope).order_by().annotate(first_call=first).values_list("pk", "first_call")
    return {pk: began for pk, began in rows if began is not None}


@dataclass(frozen=True, slots=True)
class Offered:
    """An agent to choose under the name of its environment: with the vendor's id where another there has its name."""

    public_id: UUID
    name: str

    def __str__(self) -> str:
        return self.name


def by_environment(rows: Iterable[Agent]) -> list[tuple[str, list[Offered]]]:
    """Agents by name under their environments, whose name is empty where there is only one; ``rows`` have theirs."""
    rows = sorted(rows, key=lambda row: (row.environment.name.casefold(), row.environment_id, str(row).casefold()))
    twins = Counter((row.environment_id, str(row)) for row in rows)
    groups: dict[int, tuple[str, list[Offered]]] = {}
    for row in rows:
        more = f"{APART}{row.external_id}" if twins[row.environment_id, str(row)] > 1 else ""
        _home, offered = groups.setdefault(row.environment_id, (row.environment.name, []))
        offered.append(Offered(row.public_id, f"{row}{more}"))
    return list(groups.values()) if len(groups) > 1 else [("", offered) for _home, offered in groups.values()]


def one_currency(rows: Iterable[Agent]) -> str:
    """The one currency of the agents' list prices; empty where there are several or none."""
    currencies = {agent.currency for agent in rows if agent.price_per_minute is not None}
    return currencies.pop() if len(currencies) == 1 else ""


def callback_cover(scope: Scope) -> frozenset[tuple[int, str]]:
    """The agents whose unanswered calls a callback agent takes when people ring back: environment and vendor's id.

    All callback agents of the environments count, also those a reader of some agents may not see: nothing is told of
    them but that they cover.
    """
    takes = seen(Agent, scope.whatever_agent()).filter(takes_callbacks=True, missing_since=None)
    rows = takes.values_list("environment_id", "callback_sources")
    return frozenset((environment, str(source)) for environment, sources in rows for source in sources or ())


def told_apart(
    agents: Mapping[int, tuple[str, str, int, str]], environments: Mapping[int, str], seen: Collection[int] | None
) -> dict[int, tuple[str, str]]:
    """Public id and name of each agent, from its id, name, environment and vendor's id: with the environment's name
    after its own where another agent of those ``seen`` (None for all) shares that, and the vendor's id too where both
    are of one environment. ``environments`` are their names.
    """
    mine = [row for pk, row in agents.items() if seen is None or pk in seen]
    shared, at_home = Counter(row[1] for row in mine), Counter(row[1:3] for row in mine)

    def apart(name: str, home: int, external_id: str) -> str:
        if shared[name] < 2:
            return name
        more = f"{APART}{external_id}" if at_home[name, home] > 1 else ""
        return f"{name}{APART}{environments[home]}{more}"

    return {
        pk: (public_id, apart(name, home, external_id)) for pk, (public_id, name, home, external_id) in agents.items()
    }


def what_tells_apart(rows: Iterable[Agent]) -> dict[str, str]:
    """By public id what stands after the name of an agent that shares it with another of ``rows``, which are all that a
    reader sees, with their environments: see :func:`told_apart`."""
    rows = list(rows)
    named = {row.pk: (str(row.public_id), str(row), row.environment_id, row.external_id) for row in rows}
    told = told_apart(named, {row.environment_id: row.environment.name for row in rows}, None)
    return {public_id: name.removeprefix(str(row)) for row, (public_id, name) in zip(rows, told.values(), strict=True)}

"""Which agents take whose callbacks, and within which hours: what the join of the callback loop goes by."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet

from portal.tenants.models.tenants import Environment
from reports.bundle import Bundle, Got, Later, unfolded
from reports.queries.scope import Scope
from reports.queries.seen import seen
from sync.models.agents import Agent
from sync.providers.registry import facts_of
from sync.taxonomy import Fact

AGENT_COLUMNS = ("pk", "environment_id", "external_id", "takes_callbacks", "callback_sources")


@dataclass(frozen=True, slots=True)
class Routes:
    """``sources`` maps an agent that takes callbacks to those whose callbacks it takes, by key. ``environments`` are
    those whose callback roles are known at all."""

    hours: int = 0
    environments: frozenset[int] = frozenset()
    sources: Mapping[int, frozenset[int]] = field(default_factory=dict)
    homes: Mapping[int, int] = field(default_factory=dict)  # the environment of an agent that takes callbacks

    @property
    def window(self) -> timedelta:
        return timedelta(hours=self.hours)

    @property
    def takers(self) -> frozenset[int]:
        """The agents that take callbacks."""
        return frozenset(self.sources)

    @property
    def covered(self) -> frozenset[int]:
        """The agents whose callbacks somebody takes."""
        return frozenset().union(*self.sources.values())

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Each agent that takes callbacks with each whose callbacks it takes."""
        return [(taker, source) for taker, sources in sorted(self.sources.items()) for source in sorted(sources)]


def able_environments(environments: Iterable[Environment]) -> dict[int, Environment]:
    return {row.pk: row for row in environments if Fact.CALLBACK_ROUTES in facts_of(row.provider)}


def callback_window(environments: Iterable[Environment]) -> timedelta:
    """The tenant's hours within which a call answers an attempt."""
    return timedelta(hours=next((row.tenant.callback_hours for row in environments), 0))


def routing(able: Iterable[int], scope: Scope) -> QuerySet[Agent]:
    """The agents of some environments: all of them, since calls answer those of agents whom the reader may not see."""
    return seen(Agent, scope.whatever_agent(), able)


def ask_routes(bundle: Bundle, environments: Iterable[Environment], scope: Scope) -> Later[Routes]:
    """As :func:`routes_of`, asked for beside other things."""
    able = able_environments(environments)
    got = bundle.add(routing(able, scope), *AGENT_COLUMNS) if able else Got()
    return lambda: routes_from(able, ((*row[:-1], unfolded(row[-1])) for row in got.rows))


def routes_of(environments: Collection[Environment], scope: Scope) -> Routes:
    """Today's routes of those of the environments whose callbacks can be told. One query, and one for the tenant."""
    able = able_environments(environments)
    if not able:
        return Routes()
    return routes_from(able, routing(able, scope).values_list(*AGENT_COLUMNS))


def routes_from(able: Mapping[int, Environment], agents: Iterable[Sequence[Any]]) -> Routes:
    """As :func:`routes_of`, from :data:`AGENT_COLUMNS` of the environments' agents."""
    keys: dict[tuple[int, str], int] = {}
    taking: list[tuple[int, int, list[str]]] = []
    for pk, environment, key, takes, sources in agents:
        keys[environment, key] = pk
        if takes:
            taking.append((pk, environment, sources or []))
    sources_of, homes = {}, {}
    for pk, environment, sources in taking:
        known = (keys.get((environment, str(source))) for source in sources)
        sources_of[pk] = frozenset(source for source in known if source is not None)
        homes[pk] = environment
    hours = next((row.tenant.callback_hours for row in able.values()), 0)
    return Routes(hours, frozenset(able), sources_of, homes)

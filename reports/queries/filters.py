"""From scope and filters to the calls they leave: the one place where a reader's limits meet the tables."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Replace

from portal.lib.phones import digits
from portal.tenants import wall
from portal.tenants.models.tenants import Environment
from reports.queries.question import Filters
from reports.scope import Scope
from sync.models.agents import Agent
from sync.models.calls import Call

_PUNCTUATION = "+ -().\u00a0/"


@dataclass(frozen=True, slots=True)
class Reach:
    """Scope and filters together, looked up once. ``agent_ids`` is None when agents are not restricted."""

    scope: Scope
    filters: Filters
    environments: dict[int, Environment]
    agent_ids: frozenset[int] | None

    @property
    def providers(self) -> dict[int, str]:
        return {key: environment.provider for key, environment in self.environments.items()}

    @property
    def empty(self) -> bool:
        return not self.environments or self.agent_ids == frozenset()

    @property
    def beyond_rollups(self) -> bool:
        """Whether a filter asks for what only the calls themselves know."""
        chosen = self.filters
        return (
            bool(chosen.number)
            or chosen.min_duration is not None
            or chosen.max_duration is not None
            or chosen.testing != "exclude"
        )

    @property
    def whole_environments(self) -> bool:
        """Whether every call of the environments counts: only then may the vendor's own totals stand beside them."""
        chosen = self.filters
        return (
            self.agent_ids is None
            and not (chosen.statuses or chosen.direction or chosen.number)
            and chosen.min_duration is None
            and chosen.max_duration is None
            and chosen.testing != "only"
        )

    def calls(self, environments: Iterable[int] | None = None) -> QuerySet[Call]:
        """The calls of some of the environments, all by default, that the filters leave; no period yet."""
        keys = sorted(self.environments if environments is None else environments)
        rows: QuerySet[Call] = Call.objects.filter(environment_id__in=keys)
        if len(keys) == 1:  # an equation lets the database walk its index in order
            rows = Call.objects.filter(environment_id=keys[0])
        if self.agent_ids is not None:
            rows = rows.filter(agent_id__in=sorted(self.agent_ids))
        return self._filtered(rows)

    def _filtered(self, rows: QuerySet[Call]) -> QuerySet[Call]:
        chosen = self.filters
        if chosen.testing != "include":
            rows = rows.filter(is_test=chosen.testing == "only")
        if chosen.statuses:
            rows = rows.filter(status__in=chosen.statuses)
        if chosen.direction:
            rows = rows.filter(direction=chosen.direction)
        if chosen.min_duration is not None:
            rows = rows.filter(duration_ms__gte=round(chosen.min_duration * 1000))
        if chosen.max_duration is not None:
            rows = rows.filter(duration_ms__lte=round(chosen.max_duration * 1000))
        if chosen.number:
            rows = self._numbered(rows)
        return rows

    def _numbered(self, rows: QuerySet[Call]) -> QuerySet[Call]:
        # Who may not see numbers may still ask for one he knows whole, never feel his way along one.
        match = self.filters.number_match if self.scope.sees_numbers else "exact"
        lookup = {"contains": "contains", "begins": "startswith", "ends": "endswith", "exact": "exact"}[match]
        wanted = digits(self.filters.number)
        if not wanted:
            return rows.none()
        rows = rows.alias(from_digits=_digits("from_number"), to_digits=_digits("to_number"))
        either = Q(**{f"from_digits__{lookup}": wanted}) | Q(**{f"to_digits__{lookup}": wanted})
        return rows.filter(either | Q(contact=wanted) if match == "exact" else either)


def _digits(column: str) -> Any:
    """A number's column without its punctuation. Of a SIP address only the contact's digits can be matched, exactly."""
    text: Any = F(column)
    for character in _PUNCTUATION:
        text = Replace(text, Value(character), Value(""))
    return text


def resolve(filters: Filters, scope: Scope) -> Reach:
    """Look up what the filters name within the scope. Foreign and absent ids alike leave nothing.

    The wall of the scope's tenant must be open.
    """
    wall.demand(scope.tenant_id)
    rows = Environment.objects.filter(tenant_id=scope.tenant_id, id__in=scope.environment_ids)
    if filters.environments:
        rows = rows.filter(public_id__in=filters.environments)
    environments = {row.pk: row for row in rows}
    agent_ids = scope.agent_ids
    if filters.agents:
        agents = Agent.objects.filter(environment_id__in=environments, public_id__in=filters.agents)
        chosen = frozenset(agents.values_list("pk", flat=True))
        agent_ids = chosen if agent_ids is None else agent_ids & chosen
    return Reach(scope, filters, environments, agent_ids)


def within(rows: QuerySet[Call], start: datetime, end: datetime) -> QuerySet[Call]:
    return rows.filter(started_at__gte=start, started_at__lt=end)

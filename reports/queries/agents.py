"""The agents a reader may see."""

from uuid import UUID

from django.db.models import QuerySet

from portal.tenants import wall
from reports.scope import Scope
from sync.models.agents import Agent


def agents(scope: Scope, environment: UUID | None = None) -> QuerySet[Agent]:
    """By name, each with its environment; of one environment if one is named. A foreign environment has none."""
    wall.demand(scope.tenant_id)
    rows: QuerySet[Agent] = Agent.objects.filter(environment_id__in=scope.environment_ids)
    if scope.agent_ids is not None:
        rows = rows.filter(pk__in=scope.agent_ids)
    if environment is not None:
        rows = rows.filter(environment__public_id=environment)
    return rows.select_related("environment").order_by("name", "external_id", "pk")

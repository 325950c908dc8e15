"""From a scope to what was said of the calls in it."""

from collections.abc import Iterable
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import QuerySet

from portal.tenants import wall
from portal.tenants.base import TenantModel
from reports.queries.scope import Scope

M = TypeVar("M", bound=TenantModel)


def of_calls(model: type[M], call_ids: Iterable[UUID | str], scope: Scope) -> QuerySet[M]:
    """The remarks about some calls, of those that the scope holds. The wall of its tenant must be open."""
    wall.demand(scope.tenant_id)
    limits: dict[str, Any] = {"call_id__in": list(call_ids), "call__environment_id__in": scope.environment_ids}
    if scope.agent_ids is not None:
        limits["call__agent_id__in"] = scope.agent_ids
    return model.objects.filter(**limits)

"""The environments a reader may see."""

from uuid import UUID

from django.db.models import QuerySet

from portal.tenants import wall
from portal.tenants.models.tenants import Environment
from reports.queries.scope import Scope


def environments(scope: Scope) -> QuerySet[Environment]:
    """By name, each with its tenant."""
    wall.demand(scope.tenant_id)
    rows: QuerySet[Environment] = Environment.objects.filter(tenant_id=scope.tenant_id, id__in=scope.environment_ids)
    return rows.select_related("tenant").order_by("name", "id")


def environment(public_id: UUID | str, scope: Scope) -> Environment:
    """Raises Environment.DoesNotExist for an absent and for a foreign id alike."""
    try:
        wanted = UUID(str(public_id))
    except ValueError:
        raise Environment.DoesNotExist from None
    return environments(scope).get(public_id=wanted)

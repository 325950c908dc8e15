"""The environments a reader may see."""

from uuid import UUID

from django.db.models import QuerySet

from portal.tenants.models.tenants import Environment
from reports.queries.scope import Scope
from reports.queries.seen import seen


def environments(scope: Scope) -> QuerySet[Environment]:
    """By name, each with its tenant."""
    return seen(Environment, scope).select_related("tenant").order_by("name", "id")


def environment(public_id: UUID | str, scope: Scope) -> Environment:
    """Raises Environment.DoesNotExist for an absent and for a foreign id alike."""
    try:
        wanted = UUID(str(public_id))
    except ValueError:
        raise Environment.DoesNotExist from None
    return environments(scope).get(public_id=wanted)

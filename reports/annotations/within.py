"""From a scope to what was said of the calls in it."""

from collections.abc import Iterable
from typing import TypeVar
from uuid import UUID

from django.db.models import QuerySet

from portal.tenants.base import TenantModel
from reports.queries.scope import Scope
from reports.queries.seen import about_calls

M = TypeVar("M", bound=TenantModel)


def of_calls(model: type[M], call_ids: Iterable[UUID | str], scope: Scope) -> QuerySet[M]:
    """The remarks about some calls, of those that the scope holds. The wall of its tenant must be open."""
    return model.objects.filter(about_calls(scope), call_id__in=list(call_ids))

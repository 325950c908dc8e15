"""What of a tenant a file shows, and whether its asker may still see as much.

The rows of a file are taken under the rights its asker has then. A file outlives them, so they are compared again each
time it is handed out: who may see less than the file shows does not get it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils import timezone

from portal.tenants.models.tenants import Tenant
from portal.tenants.standing import standing_member
from reports.definitions.filters import Filters
from reports.files.models import Export
from reports.queries.scope import Scope
from reports.queries.selector import resolve


class Withdrawn(Exception):
    """The asker may not see this any more."""


def scope_of(export: Export) -> Scope:
    """What the asker of an export may see now, and of that what a schedule was granted; raises Withdrawn where the
    asker sees nothing. The wall must be open."""
    scope = _askers(export)
    return scope if export.grant is None else scope.within(Scope.of(export.grant))


def _askers(export: Export) -> Scope:
    if not Tenant.objects.filter(pk=export.tenant_id, active=True).exists():
        raise Withdrawn
    key = export.key
    if key is not None:
        if not key.stands(timezone.now()):
            raise Withdrawn
        scope = Scope.of(key.grant)
        return scope if key.environment_id is None else scope.only(key.environment_id)
    member = standing_member(export.user_id)
    if member is None:
        raise Withdrawn
    return Scope.of(member.grant)


def shown(filters: Filters, scope: Scope) -> dict[str, Any]:
    """What a file with these filters shows of the tenant, to be kept with it."""
    selector = resolve(filters, scope)
    return {
        "environments": sorted(selector.environments),
        "agents": None if selector.agent_ids is None else sorted(selector.agent_ids),
        "numbers": scope.sees_numbers,
    }


def together(several: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """What a file of several tables shows: all that one of them does."""
    several = list(several)
    agents = [each["agents"] for each in several]
    return {
        "environments": sorted({one for each in several for one in each["environments"]}),
        "agents": None if None in agents else sorted({one for some in agents for one in some}),
        "numbers": any(each["numbers"] for each in several),
    }


def covers(scope: Scope, rights: Mapping[str, Any]) -> bool:
    """Whether a reader may see all that was shown."""
    if not rights:
        return False
    agents = rights["agents"]
    return (
        scope.environment_ids.issuperset(rights["environments"])
        and (scope.agent_ids is None or (agents is not None and scope.agent_ids.issuperset(agents)))
        and (scope.sees_numbers or not rights["numbers"])
    )

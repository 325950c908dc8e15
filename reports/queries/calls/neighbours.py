"""The calls around one with the same contact."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from portal.tenants.models.tenants import Environment
from reports.definitions.measures import outcome
from reports.queries.scope import Scope
from reports.queries.seen import seen
from sync.models.calls import Call

EACH_WAY = 5


@dataclass(frozen=True, slots=True)
class Contacted:
    """Another call of the same contact."""

    id: str
    direction: str
    status: str
    outcome: str
    started_at: datetime
    duration: float | None
    agent_name: str
    environment_name: str
    is_test: bool


@dataclass(frozen=True, slots=True)
class Around:
    """Calls of one contact, in the order of time. ``more_*``: whether there are others beyond."""

    before: Sequence[Contacted] = ()
    after: Sequence[Contacted] = ()
    more_before: bool = False
    more_after: bool = False


def around(public_id: str, scope: Scope) -> Around:
    """The calls before and after one with the same contact, over agents and environments. Four queries.

    The caller has looked that the reader may see the call.
    """
    digits, at = seen(Call, scope).filter(pk=public_id).values_list("contact", "started_at").get()
    if not digits:
        return Around()
    homes = {row.pk: row for row in seen(Environment, scope)}
    providers = {key: row.provider for key, row in homes.items()}
    rows = seen(Call, scope).filter(contact=digits).select_related("agent")
    rows = rows.annotate(result=outcome(providers, timezone.now()))
    key = UUID(public_id)
    earlier = Q(started_at__lt=at) | Q(started_at=at, id__lt=key)
    later = Q(started_at__gt=at) | Q(started_at=at, id__gt=key)
    before = list(rows.filter(earlier).order_by("-started_at", "-id")[: EACH_WAY + 1])
    after = list(rows.filter(later).order_by("started_at", "id")[: EACH_WAY + 1])
    return Around(
        before=[_contacted(row, homes) for row in before[:EACH_WAY]][::-1],
        after=[_contacted(row, homes) for row in after[:EACH_WAY]],
        more_before=len(before) > EACH_WAY,
        more_after=len(after) > EACH_WAY,
    )


def _contacted(row: Any, homes: dict[int, Environment]) -> Contacted:
    return Contacted(
        id=str(row.pk),
        direction=row.direction,
        status=row.status,
        outcome=row.result,
        started_at=row.started_at,
        duration=None if row.duration_ms is None else row.duration_ms / 1000,
        agent_name=str(row.agent) if row.agent else "",
        environment_name=homes[row.environment_id].name,
        is_test=row.is_test,
    )

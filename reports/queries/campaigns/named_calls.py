"""The calls that campaigns name. The vendor links them by its own id of a call, within one environment."""

from collections import defaultdict
from collections.abc import Iterable
from functools import reduce
from operator import or_
from uuid import UUID

from django.db.models import Q, QuerySet

from reports.queries.scope import Scope
from reports.queries.seen import seen
from sync.models.calls import Call
from sync.models.campaigns import Campaign, CampaignCall


def seen_campaigns(scope: Scope) -> QuerySet[Campaign]:
    """The campaigns of a scope. Who may see some agents only sees the campaigns of these."""
    return seen(Campaign, scope)


def of_campaigns(rows: QuerySet[Call], campaigns: Iterable[UUID], scope: Scope) -> QuerySet[Call]:
    """Those of ``rows`` that any of the campaigns names; foreign and absent campaigns name none. One query."""
    homes: defaultdict[int, list[int]] = defaultdict(list)
    for campaign, environment in (
        seen_campaigns(scope).filter(public_id__in=list(campaigns)).values_list("pk", "environment_id")
    ):
        homes[environment].append(campaign)
    conditions = [named_by(members, environment, scope) for environment, members in homes.items()]
    return rows.filter(reduce(or_, conditions)) if conditions else rows.none()


def named_by(campaigns: Iterable[int], environment: int, scope: Scope) -> Q:
    """As a list of ids rather than as a question about each call: so the index of ids finds the few among the many."""
    keys = seen(CampaignCall, scope, [environment]).filter(campaign_id__in=list(campaigns))
    return Q(environment_id=environment, external_id__in=keys.values("call_key"))

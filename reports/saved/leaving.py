"""What members kept who are members no more: their own goes, and what they share is the company's from then on.

Read from rows, so that it does not matter by which way somebody left. Safe in any number of copies, at any time.
"""

from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from portal.audit.record import record
from portal.tenants import wall
from portal.tenants.models.people import Membership
from portal.tenants.models.tenants import Tenant
from reports.saved.keeping import take_away
from reports.saved.models import Board, DefaultView, SavedView


def sweep() -> int:
    """One pass over all tenants; how many rows went or lost their owner."""
    done = 0
    for tenant in Tenant.objects.all():
        with wall.tenant(tenant), transaction.atomic():
            done += _look_through(tenant)
    return done


def _look_through(tenant: Tenant) -> int:
    gone = stayed = 0
    kept: tuple[QuerySet[Any], ...] = (Board.objects.all(), SavedView.objects.all())
    for rows in kept:
        here = Membership.objects.filter(user_id=OuterRef("owner_id"))
        left = rows.exclude(owner=None).exclude(Exists(here))
        for row in left.filter(shared=False):
            take_away(row)
            gone += 1
        stayed += left.filter(shared=True).update(owner=None)
    DefaultView.objects.exclude(Exists(Membership.objects.filter(user_id=OuterRef("member_id")))).delete()
    if gone or stayed:
        record("member.left_behind", tenant_id=tenant.pk, user=None, about={"deleted": gone, "shared": stayed})
    return gone + stayed

"""How many numbers a reader may look up in a day: a row for each reader and day, which no two processes overspend."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from portal.privacy.models import LookUps
from portal.privacy.tombstones import hashes_of
from portal.tenants.models.tenants import Tenant


@dataclass(frozen=True, slots=True)
class Budget:
    """What is left of a day after a number was asked for. ``is_new`` says whether it counted for the first time."""

    used: int
    most: int
    allowed: bool = True
    is_new: bool = False

    @property
    def left(self) -> int:
        return max(0, self.most - self.used)


def today(tenant: Tenant) -> date:
    return timezone.now().astimezone(tenant.tzinfo).date()


def seconds_left(tenant: Tenant) -> int:
    """Until the company's day is over."""
    tomorrow = today(tenant) + timedelta(days=1)
    over = datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=tenant.tzinfo)
    return max(1, int((over - timezone.now()).total_seconds()))


def budget_of(tenant: Tenant, grant_id: int) -> Budget:
    row = LookUps.objects.filter(tenant_id=tenant.pk, grant_id=grant_id, day=today(tenant)).first()
    return Budget(len(row.numbers) if row else 0, settings.LOOK_UPS_PER_DAY)


def spend(tenant: Tenant, grant_id: int, contact: str) -> Budget:
    """Ask for a number. The same one again on the same day is free. The wall of the tenant must be open."""
    day, most = today(tenant), settings.LOOK_UPS_PER_DAY
    digest = hashes_of(tenant.pk, [contact])[0][0]
    of_grant = LookUps.objects.filter(tenant_id=tenant.pk, grant_id=grant_id)
    with transaction.atomic():
        LookUps.objects.get_or_create(tenant_id=tenant.pk, grant_id=grant_id, day=day)
        row = of_grant.select_for_update(of=("self",)).get(day=day)
        used = len(row.numbers)
        if digest in row.numbers:
            return Budget(used, most)
        if used >= most:
            return Budget(used, most, allowed=False)
        of_grant.filter(pk=row.pk).update(numbers=[*row.numbers, digest])
        of_grant.filter(day__lt=day).delete()
    return Budget(used + 1, most, is_new=True)

"""Erasing and exporting persons, and taking away what was kept long enough. Rows are the truth, and are swept."""

from typing import Any

from celery import shared_task
from celery.contrib.django.task import DjangoTask

from portal.tenants import wall
from portal.tenants.models.tenants import Tenant
from portal.tenants.tasks import TenantTask
from portal.work import hints
from reports.privacy import erasing, exporting
from reports.privacy.retention import nightly
from reports.privacy.retention.space import give_back

QUEUE = "files"  # where long work goes


@shared_task(base=TenantTask)
def erase(tenant_id: int, erasure_id: int, **_: Any) -> None:
    """Do what is left of one erasure."""
    erasing.work(erasure_id)


@shared_task(base=TenantTask, soft_time_limit=4 * 3600, time_limit=4 * 3600 + 300)
def export(tenant_id: int, export_id: int, **_: Any) -> None:
    """Make the file of one person's data."""
    exporting.make(export_id)


@shared_task(base=DjangoTask)
def sweep_persons_exports(**_: Any) -> int:
    """Hint at what waits; how many hints went out."""
    owed = []
    for tenant in Tenant.objects.filter(active=True):
        with wall.tenant(tenant):
            owed += [(tenant.pk, export_id) for export_id in exporting.waiting()]
    return sum(hint_export(*pair) for pair in owed)


@shared_task(base=DjangoTask)
def sweep_erasures(**_: Any) -> int:
    """Compare rows with files and do what is owed; how many were done."""
    return erasing.sweep()


def hint(tenant_id: int, erasure_id: int) -> bool:
    """Tell the workers; False when the broker takes nothing, and then the sweep will find the row."""
    return hints.hint(erase, tenant_id, erasure_id, queue=QUEUE, expires=300)


@shared_task(base=TenantTask)
def retain(tenant_id: int, **_: Any) -> None:
    """A turn at what is due of one tenant."""
    done = [nightly.work(rule_id) for rule_id in nightly.in_order(nightly.due())]
    if any(done):
        give_back()


@shared_task(base=DjangoTask)
def sweep_retention(**_: Any) -> int:
    """Hint the workers at every tenant with something due; how many there are."""
    with wall.every_tenant("what was kept long enough"):
        tenants = sorted(set(nightly.due().values_list("tenant_id", flat=True)))
    for tenant_id in tenants:
        if not hints.hint(retain, tenant_id, queue=QUEUE, expires=290):
            break
    return len(tenants)


def hint_export(tenant_id: int, export_id: int) -> bool:
    """As :func:`hint`, of an export."""
    return hints.hint(export, tenant_id, export_id, queue=QUEUE, expires=55)

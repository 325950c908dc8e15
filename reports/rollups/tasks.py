"""Tasks of the rollups: hints only. What is to be counted stands in the rows of DirtyDay and CountedDay."""

import time
from typing import Any

from celery import shared_task
from celery.contrib.django.task import DjangoTask

from portal.tenants.models.tenants import Tenant
from portal.tenants.tasks import TenantTask
from portal.work.hints import hint
from reports.rollups.refresh import refresh_dirty

TURN = 60.0  # seconds


@shared_task(base=DjangoTask, max_retries=3, default_retry_delay=5)
def refresh_all(**_: Any) -> None:
    """Hint the workers at every tenant. A broker that is away loses nothing: the next tick hints again."""
    for tenant_id in Tenant.objects.filter(active=True).values_list("pk", flat=True):
        if not hint(refresh_tenant, tenant_id, expires=240):
            return


@shared_task(base=TenantTask)
def refresh_tenant(tenant_id: int, **_: Any) -> None:
    """Count what is dirty or newly settled, for a while; then other tenants have their turn before the rest."""
    began = time.monotonic()
    refresh_dirty(TURN)
    if time.monotonic() - began > TURN:
        hint(refresh_tenant, tenant_id, expires=240)

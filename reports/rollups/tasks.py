"""Tasks of the rollups: hints only. What is to be counted stands in the rows of DirtyDay and CountedDay."""

import logging
from typing import Any

from celery import shared_task
from celery.contrib.django.task import DjangoTask
from kombu.exceptions import OperationalError

from portal.tenants.models.tenants import Tenant
from portal.tenants.tasks import TenantTask
from reports.rollups.refresh import refresh_dirty

logger = logging.getLogger("ringbook.rollups")


@shared_task(base=DjangoTask, max_retries=3, default_retry_delay=5)
def refresh_all(**_: Any) -> None:
    """Hint the workers at every tenant. A broker that is away loses nothing: the next tick hints again."""
    try:
        for tenant_id in Tenant.objects.filter(active=True).values_list("pk", flat=True):
            refresh_tenant.apply_async((tenant_id,), expires=240)
    except OperationalError:
        logger.warning("the broker cannot be reached; the next tick tries again")


@shared_task(base=TenantTask)
def refresh_tenant(tenant_id: int, **_: Any) -> None:
    """Count what is dirty or newly settled."""
    refresh_dirty()

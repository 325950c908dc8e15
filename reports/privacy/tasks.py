"""Erasing in the background. Rows are the truth; what a worker leaves is found by the sweep."""

from typing import Any

from celery import shared_task
from celery.contrib.django.task import DjangoTask

from portal.tenants.tasks import TenantTask
from portal.work import hints
from reports.privacy import erasing

QUEUE = "files"  # where long work goes


@shared_task(base=TenantTask)
def erase(tenant_id: int, erasure_id: int, **_: Any) -> None:
    """Do what is left of one erasure."""
    erasing.work(erasure_id)


@shared_task(base=DjangoTask)
def sweep_erasures(**_: Any) -> int:
    """Compare rows with files and do what is owed; how many were done."""
    return erasing.sweep()


def hint(tenant_id: int, erasure_id: int) -> bool:
    """Tell the workers; False when the broker takes nothing, and then the sweep will find the row."""
    return hints.hint(erase, tenant_id, erasure_id, queue=QUEUE, expires=300)

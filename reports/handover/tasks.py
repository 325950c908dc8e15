"""Handing over in the background: beat ticks, what is due becomes rows, and each row is a task of its own."""

from typing import Any

from celery import shared_task
from celery.contrib.django.task import DjangoTask
from django.utils import timezone

from portal.tenants import wall
from portal.tenants.tasks import TenantTask
from portal.work.hints import hint
from reports.files.tasks import hint as hint_at_file
from reports.handover import rows, work


@shared_task(base=DjangoTask)
def look_at_schedules(**_: Any) -> None:
    """One tick: what is due becomes handovers, and each that waits is hinted at."""
    now = timezone.now()
    for tenant_id in rows.tenants_with_work(now):
        with wall.tenant(tenant_id):
            rows.open_due(now)
    for tenant_id, handover_id in rows.waiting():
        if not enqueue_handover(tenant_id, handover_id):
            return  # the rows wait for the next tick


# As long as making a file may take: a large one is as long on its way. The repeat of a message finds the row claimed.
@shared_task(base=TenantTask, soft_time_limit=4 * 3600, time_limit=4 * 3600 + 300)
def hand_over(tenant_id: int, handover_id: int, **_: Any) -> None:
    work.step(handover_id, timezone.now(), hint_at_file)


def enqueue_handover(tenant_id: int, handover_id: int) -> bool:
    """Tell the workers of a handover; False when the broker takes nothing, and then the next tick finds the row."""
    return hint(hand_over, tenant_id, handover_id, queue="files", expires=55)

"""Sending in the background: beat ticks, each tenant's mails are made in a task of their own."""

from typing import Any

from celery import shared_task
from celery.contrib.django.task import DjangoTask
from django.utils import timezone

from portal.outbox.tasks import enqueue
from portal.tenants import wall
from portal.tenants.tasks import TenantTask
from portal.work.hints import hint
from reports.mail import deliveries, lost, send

QUEUE = "mail"


@shared_task(base=DjangoTask)
def send_reports(**_: Any) -> None:
    """One tick: a task for each tenant that has a mail due or waiting."""
    now = timezone.now()
    with wall.every_tenant("mails that would come too late"):
        deliveries.put_right(now)
    for tenant_id in deliveries.tenants_with_work(now):
        if not hint(send_tenant_reports, tenant_id, queue=QUEUE, expires=55):
            return  # the rows wait for the next tick


@shared_task(base=TenantTask)
def send_tenant_reports(tenant_id: int, **_: Any) -> None:
    send.send_tenant(timezone.now(), enqueue)


@shared_task(base=DjangoTask)
def tell_of_lost(**_: Any) -> None:
    lost.watch()

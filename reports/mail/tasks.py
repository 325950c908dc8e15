"""Sending in the background: beat ticks, each tenant's mails are made in a task of their own."""

import logging
from typing import Any

from celery import shared_task
from celery.contrib.django.task import DjangoTask
from django.utils import timezone
from kombu.exceptions import OperationalError

from portal.outbox.models import State
from portal.outbox.tasks import enqueue
from portal.tenants.tasks import TenantTask
from reports.mail import deliveries, send

QUEUE = "reports"
logger = logging.getLogger("ringbook.mail")


@shared_task(base=DjangoTask)
def send_reports(**_: Any) -> None:
    """One tick: a task for each tenant that has a mail due or waiting."""
    for tenant_id in deliveries.tenants_with_work(timezone.now()):
        try:
            send_tenant_reports.apply_async((tenant_id,), queue=QUEUE, expires=55)
        except (OperationalError, OSError) as error:  # the rows wait for the next tick
            logger.warning("the broker takes no messages: %s", type(error).__name__)
            return


@shared_task(base=TenantTask)
def send_tenant_reports(tenant_id: int, **_: Any) -> None:
    send.send_tenant(timezone.now(), _enqueue)


def _enqueue(tenant_id: int, message_id: int) -> str:
    enqueue(tenant_id, message_id)
    return State.PENDING

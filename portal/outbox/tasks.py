"""Sending in the background. Rows are the truth; a lost task is issued again by the sweep."""

from typing import Any

from celery import shared_task
from celery.contrib.django.task import DjangoTask

from portal.outbox import post, rounds
from portal.outbox.models import PlatformMessage
from portal.tenants import wall
from portal.tenants.tasks import TenantTask
from portal.work.hints import hint

QUEUE = "outbox"


@shared_task(base=TenantTask)
def deliver_message(tenant_id: int, message_id: int, **_: Any) -> None:
    """Send what waits of the tenant, this message among it, over one connection. What is left after a short while is
    for another task: no company's ten thousand keep the others waiting."""
    if post.is_there(message_id) and (left := rounds.go_round()) is not None:
        enqueue(tenant_id, left)


def enqueue(tenant_id: int, message_id: int) -> bool:
    """Have a message sent soon; False when the broker takes nothing, and then the sweep will find the row."""
    return hint(deliver_message, tenant_id, message_id, queue=QUEUE, expires=50)


@shared_task(base=DjangoTask)
def deliver_platform_message(message_id: int, **_: Any) -> None:
    post.deliver(message_id, PlatformMessage)


def enqueue_platform(message_id: int) -> bool:
    """As :func:`enqueue`, for the platform's own: in a queue that takes turns with that of reports."""
    return hint(deliver_platform_message, message_id, queue="default", expires=50)


@shared_task(base=DjangoTask)
def sweep_outbox(**_: Any) -> int:
    """Settles what died in the act and issues again what is overdue; how many were issued. Safe in any number of
    copies at once."""
    post.settle_lost(PlatformMessage)
    post.prune_platform()
    issued = 0
    for message_id in post.overdue_of_platform():
        if not enqueue_platform(message_id):
            return issued
        issued += 1
    with wall.every_tenant("the sweep of the outbox"):
        post.settle_lost()
        waiting = post.overdue()
    for tenant_id, message_id in waiting:
        if not enqueue(tenant_id, message_id):
            break
        issued += 1
    return issued

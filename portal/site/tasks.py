"""The heartbeat, which proves that a queue is served, and the look at what is wrong."""

from typing import Any

from celery import shared_task
from celery.contrib.django.task import DjangoTask
from celery.signals import worker_ready
from django.utils import timezone

from portal.site import alarms, watchdog
from portal.site.models import Heartbeat


@shared_task(base=DjangoTask, name="runtime.heartbeat", max_retries=0)
def heartbeat(queue: str, **_: Any) -> None:
    Heartbeat.objects.update_or_create(queue=queue, defaults={"at": timezone.now()})


@shared_task(base=DjangoTask, name="runtime.watch", max_retries=0)
def watch(**_: Any) -> None:
    """Tell administrators of what has become wrong, and of what is over, and the world outside when all is well."""
    if alarms.watch() == 0:
        watchdog.ping()


@worker_ready.connect
def beat_at_once(sender: Any, **_: Any) -> None:
    """A worker that has just started shows its queues now, not at beat's next minute."""
    for queue in sender.app.amqp.queues.consume_from:
        heartbeat.apply_async(args=(queue,), queue=queue, expires=55)

"""The heartbeat: proof that a queue is served."""

from typing import Any

from celery import shared_task
from celery.contrib.django.task import DjangoTask
from celery.signals import worker_ready
from django.utils import timezone

from portal.site.models import Heartbeat


@shared_task(base=DjangoTask, name="runtime.heartbeat", max_retries=0)
def heartbeat(queue: str, **_: Any) -> None:
    Heartbeat.objects.update_or_create(queue=queue, defaults={"at": timezone.now()})


@worker_ready.connect
def beat_at_once(sender: Any, **_: Any) -> None:
    """A worker that has just started shows its queues now, not at beat's next minute."""
    for queue in sender.app.amqp.queues.consume_from:
        heartbeat.apply_async(args=(queue,), queue=queue, expires=55)

"""The sweep of what members kept who have left. Rows are the truth, so a tick that is lost loses nothing."""

from typing import Any

from celery import shared_task
from celery.contrib.django.task import DjangoTask

from reports.saved import leaving


@shared_task(base=DjangoTask)
def sweep_left_behind(**_: Any) -> int:
    """How many rows went or lost their owner."""
    return leaving.sweep()

"""The Celery application. Beat only ticks; what is due is read from the database."""

import os
from typing import Any

from celery import Celery
from celery.signals import worker_init
from django.conf import settings
from kombu import Queue

from portal.database_limits import WORKERS, use
from portal.site.schedules import QUEUES
from portal.site.schedules import SCHEDULE as SITE
from reports.schedules import SCHEDULE as REPORTS
from sync.schedules import schedule as sync_schedule

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")


@worker_init.connect
def keep_limits(**_: Any) -> None:
    """Have a worker keep its limits at the database: before its processes are forked, so that all of them do."""
    use(WORKERS)


app = Celery("ringbook")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.task_queues = [Queue(name) for name in QUEUES]
app.conf.beat_schedule = {**SITE, **sync_schedule(settings.READING_HASTE), **REPORTS}
app.conf.beat_scheduler = "portal.site.ticking:SteadyScheduler"
app.autodiscover_tasks()

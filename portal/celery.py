"""The Celery application. Beat only ticks; what is due is read from the database."""

import os

from celery import Celery
from kombu import Queue

from portal.runtime.schedules import QUEUES
from portal.runtime.schedules import SCHEDULE as RUNTIME
from reports.schedules import SCHEDULE as REPORTS
from sync.schedules import SCHEDULE as SYNC

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

app = Celery("ringbook")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.task_queues = [Queue(name) for name in QUEUES]
app.conf.beat_schedule = {**RUNTIME, **SYNC, **REPORTS}
app.autodiscover_tasks()

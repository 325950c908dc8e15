"""The runtime's app. Loading it loads Celery's application, so that every process publishes to the right broker."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from portal.celery import app as celery_app

__all__ = ["RuntimeConfig", "celery_app"]


class RuntimeConfig(AppConfig):
    name = "portal.runtime"
    label = "runtime"
    verbose_name = _("Operation")

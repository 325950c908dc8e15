"""The roof's app. Loading it loads Celery's application, so that every process publishes to the right broker."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from portal.site.celery import app as celery_app

__all__ = ["SiteConfig", "celery_app"]


class SiteConfig(AppConfig):
    name = "portal.site"
    label = "runtime"
    verbose_name = _("Operation")

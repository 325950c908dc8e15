"""The roof's app. Loading it loads Celery's application, so that every process publishes to the right broker."""

from typing import Any

from django.apps import AppConfig
from django.core.checks import Warning as CheckWarning
from django.core.checks import register
from django.utils.translation import gettext_lazy as _

from portal import dotenv
from portal.site.celery import app as celery_app

__all__ = ["SiteConfig", "celery_app"]


class SiteConfig(AppConfig):
    name = "portal.site"
    label = "runtime"
    verbose_name = _("Operation")


@register()
def check_names_of_settings(**_: Any) -> list[CheckWarning]:
    return [CheckWarning(sentence, id="ringbook.W001") for sentence in dotenv.misspelled()]

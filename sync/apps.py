from django.apps import AppConfig
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from sync import windows


class SyncConfig(AppConfig):
    name = "sync"
    label = "sync"
    verbose_name = _("Mirror")

    def ready(self) -> None:
        if settings.READING_HASTE > 1:
            windows.hasten(settings.READING_HASTE)

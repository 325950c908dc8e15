from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class HandoverConfig(AppConfig):
    name = "reports.handover"
    label = "reports_handover"
    verbose_name = _("Exports on a schedule")

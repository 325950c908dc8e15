from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RemarksConfig(AppConfig):
    name = "reports.annotations"
    label = "reports_remarks"
    verbose_name = _("notes and flags")

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SavedConfig(AppConfig):
    name = "reports.saved"
    label = "reports_saved"
    verbose_name = _("saved reports")

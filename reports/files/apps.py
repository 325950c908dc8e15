from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class FilesConfig(AppConfig):
    name = "reports.files"
    label = "reports_files"
    verbose_name = _("Exports")

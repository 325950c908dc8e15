from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ColumnsConfig(AppConfig):
    name = "reports.columns"
    label = "reports_columns"
    verbose_name = _("Column files")

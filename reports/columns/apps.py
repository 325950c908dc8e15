from django.apps import AppConfig


class ColumnsConfig(AppConfig):
    name = "reports.columns"
    label = "reports_columns"

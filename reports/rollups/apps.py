from django.apps import AppConfig


class RollupsConfig(AppConfig):
    name = "reports.rollups"
    label = "reports_rollups"

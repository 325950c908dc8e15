from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "reports.web"
    label = "reports_web"

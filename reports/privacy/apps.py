from django.apps import AppConfig


class PersonsConfig(AppConfig):
    name = "reports.privacy"
    label = "reports_privacy"

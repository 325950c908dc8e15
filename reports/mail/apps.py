from django.apps import AppConfig


class MailConfig(AppConfig):
    name = "reports.mail"
    label = "reports_mail"

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MailConfig(AppConfig):
    name = "reports.mail"
    label = "reports_mail"
    verbose_name = _("Scheduled mail")

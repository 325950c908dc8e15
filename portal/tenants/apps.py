from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from portal.tenants import row_security


class TenantsConfig(AppConfig):
    name = "portal.tenants"
    label = "tenants"
    verbose_name = _("Tenants")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        row_security.install()

"""What of a tenant's data somebody may see: the one source of every Scope."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.tenants.base import TenantModel
from portal.tenants.models.tenants import Environment


class Grant(TenantModel):
    """Held by a member, an API key or a mail recipient alike.

    ``agent_keys`` are vendor-side agent ids (``Agent.external_id``); an empty list means every agent of the granted
    environments. The floor does not know the mirror, so they are text here and are matched in ``reports.scope``.
    """

    all_environments = models.BooleanField(_("all environments"), default=True)
    environments = models.ManyToManyField(Environment, blank=True, related_name="+", verbose_name=_("environments"))
    agent_keys = models.JSONField(_("agents"), default=list, blank=True)
    sees_numbers = models.BooleanField(_("sees full numbers"), default=False)

    class Meta(TenantModel.Meta):
        verbose_name = _("grant")
        verbose_name_plural = _("grants")

    def __str__(self) -> str:
        return str(_("all environments") if self.all_environments else _("chosen environments"))

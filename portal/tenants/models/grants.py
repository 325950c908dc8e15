"""What of a tenant's data somebody may see: the one source of every Scope."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.tenants import wall
from portal.tenants.base import TenantModel, WalledManager, WalledQuerySet
from portal.tenants.models.tenants import Environment


class Grant(TenantModel):
    """Held by a member, an API key or a mail recipient alike.

    ``agent_keys`` are vendor-side agent ids (``Agent.external_id``); an empty list means every agent of the granted
    environments. The floor does not know the mirror, so they are text here, matched in ``reports.queries.scope``.
    """

    all_environments = models.BooleanField(_("all environments"), default=True)
    environments = models.ManyToManyField(
        Environment, blank=True, related_name="+", verbose_name=_("environments"), through="GrantEnvironment"
    )
    agent_keys = models.JSONField(_("agents"), default=list, blank=True)
    sees_numbers = models.BooleanField(_("sees full numbers"), default=False)
    looks_up = models.BooleanField(_("may look up numbers"), default=False)

    class Meta(TenantModel.Meta):
        verbose_name = _("grant")
        verbose_name_plural = _("grants")

    def __str__(self) -> str:
        return str(_("all environments") if self.all_environments else _("chosen environments"))


def opened(grant: Grant) -> models.QuerySet[Environment]:
    """The environments that a grant opens; the wall of its tenant must be open."""
    return Environment.objects.all() if grant.all_environments else grant.environments.all()


class GrantEnvironments(WalledQuerySet["GrantEnvironment"]):
    def bulk_create(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> list[Any]:
        """``grant.environments.set(...)`` ends here with bare ids: they take the grant's tenant, and it is checked."""
        rows = list(objs)
        grants = dict(Grant.objects.filter(pk__in={row.grant_id for row in rows}).values_list("pk", "tenant_id"))
        owners = Environment.objects.filter(pk__in={row.environment_id for row in rows}).values_list("pk", "tenant_id")
        environments = dict(owners)
        for row in rows:
            row.tenant_id = grants.get(row.grant_id)
            if row.tenant_id is None or environments.get(row.environment_id) != row.tenant_id:
                raise wall.ForeignTenant("A grant opens environments of its own tenant only.")
        return super().bulk_create(rows, *args, **kwargs)


class GrantEnvironment(TenantModel):
    """That a grant opens an environment. A table of its own, so that it stands behind the wall as well."""

    grant = models.ForeignKey(Grant, on_delete=models.CASCADE, related_name="+")
    environment = models.ForeignKey(
        Environment, on_delete=models.CASCADE, related_name="+", verbose_name=_("environment")
    )

    objects: ClassVar[Any] = WalledManager.of(GrantEnvironments)

    class Meta(TenantModel.Meta):
        verbose_name = _("granted environment")
        verbose_name_plural = _("granted environments")
        constraints = (
            models.UniqueConstraint(fields=("tenant", "grant", "environment"), name="tenants_grantenvironment_pair"),
        )

    def __str__(self) -> str:
        return str(self.environment)

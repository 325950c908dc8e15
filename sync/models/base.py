"""The base of mirrored rows: they hang on an environment."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.tenants.base import TenantModel
from portal.tenants.models.tenants import Environment


class EnvironmentModel(TenantModel):
    environment = models.ForeignKey(
        Environment, on_delete=models.PROTECT, related_name="+", verbose_name=_("environment"), db_index=False
    )

    class Meta(TenantModel.Meta):
        abstract = True


class BulkModel(EnvironmentModel):
    """A table that millions of rows are copied into. Its keys carry no database constraint.

    A constraint would fire one look-up for each key and row, several times the cost of the copy itself. The one writer
    (``sync.mirror``) sets the keys from rows it holds, and ``PROTECT`` still guards deletion through the models.
    """

    tenant = models.ForeignKey(
        "tenants.Tenant",
        on_delete=models.CASCADE,
        related_name="+",
        editable=False,
        db_index=False,
        db_constraint=False,
    )
    environment = models.ForeignKey(
        Environment,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("environment"),
        db_index=False,
        db_constraint=False,
    )

    class Meta(EnvironmentModel.Meta):
        abstract = True

"""Which column files count. The files themselves are derived and immutable: see ``schema``, ``files``, ``refresh``."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from sync.models.base import EnvironmentModel


class ColumnFile(EnvironmentModel):
    """A file of all calls that began on the UTC days from ``first_day`` to ``last_day``, both included.

    Files of one environment that are not retired never overlap. A retired one is kept for readers that began before.
    """

    first_day = models.DateField(_("first day"))
    last_day = models.DateField(_("last day"))
    rows = models.IntegerField(_("calls"))
    bytes = models.BigIntegerField(_("bytes"))
    digest = models.CharField(_("SHA-256"), max_length=64)
    rules = models.CharField(_("rules"), max_length=32)  # that its columns were made by, see ``schema.rules_of``
    words = models.JSONField(_("different words"), default=dict)  # how many, of the columns ``schema.COUNTED``
    open_until = models.DateTimeField(_("outcomes final from"), null=True)  # None where every call is over
    made_at = models.DateTimeField(_("made"))
    retired_at = models.DateTimeField(_("replaced"), null=True)

    class Meta(EnvironmentModel.Meta):
        verbose_name = _("column file")
        verbose_name_plural = _("column files")
        constraints = (
            models.UniqueConstraint(
                fields=("tenant", "environment", "first_day", "last_day"),
                condition=models.Q(retired_at__isnull=True),
                name="reports_columns_file_span",
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """Where it lies, below the root of all column files."""
        first, last = f"{self.first_day:%Y-%m}", f"{self.last_day:%Y-%m}"
        span = f"{self.first_day}" if self.first_day == self.last_day else "_".join(dict.fromkeys((first, last)))
        return f"tenant={self.tenant_id}/environment={self.environment_id}/{span}-{self.digest}.parquet"


class ColumnLedger(EnvironmentModel):
    """How far an environment's calls stand in column files, and who is making some.

    From ``covers_from`` on, a UTC day without a file has no calls, unless it waits as a DirtyDay. None: nothing known.
    """

    rules = models.CharField(_("rules"), max_length=32, blank=True)
    covers_from = models.DateField(_("known from"), null=True)
    held_until = models.DateTimeField(_("held until"), null=True)
    claims = models.IntegerField(default=0)
    checked_at = models.DateTimeField(_("files checked"), null=True)

    class Meta(EnvironmentModel.Meta):
        verbose_name = _("ledger of column files")
        verbose_name_plural = _("ledgers of column files")
        constraints = (models.UniqueConstraint(fields=("tenant", "environment"), name="reports_columns_ledger_once"),)

    def __str__(self) -> str:
        return str(self.environment)

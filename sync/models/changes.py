"""What crosses from sync to reports: which days are to be counted anew, and which calls changed after the fact."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from sync.models.base import EnvironmentModel
from sync.models.calls import Call


class DirtyDay(EnvironmentModel):
    """A UTC day whose column file no longer holds. Written in the transaction of the upsert.

    ``mark`` grows with every write, so that a refresh removes the row only if nothing came while it counted.
    """

    day = models.DateField(_("day"))
    mark = models.BigIntegerField(default=1)
    since = models.DateTimeField(_("since"))

    class Meta(EnvironmentModel.Meta):
        verbose_name = _("dirty day")
        verbose_name_plural = _("dirty days")
        constraints = (models.UniqueConstraint(fields=("tenant", "environment", "day"), name="sync_dirtyday_day"),)

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d}"


class CallChange(EnvironmentModel):
    """A change of a call's figures after it was first mirrored: the source of "corrections since"."""

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="changes")
    at = models.DateTimeField(_("at"))
    was_started_at = models.DateTimeField(_("start before"))
    was_status = models.CharField(_("status before"), max_length=80)
    was_duration_ms = models.BigIntegerField(_("duration before (ms)"), null=True)
    now_status = models.CharField(_("status after"), max_length=80)
    now_duration_ms = models.BigIntegerField(_("duration after (ms)"), null=True)

    class Meta(EnvironmentModel.Meta):
        verbose_name = _("call change")
        verbose_name_plural = _("call changes")
        indexes = (models.Index(fields=("environment", "at"), name="sync_callchange_at"),)

    def __str__(self) -> str:
        return f"{self.was_status} → {self.now_status}"

"""The vendor's callback totals, one row a UTC day, kept for ever."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from sync.models.base import EnvironmentModel


class CallbackDay(EnvironmentModel):
    """Totals as given; none is derived from another, because no identity holds between them upstream."""

    day = models.DateField(_("UTC day"))
    received = models.IntegerField(_("received"))
    answered = models.IntegerField(_("answered"))
    unmatched = models.IntegerField(_("unmatched"))
    sources = models.JSONField(_("by source agent"), default=list)  # [{"agent": id, "name": …, "count": n}]
    payload = models.TextField()
    digest = models.BinaryField(max_length=16)
    changed_at = models.DateTimeField(_("changed here"))

    class Meta(EnvironmentModel.Meta):
        verbose_name = _("callback day")
        verbose_name_plural = _("callback days")
        constraints = (models.UniqueConstraint(fields=("tenant", "environment", "day"), name="sync_callbackday_day"),)

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d}"

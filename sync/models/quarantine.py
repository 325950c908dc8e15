"""Elements that could not be read, with their raw text and the reason."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from sync.models.base import EnvironmentModel


class Quarantine(EnvironmentModel):
    """One row for each distinct broken element; ``released_at`` is set when the same id later came in whole."""

    kind = models.CharField(_("kind"), max_length=40)
    external_id = models.CharField(_("vendor's id"), max_length=200, blank=True)
    digest = models.BinaryField(max_length=16)
    raw = models.TextField(_("raw text"))
    reason = models.TextField(_("reason"))
    first_seen_at = models.DateTimeField(_("first seen"))
    last_seen_at = models.DateTimeField(_("last seen"))
    released_at = models.DateTimeField(_("released"), null=True)

    class Meta(EnvironmentModel.Meta):
        verbose_name = _("quarantined element")
        verbose_name_plural = _("quarantined elements")
        constraints = (
            models.UniqueConstraint(fields=("tenant", "environment", "kind", "digest"), name="sync_quarantine_digest"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.external_id}"

"""Troubles of connections, so that owners are told of each once, and once when it is over."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.lib.ids import uuid7
from sync.models.base import EnvironmentModel


class Trouble(EnvironmentModel):
    """A connection that was rejected, or failed for long, from ``began_at`` until it was well for a while.

    ``well_since`` is when it was first seen well again; a relapse before it counts as over takes that back.
    """

    public_id = models.UUIDField(default=uuid7, editable=False)
    began_at = models.DateTimeField(_("began"), null=True)
    opened_at = models.DateTimeField(_("opened"))
    well_since = models.DateTimeField(_("well since"), null=True)
    closed_at = models.DateTimeField(_("closed"), null=True)

    class Meta(EnvironmentModel.Meta):
        verbose_name = _("trouble")
        verbose_name_plural = _("troubles")
        constraints = (
            models.UniqueConstraint(
                fields=("tenant", "environment"),
                condition=models.Q(closed_at__isnull=True),
                name="sync_trouble_one_open",
            ),
            models.UniqueConstraint(fields=("tenant", "public_id"), name="sync_trouble_public_id"),
        )

    def __str__(self) -> str:
        return f"{self.opened_at:%Y-%m-%d %H:%M}"

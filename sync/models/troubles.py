"""Troubles of connections, so that owners are told of each once, and once when it is over."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.lib.ids import uuid7
from portal.work.episodes import Episode
from sync.models.base import EnvironmentModel


class Trouble(Episode, EnvironmentModel):
    """A connection that was rejected, or failed for long."""

    public_id = models.UUIDField(default=uuid7, editable=False)

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

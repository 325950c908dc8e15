"""Our own numbers, as the calls name them."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from sync.models.base import EnvironmentModel


class Line(EnvironmentModel):
    """A number of ours: who called in an outbound call, who was called in any other.

    They are few and calls are many, so a search for a number asks here first whether it can be one of ours: the calls
    then need an index on contacts alone. Written with the calls, and never taken back.
    """

    number = models.CharField(_("number"), max_length=80)  # as the vendor writes it
    digits = models.CharField(_("digits"), max_length=40)

    class Meta(EnvironmentModel.Meta):
        verbose_name = _("line")
        verbose_name_plural = _("lines")
        constraints = (models.UniqueConstraint(fields=("tenant", "environment", "number"), name="sync_line_number"),)

    def __str__(self) -> str:
        return str(self.pk)

"""When each queue was last seen working."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Heartbeat(models.Model):
    """One row for each queue, written by a task that beat sends through that very queue once a minute.

    A row younger than three minutes says that beat ticks, the broker carries and a worker listens. A process that is
    alive but deaf after a lost connection shows here and nowhere else.
    """

    queue = models.CharField(_("queue"), max_length=40, primary_key=True)
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("heartbeat")
        verbose_name_plural = _("heartbeats")

    def __str__(self) -> str:
        return f"{self.queue} {self.at:%H:%M:%S}"

"""When each queue was last seen working, and what opens a portal that nobody has signed in to."""

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


class SetupCode(models.Model):
    """What opens the first page of an empty portal. Only its hash is kept; a new one replaces the last."""

    digest = models.CharField(max_length=64, editable=False)
    made_at = models.DateTimeField(_("made"))

    class Meta:
        verbose_name = _("setup code")
        verbose_name_plural = _("setup codes")

    def __str__(self) -> str:
        return f"{self.made_at:%Y-%m-%d %H:%M:%S}"

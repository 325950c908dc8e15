"""When each queue was last seen working, what opens a portal that nobody has signed in to, and what administrators were
told is wrong.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.work.episodes import Episode


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


class Alarm(Episode):
    """A problem that the platform's administrators are told of: once when it opens, once when it is over.

    ``key`` is the problem's own, ``whose`` says in every language alike what it is about.
    """

    key = models.CharField(_("problem"), max_length=200)
    kind = models.CharField(_("kind"), max_length=20)
    whose = models.CharField(_("about"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("alarm")
        verbose_name_plural = _("alarms")
        ordering = ("-opened_at", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=("key",), condition=models.Q(closed_at__isnull=True), name="runtime_alarm_one_open"
            ),
        )

    def __str__(self) -> str:
        return self.key

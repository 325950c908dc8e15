"""The callback loop of settled days as rows: calls to callback agents, attempts they answer, inbound calls missed.

Rows are read by the instant of their call, so every zone is answered from them; ``LoopDay`` tells which local days of
the tenant hold. Keys of calls carry no constraint, as the calls' own keys do not.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _

from reports.periods import number_day
from sync.models.agents import Agent
from sync.models.base import EnvironmentModel
from sync.models.calls import Call


class OfCall(EnvironmentModel):
    """A call, with what it is found by, so that nothing need be looked up among the calls."""

    call = models.ForeignKey(
        Call, on_delete=models.CASCADE, related_name="+", verbose_name=_("call"), db_index=False, db_constraint=False
    )
    agent = models.ForeignKey(
        Agent, null=True, on_delete=models.CASCADE, related_name="+", verbose_name=_("agent"), db_index=False
    )
    contact = models.CharField(_("contact"), max_length=40, blank=True)
    started_at = models.DateTimeField(_("started"))

    class Meta(EnvironmentModel.Meta):
        abstract = True

    def __str__(self) -> str:
        return f"{self.started_at:%Y-%m-%d %H:%M}"


class Ring(OfCall):
    """A call of a contact to an agent that takes callbacks; it is a return where it ``answers`` a call.

    See ``reports.rollups.rings`` for the rules. ``again``: it answers nothing because an earlier call did.
    """

    answers = models.ForeignKey(
        Call,
        null=True,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("call it answers"),
        db_index=False,
        db_constraint=False,
    )
    source = models.ForeignKey(
        Agent,
        null=True,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("agent that had called"),
        db_index=False,
    )
    answered_started_at = models.DateTimeField(_("start of the call it answers"), null=True)
    attempts = models.IntegerField(_("attempts before it"), default=0)
    waited_ms = models.BigIntegerField(_("since the call it answers (ms)"), null=True)
    waited_first_ms = models.BigIntegerField(_("since the first attempt (ms)"), null=True)
    again = models.BooleanField(_("rang again"), default=False)

    class Meta(OfCall.Meta):
        verbose_name = _("call to a callback agent")
        verbose_name_plural = _("calls to callback agents")
        constraints = (
            models.UniqueConstraint(
                fields=("tenant", "environment", "started_at", "call"), name="reports_rollups_ring_time"
            ),
        )


class ReturnedAttempt(OfCall):
    """An attempt after which the contact rang back at ``returned_at``."""

    returned_at = models.DateTimeField(_("rang back"))
    unreached = models.BooleanField(_("not reached"))

    class Meta(OfCall.Meta):
        verbose_name = _("attempt that was returned")
        verbose_name_plural = _("attempts that were returned")
        constraints = (
            models.UniqueConstraint(
                fields=("tenant", "environment", "returned_at", "call"), name="reports_rollups_returned_attempt"
            ),
        )


class MissedCall(OfCall):
    """An inbound call of a known contact that did not connect, to any agent.

    ``followed``: a call with the contact connected later on the same day. ``key`` is the contact's in sets of contacts.
    """

    key = models.BigIntegerField(_("key of the contact"), null=True)
    followed = models.BooleanField(_("connected the same day"), default=False)

    class Meta(OfCall.Meta):
        verbose_name = _("missed call")
        verbose_name_plural = _("missed calls")
        constraints = (
            models.UniqueConstraint(
                fields=("tenant", "environment", "started_at", "call"), name="reports_rollups_missed_call"
            ),
        )


class UnreachedDay(EnvironmentModel):
    """The different contacts that an agent's calls of one day did not reach; of agents whose callbacks somebody takes.

    See ``reports.rollups.contacts`` for how a set is kept.
    """

    agent = models.ForeignKey(
        Agent, on_delete=models.CASCADE, related_name="+", verbose_name=_("agent"), db_index=False
    )
    day = models.IntegerField(_("day"))
    contacts = models.TextField(_("contacts not reached"))

    class Meta(EnvironmentModel.Meta):
        verbose_name = _("contacts not reached on a day")
        verbose_name_plural = _("contacts not reached by day")
        constraints = (
            models.UniqueConstraint(
                fields=("tenant", "environment", "day", "agent"), name="reports_rollups_unreached_day"
            ),
        )

    def __str__(self) -> str:
        return f"{number_day(self.day):%Y-%m-%d}"


class LoopDay(EnvironmentModel):
    """That the loop of a local day of ``zone`` was joined under ``rules``, and when.

    ``joined_at`` is emptied when a call changes that the day may depend on: the day's own and those of the window
    before it.
    """

    day = models.DateField(_("day"))
    zone = models.CharField(_("time zone"), max_length=64, blank=True)
    rules = models.CharField(_("rules"), max_length=64, blank=True)
    joined_at = models.DateTimeField(_("joined"), null=True)

    class Meta(EnvironmentModel.Meta):
        verbose_name = _("joined day")
        verbose_name_plural = _("joined days")
        constraints = (
            models.UniqueConstraint(fields=("tenant", "environment", "day"), name="reports_rollups_loop_day"),
        )

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d}"

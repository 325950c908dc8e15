"""Calls counted by local day, and the ledger of the days that are counted for good.

Columns are those of ``reports.measures.COLUMNS``, written out by hand; a test holds them equal. ``day`` is the number
of days since 1970-01-01, so that weeks are arithmetic in any database; days and hours are those of the tenant's zone.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.tenants.base import TenantModel
from reports.periods import number_day
from reports.rollups.loop_models import LoopDay, MissedCall, ReturnedAttempt, Ring, UnreachedDay
from sync.models.agents import Agent
from sync.models.base import EnvironmentModel

__all__ = [
    "AgentDayRollup",
    "Contact",
    "ContactDay",
    "CountedDay",
    "DayRollup",
    "FacetDay",
    "LoopDay",
    "MissedCall",
    "ReturnedAttempt",
    "Ring",
    "Sums",
    "UnreachedDay",
]


class Sums(EnvironmentModel):
    """The sums of the calls of one kind on one day."""

    day = models.IntegerField(_("day"))
    direction = models.CharField(_("direction"), max_length=40)
    status = models.CharField(_("status"), max_length=80)
    outcome = models.CharField(_("outcome"), max_length=12)
    n = models.IntegerField(_("calls"))
    dialled = models.IntegerField(_("with a contact"), default=0)
    timed = models.IntegerField(_("with a duration"))
    duration_ms = models.BigIntegerField(_("duration (ms)"))
    billed = models.IntegerField(_("with a billed duration"))
    billed_ms = models.BigIntegerField(_("billed (ms)"))
    short_3 = models.IntegerField(_("of at most 3 s"))
    short_6 = models.IntegerField(_("of at most 6 s"))
    engaged = models.IntegerField(_("of at least 30 s"))
    picked_up = models.IntegerField(_("with a time of pick-up"))
    pickup_ms = models.BigIntegerField(_("until pick-up (ms)"))
    picked_up_soon = models.IntegerField(_("picked up within 20 s"))

    class Meta(EnvironmentModel.Meta):
        abstract = True

    def __str__(self) -> str:
        return f"{number_day(self.day):%Y-%m-%d} {self.status} {self.outcome}: {self.n}"


class DayRollup(Sums):
    """With calls by hour of the day and histograms of durations (connected calls) and latencies, bucket → count."""

    hours = models.JSONField(_("calls by hour"), default=list)
    durations = models.JSONField(_("durations"), default=dict)
    latencies = models.JSONField(_("latencies"), default=dict)  # {"stt": {bucket: count}, ...}

    class Meta(Sums.Meta):
        verbose_name = _("day rollup")
        verbose_name_plural = _("day rollups")
        constraints = (
            models.UniqueConstraint(
                fields=("tenant", "environment", "day", "direction", "status", "outcome"),
                name="reports_rollups_day_kind",
            ),
        )


class AgentDayRollup(Sums):
    agent = models.ForeignKey(
        Agent, null=True, on_delete=models.CASCADE, related_name="+", verbose_name=_("agent"), db_index=False
    )

    class Meta(Sums.Meta):
        verbose_name = _("agent day rollup")
        verbose_name_plural = _("agent day rollups")
        constraints = (
            models.UniqueConstraint(
                fields=("tenant", "environment", "day", "agent", "direction", "status", "outcome"),
                name="reports_rollups_agent_day_kind",
            ),
        )


class FacetDay(EnvironmentModel):
    """The calls of one day by one word of theirs: a cause, an area code, a line or a length (``facet``).

    No other word stands beside it, and of sums only the few of ``reports.measures.FACET_COLUMNS``: so a day has a row
    for each word rather than for each kind of call, and stays small.
    """

    facet = models.CharField(_("what the calls are counted by"), max_length=12)
    day = models.IntegerField(_("day"))
    key = models.CharField(_("word"), max_length=200, blank=True)
    attempts = models.IntegerField(_("calls"))
    connected = models.IntegerField(_("connected"))
    final = models.IntegerField(_("final"))
    unresolved = models.IntegerField(_("unresolved"))
    talks = models.IntegerField(_("connected with a duration"))
    talk_ms = models.BigIntegerField(_("duration of connected calls (ms)"))
    short_3 = models.IntegerField(_("final, of at most 3 s"))
    short_6 = models.IntegerField(_("final, of at most 6 s"))
    conversations = models.IntegerField(_("connected, of at least 30 s"))

    class Meta(EnvironmentModel.Meta):
        verbose_name = _("facet day")
        verbose_name_plural = _("facet days")
        constraints = (
            models.UniqueConstraint(
                fields=("tenant", "environment", "facet", "day", "key"), name="reports_rollups_facet_day_key"
            ),
        )

    def __str__(self) -> str:
        return f"{number_day(self.day):%Y-%m-%d} {self.facet} {self.key}: {self.attempts}"


class Contact(TenantModel):
    """A number that was called or called, under its primary key: a small integer that sets of contacts are made of."""

    number = models.CharField(_("number"), max_length=40)

    class Meta(TenantModel.Meta):
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        constraints = (models.UniqueConstraint(fields=("tenant", "number"), name="reports_rollups_contact_number"),)

    def __str__(self) -> str:
        return str(self.pk)


class ContactDay(EnvironmentModel):
    """The different contacts of one day, those with a connected call apart; see ``reports.rollups.contacts``."""

    day = models.IntegerField(_("day"))
    connected = models.TextField(_("contacts connected"), blank=True)
    others = models.TextField(_("other contacts"), blank=True)

    class Meta(EnvironmentModel.Meta):
        verbose_name = _("contact day")
        verbose_name_plural = _("contact days")
        constraints = (
            models.UniqueConstraint(fields=("tenant", "environment", "day"), name="reports_rollups_contact_day"),
        )

    def __str__(self) -> str:
        return f"{number_day(self.day):%Y-%m-%d}"


class CountedDay(EnvironmentModel):
    """That a local day of ``zone`` was counted, with the rules of ``version``, and when.

    ``calls`` are all that began on it, test calls and those that vanished upstream included.

    It may be relied on only where it was counted once every call of it had its final outcome, where no dirty day waits,
    and where zone and version are today's; see ``reports.rollups.trust``.
    """

    day = models.DateField(_("day"))
    zone = models.CharField(_("time zone"), max_length=64, blank=True)
    version = models.IntegerField(default=0)
    counted_at = models.DateTimeField(_("counted"), null=True)
    calls = models.IntegerField(_("calls"), default=0)

    class Meta(EnvironmentModel.Meta):
        verbose_name = _("counted day")
        verbose_name_plural = _("counted days")
        constraints = (
            models.UniqueConstraint(fields=("tenant", "environment", "day"), name="reports_rollups_counted_day"),
        )

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d}"

"""Calls, the raw payload of each, and elements that are not calls yet."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from sync.models.agents import Agent
from sync.models.base import BulkModel, EnvironmentModel


class Call(BulkModel):
    """One mirrored call. Never deleted by a sync: what vanished upstream has ``missing_since``.

    The primary key is made from the start and the vendor's id (``sync.mirror``), so rows sort by time and the key is
    known before the row is written. Durations are whole milliseconds, so that sums are exact in any order.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    agent = models.ForeignKey(
        Agent,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("agent"),
        db_index=False,
        db_constraint=False,
    )
    external_id = models.CharField(_("vendor's id"), max_length=200)
    sid = models.CharField(_("telephony id"), max_length=200, blank=True)
    direction = models.CharField(_("direction"), max_length=40)
    status = models.CharField(_("status"), max_length=80)
    is_test = models.BooleanField(_("test call"), default=False)
    started_at = models.DateTimeField(_("started"))
    started_guessed = models.BooleanField(_("start guessed"), default=False)
    answered_at = models.DateTimeField(_("answered"), null=True)
    ended_at = models.DateTimeField(_("ended"), null=True)
    duration_ms = models.BigIntegerField(_("duration (ms)"), null=True)
    billed_ms = models.BigIntegerField(_("billed (ms)"), null=True)
    from_number = models.CharField(_("from"), max_length=80, blank=True)
    to_number = models.CharField(_("to"), max_length=80, blank=True)
    contact = models.CharField(_("contact"), max_length=40, blank=True)  # digits of the other party; "" when withheld
    hangup_cause = models.CharField(_("cause of hang-up"), max_length=200, blank=True)
    hangup_source = models.CharField(_("who hung up"), max_length=80, blank=True)
    latencies = models.JSONField(_("latencies"), null=True)  # {"stt": [ms, ...], "llm": [...], "tts": [...]}
    upstream_updated_at = models.DateTimeField(_("vendor's last change"), null=True)
    digest = models.BinaryField(max_length=16)
    read_at = models.DateTimeField(_("read"))  # when the answer was asked for that this row shows
    first_seen_at = models.DateTimeField(_("first seen"))
    changed_at = models.DateTimeField(_("changed here"))
    missing_since = models.DateTimeField(_("missing upstream since"), null=True)

    class Meta(EnvironmentModel.Meta):
        verbose_name = _("call")
        verbose_name_plural = _("calls")
        constraints = (
            models.UniqueConstraint(fields=("tenant", "environment", "external_id"), name="sync_call_external_id"),
        )
        # Tenant first, although an environment has only one: every query names both, and a planner without statistics,
        # as in the middle of a first load, would otherwise walk the unique index instead.
        indexes = (
            models.Index(fields=("tenant", "environment", "started_at", "id"), name="sync_call_time"),
            models.Index(fields=("tenant", "environment", "agent", "started_at", "id"), name="sync_call_agent"),
            models.Index(fields=("tenant", "environment", "changed_at"), name="sync_call_changed"),
            # The calls of one contact over all environments, and contacts that begin with some digits.
            models.Index(
                fields=("tenant", "contact", "started_at", "id"),
                name="sync_call_contact",
                opclasses=("int8_ops", "text_pattern_ops", "timestamptz_ops", "uuid_ops"),
            ),
        )

    def __str__(self) -> str:
        return self.external_id


class Payload(BulkModel):
    """The vendor's last element for a call, as text, byte for byte. Apart from Call, so that lists never read it."""

    call = models.OneToOneField(
        Call, primary_key=True, on_delete=models.CASCADE, related_name="payload", db_constraint=False
    )
    raw = models.TextField()

    class Meta(EnvironmentModel.Meta):
        verbose_name = _("payload")
        verbose_name_plural = _("payloads")

    def __str__(self) -> str:
        return str(self.call_id)


class Unplaced(EnvironmentModel):
    """An element without a call id, as of the last whole reading of its agent."""

    agent_key = models.CharField(_("vendor's agent id"), max_length=200)
    digest = models.BinaryField(max_length=16)
    raw = models.TextField()
    first_seen_at = models.DateTimeField(_("first seen"))

    class Meta(EnvironmentModel.Meta):
        verbose_name = _("unplaced call")
        verbose_name_plural = _("unplaced calls")
        constraints = (
            models.UniqueConstraint(
                fields=("tenant", "environment", "agent_key", "digest"), name="sync_unplaced_digest"
            ),
        )

    def __str__(self) -> str:
        return str(self.pk)

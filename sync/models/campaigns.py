"""Campaigns, their statistics as of each day, and the calls they name."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.lib.ids import uuid7
from sync.models.agents import Agent
from sync.models.base import EnvironmentModel


class Campaign(EnvironmentModel):
    public_id = models.UUIDField(default=uuid7, editable=False)
    external_id = models.CharField(_("vendor's id"), max_length=200)
    name = models.CharField(_("name"), max_length=200)
    status = models.CharField(_("status"), max_length=40)
    kind = models.CharField(_("kind"), max_length=40, blank=True)
    agent = models.ForeignKey(Agent, null=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("agent"))
    total_calls = models.IntegerField(_("calls"), null=True)
    completed_calls = models.IntegerField(_("completed"), null=True)
    failed_calls = models.IntegerField(_("failed"), null=True)
    success_rate = models.FloatField(_("success rate, vendor's"), null=True)
    payload = models.TextField(blank=True)  # the element of the list
    digest = models.BinaryField(max_length=16, null=True)
    detail_payload = models.TextField(blank=True)  # the single-campaign answer
    detail_digest = models.BinaryField(max_length=16, null=True)
    first_seen_at = models.DateTimeField(_("first seen"), auto_now_add=True)
    changed_at = models.DateTimeField(_("changed here"))
    missing_since = models.DateTimeField(_("missing upstream since"), null=True)

    class Meta(EnvironmentModel.Meta):
        verbose_name = _("campaign")
        verbose_name_plural = _("campaigns")
        constraints = (
            models.UniqueConstraint(fields=("tenant", "public_id"), name="sync_campaign_public_id"),
            models.UniqueConstraint(fields=("tenant", "environment", "external_id"), name="sync_campaign_external_id"),
        )

    def __str__(self) -> str:
        return self.name


class CampaignDay(EnvironmentModel):
    """The vendor's running totals of a campaign as last read on a UTC day: the history its API does not keep."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="days")
    day = models.DateField(_("UTC day"))
    total_calls = models.IntegerField(_("calls"), null=True)
    completed_calls = models.IntegerField(_("completed"), null=True)
    failed_calls = models.IntegerField(_("failed"), null=True)
    success_rate = models.FloatField(_("success rate, vendor's"), null=True)

    class Meta(EnvironmentModel.Meta):
        verbose_name = _("campaign day")
        verbose_name_plural = _("campaign days")
        constraints = (models.UniqueConstraint(fields=("tenant", "campaign", "day"), name="sync_campaignday_day"),)

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d}"


class CampaignCall(EnvironmentModel):
    """That a campaign names a call. The only link upstream has, by the vendor's call id."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="calls")
    call_key = models.CharField(_("vendor's call id"), max_length=200)
    retries = models.IntegerField(_("retries"), default=0)

    class Meta(EnvironmentModel.Meta):
        verbose_name = _("campaign call")
        verbose_name_plural = _("campaign calls")
        constraints = (
            models.UniqueConstraint(fields=("tenant", "campaign", "call_key"), name="sync_campaigncall_key"),
        )

    def __str__(self) -> str:
        return self.call_key

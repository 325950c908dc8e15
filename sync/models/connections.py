"""How an environment is filled: the vendor's address, our token, and the requests already granted."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.tenants.base import PublicModel, TenantModel
from portal.tenants.models.tenants import Environment
from portal.vault import EncryptedText


class ConnectionState(models.TextChoices):
    """What is known of address and token. Whether reading goes well is another matter: ``sync.standing`` tells it."""

    UNTESTED = "untested", _("not tested yet")  # read all the same; the vendor's first answer moves it on
    OK = "ok", _("working")
    REJECTED = "rejected", _("token rejected")
    PAUSED = "paused", _("paused")
    REMOVED = "removed", _("removed")  # its token is gone; what was read, and since when, stays


class DayFilter(models.TextChoices):
    """How the vendor's date filter was seen to behave; see ``sync.windows``."""

    UNKNOWN = "", _("not seen yet")
    EXACT = "exact", _("whole UTC days, inclusive")
    WIDE = "wide", _("otherwise: ask a day more on each side")


class Connection(PublicModel):
    """One for each environment. The token is write-only: encrypted here, shown nowhere, given to the vendor alone."""

    environment = models.OneToOneField(
        Environment, on_delete=models.PROTECT, related_name="connection", verbose_name=_("environment")
    )
    provider = models.CharField(_("vendor"), max_length=40)
    base_url = models.URLField(_("base address"), max_length=300)
    settings = models.JSONField(_("vendor's settings"), default=dict, blank=True)
    token = EncryptedText(_("token"))
    token_fingerprint = models.CharField(max_length=32, editable=False, db_index=True)
    token_changed_at = models.DateTimeField(_("token changed"), null=True, editable=False)
    state = models.CharField(_("state"), max_length=10, choices=ConnectionState.choices, default=ConnectionState.OK)
    state_since = models.DateTimeField(_("since"), null=True, editable=False)
    tested_at = models.DateTimeField(_("tested"), null=True, editable=False)  # when a test went well
    next_check_at = models.DateTimeField(null=True, editable=False)  # when a rejected token is tried again
    blocked_until = models.DateTimeField(_("asked to wait until"), null=True, editable=False)
    rate_per_minute = models.PositiveIntegerField(_("requests a minute"), null=True, blank=True)
    since = models.DateField(_("history since"))
    day_filter = models.CharField(max_length=5, choices=DayFilter.choices, default=DayFilter.UNKNOWN, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta(PublicModel.Meta):
        verbose_name = _("connection")
        verbose_name_plural = _("connections")
        constraints = (
            *PublicModel.Meta.constraints,
            models.UniqueConstraint(fields=("tenant", "environment"), name="sync_connection_environment"),
        )

    def __str__(self) -> str:
        return f"{self.environment} · {self.provider}"


class RequestGrant(TenantModel):
    """Requests granted to a process: ``count`` of them, counted against the budget from ``at`` on (``sync.budget``)."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+", db_index=False)
    at = models.FloatField()  # Unix seconds of the database's clock
    count = models.PositiveIntegerField()

    class Meta(TenantModel.Meta):
        indexes = (models.Index(fields=("connection", "at"), name="sync_requestgrant_at"),)

    def __str__(self) -> str:
        return f"{self.count} @ {self.at:.3f}"

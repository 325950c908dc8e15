"""Voice agents as the vendor describes them, with their list price and callback role."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.lib.ids import uuid7
from sync.models.base import EnvironmentModel


class Agent(EnvironmentModel):
    """An agent, or only its id and name when calls named it before any list did (``payload`` is empty then)."""

    public_id = models.UUIDField(default=uuid7, editable=False)
    external_id = models.CharField(_("vendor's id"), max_length=200)
    name = models.CharField(_("name"), max_length=200, blank=True)
    label = models.CharField(_("label"), max_length=200, blank=True)
    direction = models.CharField(_("direction"), max_length=40, blank=True)
    state = models.CharField(_("state"), max_length=40, blank=True)
    payload = models.TextField(blank=True)
    digest = models.BinaryField(max_length=16, null=True)
    takes_callbacks = models.BooleanField(_("takes callbacks"), default=False)
    callback_sources = models.JSONField(_("callbacks for"), default=list, blank=True)  # vendor ids of outbound agents
    callback_payload = models.TextField(blank=True)
    price_per_minute = models.DecimalField(_("list price a minute"), max_digits=14, decimal_places=6, null=True)
    currency = models.CharField(_("currency"), max_length=8, blank=True)
    price_payload = models.TextField(blank=True)
    first_seen_at = models.DateTimeField(_("first seen"), auto_now_add=True)
    missing_since = models.DateTimeField(_("missing upstream since"), null=True)

    class Meta(EnvironmentModel.Meta):
        verbose_name = _("agent")
        verbose_name_plural = _("agents")
        ordering = ("name", "external_id")
        constraints = (
            models.UniqueConstraint(fields=("tenant", "public_id"), name="sync_agent_public_id"),
            models.UniqueConstraint(fields=("tenant", "environment", "external_id"), name="sync_agent_external_id"),
        )

    def __str__(self) -> str:
        return self.shown_name

    @property
    def shown_name(self) -> str:
        return self.label or self.name or self.external_id

    @property
    def list_price(self) -> float | None:
        """Of a minute."""
        return None if self.price_per_minute is None else float(self.price_per_minute)

"""Elements that could not be read, with their raw text and the reason."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.lib.ids import uuid7
from sync.models.base import EnvironmentModel
from sync.models.runs import STREAMS

SHOWN = models.Q(released_at=None)  # by the vendor in the last reading of their window, accepted ones among them
OPEN = SHOWN & models.Q(accepted_at=None)  # these make their window incomplete
ACCEPTED = SHOWN & models.Q(accepted_at__isnull=False)  # a person took these for no call


class Quarantine(EnvironmentModel):
    """A broken element of a window (``stream`` and ``part``), told from others by its digest.

    It is open, and its window incomplete, until the window shows it no more or shows it whole, or its text is read
    again (``released_at``), or a person accepts it as no call. Shown again with the same text, a released one is open
    again and an accepted one still accepted; another text is another element.
    """

    public_id = models.UUIDField(default=uuid7, editable=False)
    stream = models.CharField(_("stream"), max_length=20, choices=STREAMS, blank=True)
    part = models.CharField(_("part"), max_length=220, blank=True)
    day = models.DateField(_("UTC day"), null=True)  # None: of a list, or its start can't be read
    kind = models.CharField(_("kind"), max_length=40)
    external_id = models.CharField(_("vendor's id"), max_length=200, blank=True)
    digest = models.BinaryField(max_length=16)
    times = models.PositiveIntegerField(_("times in its window"), default=1)  # more than one has no id to tell them by
    raw = models.TextField(_("raw text"))
    reason = models.TextField(_("reason"))
    first_seen_at = models.DateTimeField(_("first seen"))
    last_seen_at = models.DateTimeField(_("last seen"))
    released_at = models.DateTimeField(_("released"), null=True)
    accepted_at = models.DateTimeField(_("accepted as no call"), null=True)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("accepted by")
    )
    note = models.TextField(_("note"), blank=True, max_length=1000)

    class Meta(EnvironmentModel.Meta):
        verbose_name = _("quarantined element")
        verbose_name_plural = _("quarantined elements")
        constraints = (
            models.UniqueConstraint(
                fields=("tenant", "environment", "stream", "part", "kind", "digest"), name="sync_quarantine_element"
            ),
            models.UniqueConstraint(fields=("tenant", "public_id"), name="sync_quarantine_public_id"),
        )
        indexes = (
            models.Index(
                fields=("environment", "stream", "part"),
                condition=SHOWN,
                name="sync_quarantine_shown",
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.external_id}".strip()

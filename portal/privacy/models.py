"""Erasures: each an obligation until it is done, and a tombstone for ever."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.tenants.base import PublicModel


class Reason(models.TextChoices):
    REQUEST = "request", _("the person asked for it")
    CONSENT = "consent", _("consent was withdrawn")
    PURPOSE = "purpose", _("no longer needed for its purpose")
    UNLAWFUL = "unlawful", _("should not have been kept")


class Erasure(PublicModel):
    """That a person's data are to be erased, or are: nothing with his number is written again.

    ``numbers`` holds the keyed hash and the length of each spelling, and never a number. ``place`` is how far the texts
    were looked through. ``attempts`` grows with every claim, and so tells a late worker from the present one.
    """

    numbers = models.JSONField(default=list, editable=False)  # [[hash, digits], …]
    reason = models.CharField(_("reason"), max_length=10, choices=Reason.choices, default=Reason.REQUEST)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("asked by")
    )
    asked_at = models.DateTimeField(_("asked"), auto_now_add=True)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    claimed_until = models.DateTimeField(_("claimed until"), null=True, blank=True)
    place = models.CharField(max_length=120, blank=True, editable=False)
    calls = models.PositiveIntegerField(_("calls"), default=0)
    texts = models.PositiveIntegerField(_("texts"), default=0)
    done_at = models.DateTimeField(_("done"), null=True, blank=True)

    class Meta(PublicModel.Meta):
        verbose_name = _("erasure")
        verbose_name_plural = _("erasures")
        ordering = ("-id",)

    def __str__(self) -> str:
        return str(self.public_id)

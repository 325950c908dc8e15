"""What is owed to privacy: erasures, each a tombstone for ever, how long each class of data is kept, and numbers that
were looked up or shown.
"""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.tenants.base import PublicModel, TenantModel
from portal.tenants.models.grants import Grant


class Reason(models.TextChoices):
    REQUEST = "request", _("the person asked for it")
    CONSENT = "consent", _("consent was withdrawn")
    PURPOSE = "purpose", _("no longer needed for its purpose")
    UNLAWFUL = "unlawful", _("should not have been kept")


class Erasure(PublicModel):
    """That a person's data are to be erased, or are: nothing with his number is written again.

    ``numbers`` holds the keyed hash, the length and the code of each spelling, and never a number. ``place`` is how far
    the texts were looked through. ``attempts`` grows with every claim, and so tells a late worker from the present one.
    One that is ``restored`` was put back from its file, as the database had forgotten it.
    """

    numbers = models.JSONField(default=list, editable=False)  # [[hash, digits, code], …]
    reason = models.CharField(_("reason"), max_length=10, choices=Reason.choices, default=Reason.REQUEST)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("asked by")
    )
    asked_at = models.DateTimeField(_("asked"), auto_now_add=True)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    claimed_until = models.DateTimeField(_("claimed until"), null=True, blank=True)
    place = models.CharField(max_length=120, blank=True, editable=False)
    restored = models.BooleanField(_("restored"), default=False, editable=False)
    calls = models.PositiveIntegerField(_("calls"), default=0)
    texts = models.PositiveIntegerField(_("texts"), default=0)
    done_at = models.DateTimeField(_("done"), null=True, blank=True)

    class Meta(PublicModel.Meta):
        verbose_name = _("erasure")
        verbose_name_plural = _("erasures")
        ordering = ("-id",)

    def __str__(self) -> str:
        return str(self.public_id)


class Retention(TenantModel):
    """How many days a class of data is kept; without days, or without a row, for good.

    Each night it is owed anew: ``due_at`` is when. Calls that began before ``reached`` were looked through.
    """

    what = models.CharField(_("what"), max_length=20)  # a DataClass
    days = models.PositiveIntegerField(_("days"), null=True, blank=True)
    reached = models.DateTimeField(_("looked through until"), null=True, blank=True)
    due_at = models.DateTimeField(_("due"), null=True, blank=True)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    claimed_until = models.DateTimeField(_("claimed until"), null=True, blank=True)
    done_at = models.DateTimeField(_("done"), null=True, blank=True)

    class Meta(TenantModel.Meta):
        verbose_name = _("retention")
        verbose_name_plural = _("retentions")
        constraints = (models.UniqueConstraint(fields=("tenant", "what"), name="privacy_retention_what"),)

    def __str__(self) -> str:
        return self.what


class Removal(TenantModel):
    """How much of a class went on a day of the tenant's, because it had been kept long enough."""

    what = models.CharField(_("what"), max_length=20)  # a DataClass
    day = models.DateField(_("day"))
    before = models.DateTimeField(_("older than"))
    amount = models.PositiveBigIntegerField(_("how many"), default=0)

    class Meta(TenantModel.Meta):
        verbose_name = _("removal")
        verbose_name_plural = _("removals")
        ordering = ("-day", "id")
        constraints = (models.UniqueConstraint(fields=("tenant", "what", "day"), name="privacy_removal_day"),)

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d} {self.what}"


class LookUps(TenantModel):
    """The numbers that one reader looked up on one day of his company, as keyed hashes: his budget of that day."""

    grant = models.ForeignKey(Grant, on_delete=models.CASCADE, related_name="+", verbose_name=_("grant"))
    day = models.DateField(_("day"))
    numbers = models.JSONField(default=list, editable=False)

    class Meta(TenantModel.Meta):
        verbose_name = _("looked up numbers")
        verbose_name_plural = _("looked up numbers")
        constraints = (models.UniqueConstraint(fields=("tenant", "grant", "day"), name="privacy_lookups_day"),)

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d}"


class Reveal(PublicModel):
    """Why a number was shown. An audit entry names this row and says to whom; the text lies here, where it can be
    scrubbed, since entries are kept for ever.
    """

    reason = models.CharField(_("reason"), max_length=200)
    at = models.DateTimeField(_("when"), auto_now_add=True)

    class Meta(PublicModel.Meta):
        verbose_name = _("shown number")
        verbose_name_plural = _("shown numbers")

    def __str__(self) -> str:
        return str(self.public_id)

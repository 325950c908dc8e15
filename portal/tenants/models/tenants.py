"""Tenants and their environments, the data spaces that history hangs on."""

from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.tenants.base import PublicModel


def validate_zone(name: str) -> None:
    if name not in available_timezones():
        raise ValidationError(_("%(name)s is not a time zone."), params={"name": name})


class SecondFactor(models.TextChoices):
    """Who of a tenant needs a second factor to sign in."""

    NOBODY = "nobody", _("nobody")
    MANAGERS = "managers", _("owners and managers")
    EVERYONE = "everyone", _("everyone")


class Tenant(models.Model):
    """A company behind its own wall. ``slug`` is its address."""

    slug = models.SlugField(_("address"), max_length=50, unique=True)
    name = models.CharField(_("name"), max_length=120)
    zone = models.CharField(_("time zone"), max_length=64, default="America/Sao_Paulo", validators=[validate_zone])
    language = models.CharField(_("language"), max_length=10, choices=settings.LANGUAGES, default="pt-br")
    callback_hours = models.PositiveSmallIntegerField(
        _("hours in which a call counts as a return"),
        default=72,
        validators=[MinValueValidator(1), MaxValueValidator(720)],
        help_text=_("An inbound call counts as a callback when it comes within so many hours after an attempt."),
    )
    short_limit_3s = models.FloatField(
        _("limit for calls of up to 3 s (%)"),
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text=_("Drawn as a line beside the share of short calls. Empty: no line."),
    )
    short_limit_6s = models.FloatField(
        _("limit for calls of up to 6 s (%)"),
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text=_("Drawn as a line beside the share of short calls. Empty: no line."),
    )
    second_factor = models.CharField(
        _("second factor"),
        max_length=10,
        choices=SecondFactor.choices,
        default=SecondFactor.MANAGERS,
        help_text=_("Who needs one to sign in. People have two weeks to set it up."),
    )
    second_factor_since = models.DateTimeField(default=timezone.now, editable=False)
    # Whether its members have to sign in by its identity provider; set along with that one.
    requires_provider = models.BooleanField(default=False, editable=False)
    active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("tenant")
        verbose_name_plural = _("tenants")
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    @property
    def tzinfo(self) -> ZoneInfo:
        return ZoneInfo(self.zone)


class Environment(PublicModel):
    """One data space of a tenant, filled from one vendor. It outlives every connection, token and agent."""

    name = models.CharField(_("name"), max_length=120)
    provider = models.CharField(_("vendor"), max_length=40)
    retired_at = models.DateTimeField(_("retired"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta(PublicModel.Meta):
        verbose_name = _("environment")
        verbose_name_plural = _("environments")
        ordering = ("name", "id")
        constraints = (
            *PublicModel.Meta.constraints,
            models.UniqueConstraint(fields=("tenant", "name"), name="tenants_environment_name"),
        )

    def __str__(self) -> str:
        return self.name

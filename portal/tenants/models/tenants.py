"""Tenants and their environments, the data spaces that history hangs on."""

from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.http.request import validate_host as validate_host_header
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.lib import colours
from portal.tenants.base import PublicModel, TenantModel

LIGHT_GROUNDS = ("#ffffff", "#fbfbfa", "#f3f4f3")  # what text stands on in ringbook.css
DARK_GROUNDS = ("#191c1f", "#131517", "#202428")


def validate_zone(name: str) -> None:
    if name not in available_timezones():
        raise ValidationError(_("%(name)s is not a time zone."), params={"name": name})


def validate_line(text: str) -> None:
    """It stands in lines of a mail's head, and beside other words."""
    if not text.isprintable():
        raise ValidationError(_("Letters, digits and signs alone, on one line."))


def validate_accent(text: str) -> None:
    """A colour that links and buttons can be read in on light pages; for dark ones it is made lighter."""
    if not colours.is_colour(text):
        raise ValidationError(_("A colour is written as # and six digits, such as #0b6b62."))
    fitting = colours.readable(text, LIGHT_GROUNDS, towards="#000000")
    if fitting != text:
        sentence = _("This colour is too light to be read on a white page. %(colour)s would do.")
        raise ValidationError(sentence, params={"colour": fitting})


def validate_sender(address: str) -> None:
    """Other domains' mail servers would refuse what comes from here in their name."""
    if address.rpartition("@")[2].lower() not in settings.SENDER_DOMAINS:
        names = ", ".join(settings.SENDER_DOMAINS)
        raise ValidationError(_("Mails can be sent from these domains: %(names)s."), params={"names": names})


def validate_host(name: str) -> None:
    if name != name.lower() or not validate_host_header(name, settings.ALLOWED_HOSTS) or "*" in name:
        raise ValidationError(_("The portal does not answer to this name: ALLOWED_HOSTS has to hold it first."))
    if name == urlsplit(settings.BASE_URL).hostname:
        raise ValidationError(_("This is the portal's own name."))


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
    brand_name = models.CharField(
        _("name of the portal"),
        validators=[validate_line],
        max_length=40,
        blank=True,
        help_text=_("Shown in the bar and in mails. Empty: Ringbook."),
    )
    accent = models.CharField(
        _("colour"),
        max_length=7,
        blank=True,
        validators=[validate_accent],
        help_text=_("Of links, buttons and bars, such as #0b6b62. Empty: Ringbook's own."),
    )
    has_logo = models.BooleanField(default=False, editable=False)
    brand_version = models.PositiveIntegerField(default=0, editable=False)
    sender_name = models.CharField(
        _("sender's name"),
        max_length=60,
        blank=True,
        validators=[validate_line],
        help_text=_("In the line From of mails. Empty: Ringbook's own."),
    )
    sender_address = models.EmailField(_("sender's address"), max_length=254, blank=True, validators=[validate_sender])
    host = models.CharField(
        _("host name"),
        max_length=253,
        null=True,
        blank=True,
        unique=True,
        validators=[validate_host],
        help_text=_("Under it the sign-in page shows the company's brand, and links in its mails lead there."),
    )
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


class Logo(TenantModel):
    """A tenant's picture, rebuilt of what draws in it; ``version`` is the brand's that it came with."""

    version = models.PositiveIntegerField(editable=False)
    content_type = models.CharField(max_length=20, editable=False)
    content = models.BinaryField()

    class Meta(TenantModel.Meta):
        verbose_name = _("logo")
        verbose_name_plural = _("logos")
        constraints = (models.UniqueConstraint(fields=("tenant", "version"), name="tenants_logo_version"),)

    def __str__(self) -> str:
        return self.content_type


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

"""Alerts: a rule each, whom it tells, what happened, and what was posted to an endpoint of the company's own."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from portal.outbox.models import Message
from portal.tenants.base import PublicModel, TenantModel
from portal.tenants.models.grants import Grant
from portal.tenants.models.keys import ApiKey
from portal.tenants.models.tenants import validate_zone
from portal.vault import EncryptedText, new_secret
from reports.alerts.rules import CLOSES, OPENS, WORKDAYS, Happening, OfficeHours, Phase, Rule, When
from reports.mail.readers import Reader

WHENS = [
    (When.ABOVE.value, _("is above")),
    (When.BELOW.value, _("is below")),
    (When.CHANGE_ABOVE.value, _("rises by more than")),
    (When.CHANGE_BELOW.value, _("falls by more than")),
    (When.NO_CALLS.value, _("no calls in office hours")),
    (When.STALE.value, _("data are old")),
    (When.GAP.value, _("data have a gap")),
    (When.REJECTED.value, _("the vendor refuses the token")),
]


def new_webhook_secret() -> str:
    return new_secret("rbwh_")


class WebhookForm(models.TextChoices):
    """What the body of a webhook looks like."""

    JSON = "json", _("JSON, signed")
    SLACK = "slack", "Slack"
    TEAMS = "teams", "Microsoft Teams"


class Alert(PublicModel):
    """A rule, and how it stands. ``turns`` counts what happened: whoever moves it on writes the event.

    ``filters`` is the query string of the filters, as a report's address has them. ``grant`` is the most that is looked
    at: what its maker saw when it was made; as long as it stands its maker has to see it still. An address of Slack or
    Teams is a secret by itself, so every address lies in the vault. A paused one is not ``active``; a removed one stays
    a row, for what it told.
    """

    name = models.CharField(_("name"), max_length=120)
    when = models.CharField(_("when"), max_length=20, choices=WHENS, default=When.BELOW.value)
    metric = models.CharField(_("figure"), max_length=60, blank=True)
    filters = models.CharField(_("filters"), max_length=2000, blank=True)
    value = models.FloatField(_("threshold"), null=True, blank=True)
    over = models.CharField(_("over"), max_length=30, blank=True)
    minimum_n = models.PositiveIntegerField(_("at least so many calls"), default=0)
    cool_down = models.PositiveIntegerField(_("minutes of silence after firing"), default=60)
    zone = models.CharField(_("time zone"), max_length=64, validators=[validate_zone])
    office = models.JSONField(_("office hours"), default=dict, blank=True)
    webhook = EncryptedText(_("webhook"), default="", blank=True)
    webhook_host = models.CharField(_("host of the webhook"), max_length=255, blank=True)
    webhook_secret = EncryptedText(_("secret of the webhook"), default="", blank=True)
    webhook_form = models.CharField(
        _("form of the webhook"), max_length=10, choices=WebhookForm.choices, default=WebhookForm.JSON
    )
    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, related_name="+", verbose_name=_("what may be seen"))
    creator = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("set up by")
    )
    key = models.ForeignKey(
        ApiKey, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("by API key")
    )
    active = models.BooleanField(_("active"), default=True)
    firing = models.BooleanField(_("its rule holds"), default=False)
    since = models.DateTimeField(_("since"), null=True, blank=True)
    quiet_until = models.DateTimeField(_("silent until"), null=True, blank=True)
    turns = models.PositiveIntegerField(default=0)
    doubt = models.CharField(_("why nothing can be said"), max_length=40, blank=True)
    checked_at = models.DateTimeField(_("looked at"), null=True, blank=True)
    claimed_until = models.DateTimeField(_("claimed until"), null=True, blank=True)
    claims = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    removed_at = models.DateTimeField(_("removed"), null=True, blank=True)

    class Meta(PublicModel.Meta):
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        ordering = ("name", "id")

    def __str__(self) -> str:
        return self.name

    @property
    def readers(self) -> list["Watcher"]:
        """Those it is meant for, also who has left or not confirmed yet, in the order they were added."""
        return [row for row in self.watchers.all() if row.removed_at is None]

    @property
    def rule(self) -> Rule:
        return Rule(When(self.when), self.value, self.minimum_n)

    @property
    def phase(self) -> Phase:
        return Phase(self.firing, self.quiet_until)

    @property
    def silence(self) -> timedelta:
        return timedelta(minutes=self.cool_down)

    @property
    def office_hours(self) -> OfficeHours:
        return OfficeHours(
            self.zone,
            tuple(self.office.get("weekdays", WORKDAYS)),
            self.office.get("from", OPENS),
            self.office.get("until", CLOSES),
            self.office.get("holidays", "skip") == "skip",
        )


class Watcher(Reader):
    """Whom an alert tells. ``language`` is empty until a reader asks for another than that of the account, or of the
    company."""

    OF, WORD = "alert", "alert"

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="watchers")
    language = models.CharField(_("language"), max_length=10, choices=settings.LANGUAGES, blank=True)

    class Meta(Reader.Meta):
        abstract = False
        verbose_name = _("reader of an alert")
        verbose_name_plural = _("readers of alerts")
        ordering = ("id",)
        constraints = (
            *PublicModel.Meta.constraints,
            models.UniqueConstraint(fields=("tenant", "alert", "email"), name="reports_alerts_watcher_email"),
        )

    @property
    def tongue(self) -> str:
        own = self.user.language if self.user is not None and self.as_member else ""
        return str(self.language or own or self.tenant.language)

    def offer(self) -> str:
        names = {"tenant": self.tenant.name, "name": self.alert.name}
        text = gettext("%(tenant)s wants to tell you by mail when its alert “%(name)s” fires, and when that is over.")
        return f"{text % names} {gettext('It is sent only if you agree.')}"

    def comes(self, now: datetime) -> str:
        return gettext("an alert: when it fires, and when that is over")


class AlertEvent(PublicModel):
    """Something that an alert told, once: the number makes it so."""

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="events")
    number = models.PositiveIntegerField(_("number"))
    kind = models.CharField(
        _("what happened"),
        max_length=10,
        choices=[
            (Happening.FIRED.value, pgettext_lazy("an alert", "fired")),
            (Happening.RECOVERED.value, pgettext_lazy("an alert", "recovered")),
            (Happening.TEST.value, pgettext_lazy("an alert", "test")),
        ],
    )
    at = models.DateTimeField(_("at"))
    value = models.FloatField(_("value"), null=True)
    n = models.PositiveIntegerField(_("calls"), null=True)
    begins = models.DateTimeField(_("from"), null=True)
    ends = models.DateTimeField(_("until"), null=True)
    places = models.JSONField(_("environments"), default=list, blank=True)

    class Meta(PublicModel.Meta):
        verbose_name = _("event of an alert")
        verbose_name_plural = _("events of alerts")
        ordering = ("-id",)
        constraints = (
            *PublicModel.Meta.constraints,
            models.UniqueConstraint(fields=("tenant", "alert", "number"), name="reports_alerts_event_once"),
        )

    def __str__(self) -> str:
        return f"{self.number} {self.kind}"


class AlertNotice(TenantModel):
    """The mail by which somebody is told of an event; without a reader it is the test of who asked for it."""

    event = models.ForeignKey(AlertEvent, on_delete=models.CASCADE, related_name="notices")
    watcher = models.ForeignKey(Watcher, null=True, on_delete=models.CASCADE, related_name="notices")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+")
    message = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="+", verbose_name=_("message"))

    class Meta(TenantModel.Meta):
        verbose_name = _("mail of an alert")
        verbose_name_plural = _("mails of alerts")
        ordering = ("id",)
        constraints = (models.UniqueConstraint(fields=("tenant", "message"), name="reports_alerts_notice_message"),)

    def __str__(self) -> str:
        return f"{self.event_id}-{self.watcher_id or self.user_id}"


class PostState(models.TextChoices):
    """Where a webhook stands."""

    PENDING = "pending", _("waiting")
    SENT = "sent", _("sent")
    FAILED = "failed", _("failed")
    SUPPRESSED = "suppressed", _("held back")


class WebhookPost(PublicModel):
    """What is owed to an endpoint for an event, and what it answered. ``host`` is where to; the vault has the rest."""

    event = models.ForeignKey(AlertEvent, on_delete=models.CASCADE, related_name="posts")
    host = models.CharField(_("host"), max_length=255)
    state = models.CharField(_("state"), max_length=12, choices=PostState.choices, default=PostState.PENDING)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    tries = models.PositiveIntegerField(_("tries of this round"), default=0)
    claimed_until = models.DateTimeField(_("claimed until"), null=True, blank=True)
    next_attempt_at = models.DateTimeField(_("next attempt"), null=True, blank=True)
    status = models.PositiveSmallIntegerField(_("status"), null=True, blank=True)
    reply = models.CharField(_("last reply"), max_length=300, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)

    class Meta(PublicModel.Meta):
        verbose_name = _("webhook of an alert")
        verbose_name_plural = _("webhooks of alerts")
        ordering = ("-id",)
        constraints = (
            *PublicModel.Meta.constraints,
            models.UniqueConstraint(fields=("tenant", "event"), name="reports_alerts_post_once"),
        )
        indexes = (
            models.Index(
                fields=("next_attempt_at", "id"),
                condition=models.Q(state="pending"),
                name="reports_alerts_post_open",
            ),
        )

    def __str__(self) -> str:
        return f"{self.host} {self.state}"

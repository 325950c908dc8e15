"""People's rhythms and who reads what: a subscription, its recipients, and one delivery for each period and reader."""

from datetime import UTC, datetime

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.formats import figures
from portal.outbox.models import Message
from portal.tenants.base import PublicModel
from portal.tenants.models.grants import Grant
from portal.tenants.models.keys import ApiKey
from portal.tenants.models.tenants import validate_zone
from reports.definitions.periods import Period
from reports.mail.due import Kind, Rhythm
from reports.mail.readers import Reader
from reports.mail.sections import LONGEST_NOTE, LONGEST_SUBJECT, SECTIONS, chosen
from reports.saved.models import Board, SavedView


class Contents(models.TextChoices):
    """What a mail shows: parts that are chosen, or the answers of something saved."""

    SECTIONS = "sections", _("parts of a report")
    REPORT = "report", _("a saved report")
    BOARD = "board", _("a board")


class MissedPeriods(models.TextChoices):
    """What becomes of the periods that were due in a time of silence."""

    LATEST = "latest", _("the latest period alone is sent")
    EACH = "each", _("each period is sent, the oldest first")


KINDS = [(Kind.DAILY.value, _("daily")), (Kind.WEEKLY.value, _("weekly")), (Kind.MONTHLY.value, _("monthly"))]
WEEKDAYS = list(
    enumerate(
        (_("Monday"), _("Tuesday"), _("Wednesday"), _("Thursday"), _("Friday"), _("Saturday"), _("Sunday")),
    )
)


class Subscription(PublicModel):
    """A report that comes by mail. ``next_due`` is the one thing a sender claims; None sends nothing.

    ``filters`` is the query string of the filters, as the report's address has them. ``grant`` is the most that any of
    its readers sees: what its maker saw when it was made, without numbers. ``hold_hours`` is how long a report waits
    for data that are not complete; then it goes out and says so, or ``holds`` on until they are. A paused one is not
    ``active``; a removed one stays a row, for what was sent. ``language`` is that of readers who have none of their
    own, empty in old rows; ``reply_to`` counts as long as he is a member. ``sections`` are those of its parts that are
    chosen, in their order; none for all in the usual one. ``attachments`` are keys of ``reports.mail.enclosed``.

    One that ``shows`` something saved names it as ``view`` or ``board``; where that is gone, or not open to it any
    more, it rests since ``rested_at`` for a reason, ``rests``, a word of ``reports.mail.log.REASONS``. ``compares`` is
    about the period before, ``chart`` about an image above the days.
    """

    name = models.CharField(_("name"), max_length=120)
    kind = models.CharField(_("rhythm"), max_length=10, choices=KINDS, default=Kind.WEEKLY.value)
    weekday = models.PositiveSmallIntegerField(
        _("weekday"), choices=WEEKDAYS, default=0, validators=[MaxValueValidator(6)]
    )
    hour = models.PositiveSmallIntegerField(_("hour"), default=8, validators=[MaxValueValidator(23)])
    minute = models.PositiveSmallIntegerField(_("minute"), default=0, validators=[MaxValueValidator(59)])
    zone = models.CharField(_("time zone"), max_length=64, validators=[validate_zone])
    filters = models.CharField(_("filters"), max_length=2000, blank=True)
    grant = models.ForeignKey(
        Grant, null=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("what may be seen")
    )
    creator = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("set up by")
    )
    key = models.ForeignKey(
        ApiKey, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("by API key")
    )
    language = models.CharField(_("language"), max_length=10, choices=settings.LANGUAGES, blank=True)
    reply_to = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("answers go to"),
    )
    shows = models.CharField(_("shows"), max_length=10, choices=Contents.choices, default=Contents.SECTIONS)
    view = models.ForeignKey(
        SavedView, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("saved report")
    )
    board = models.ForeignKey(Board, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("board"))
    compares = models.BooleanField(_("compared with the period before"), default=True)
    chart = models.BooleanField(_("small chart"), default=True)
    sections = models.JSONField(_("sections"), default=list, blank=True)
    attachments = models.JSONField(_("attachments"), default=list, blank=True)
    subject = models.CharField(_("own subject"), max_length=LONGEST_SUBJECT, blank=True)
    note = models.TextField(_("note to its readers"), max_length=LONGEST_NOTE, blank=True)
    active = models.BooleanField(_("active"), default=True)
    rests = models.CharField(_("rests because"), max_length=30, blank=True)
    rested_at = models.DateTimeField(_("rests since"), null=True, blank=True)
    hold_hours = models.PositiveSmallIntegerField(
        _("hours to wait for complete data"), default=6, validators=[MaxValueValidator(20)]
    )
    holds = models.BooleanField(_("waits until data are complete"), default=False)
    skips_empty = models.BooleanField(_("skips periods without calls"), default=False)
    missed = models.CharField(
        _("missed periods"), max_length=10, choices=MissedPeriods.choices, default=MissedPeriods.LATEST
    )
    next_due = models.DateTimeField(_("next due"), null=True, blank=True, db_index=True)
    last_period_start = models.DateField(_("last period from"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    removed_at = models.DateTimeField(_("removed"), null=True, blank=True)

    class Meta(PublicModel.Meta):
        verbose_name = _("scheduled mail")
        verbose_name_plural = _("scheduled mails")
        ordering = ("name", "id")

    def __str__(self) -> str:
        return self.name

    @property
    def parts(self) -> tuple[str, ...]:
        """Its sections, in their order."""
        return chosen(self.sections) or SECTIONS

    @property
    def rhythm(self) -> Rhythm:
        return Rhythm(Kind(self.kind), self.zone, self.hour, self.minute, self.weekday)


class Recipient(Reader):
    """Who reads a subscription."""

    OF, WORD = "subscription", ""

    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="recipients")

    class Meta(Reader.Meta):
        abstract = False
        verbose_name = _("recipient")
        verbose_name_plural = _("recipients")
        ordering = ("id",)
        constraints = (
            *PublicModel.Meta.constraints,
            models.UniqueConstraint(fields=("tenant", "subscription", "email"), name="reports_mail_recipient_email"),
        )

    def offer(self) -> str:
        names = {"tenant": self.tenant.name, "name": self.subscription.name}
        return gettext("%(tenant)s wants to send you “%(name)s” by mail. It is sent only if you agree.") % names

    def comes(self, now: datetime) -> str:
        row = self.subscription
        words = [row.get_kind_display()]
        if row.active and row.next_due is not None and self.left_at is None:
            words.append(figures.moment(row.next_due, row.zone, now=now))
        return " · ".join(words)


class DeliveryState(models.TextChoices):
    """How far a report is on its way to the outbox; what became of it after that is the message's state."""

    PENDING = "pending", _("to be made")
    HELD = "held", _("waiting for data")
    POSTED = "posted", _("in the outbox")
    SUPPRESSED = "suppressed", _("held back")
    FAILED = "failed", _("failed")


class Edition(models.TextChoices):
    """What brought a report about: its rhythm, or somebody who had it sent once more, as it was or computed anew."""

    SCHEDULED = "scheduled", _("as scheduled")
    SAME = "same", _("sent again")
    CORRECTED = "corrected", _("computed anew")


class Delivery(PublicModel):
    """One report of one period for one reader: the obligation, and afterwards the proof.

    ``snapshot`` holds the figures as they were sent, ``rights`` what of the tenant they rest on. ``late`` says the mail
    was made well after it was due. Of what is scheduled there is one for each period and reader; of other editions one
    for each ``press`` of a button, whose key it is. ``passed_over`` counts the periods right before it that were due in
    a time of silence and are not sent.
    """

    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="deliveries")
    recipient = models.ForeignKey(Recipient, on_delete=models.CASCADE, related_name="deliveries")
    period_start = models.DateField(_("from"))
    period_end = models.DateField(_("until (exclusive)"))
    zone = models.CharField(_("time zone"), max_length=64)
    due_at = models.DateTimeField(_("due"))
    held_until = models.DateTimeField(_("waits until"))
    state = models.CharField(_("state"), max_length=12, choices=DeliveryState.choices, default=DeliveryState.PENDING)
    reason = models.CharField(_("reason"), max_length=100, blank=True)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    claimed_until = models.DateTimeField(_("claimed until"), null=True, blank=True)
    claims = models.PositiveIntegerField(default=0)
    message = models.ForeignKey(
        Message, null=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("message")
    )
    edition = models.CharField(_("edition"), max_length=10, choices=Edition.choices, default=Edition.SCHEDULED)
    press = models.CharField(max_length=64, blank=True, default="", editable=False)
    snapshot = models.JSONField(_("figures"), default=dict)
    rights = models.JSONField(default=dict, editable=False, blank=True)
    as_of = models.DateTimeField(_("data as of"), null=True)
    complete = models.BooleanField(_("complete"), null=True)
    late = models.BooleanField(_("late"), default=False)
    passed_over = models.PositiveIntegerField(_("periods passed over before it"), default=0)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta(PublicModel.Meta):
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        ordering = ("-id",)
        constraints = (
            *PublicModel.Meta.constraints,
            models.UniqueConstraint(
                fields=("tenant", "subscription", "period_start", "period_end", "recipient", "press"),
                name="reports_mail_delivery_once",
            ),
            models.CheckConstraint(
                condition=models.Q(edition="scheduled", press="")
                | (~models.Q(edition="scheduled") & ~models.Q(press="")),
                name="reports_mail_delivery_press",
            ),
        )
        indexes = (
            models.Index(fields=("tenant", "subscription", "-id"), name="reports_mail_delivery_newest"),
            models.Index(
                fields=("tenant", "id"),
                condition=models.Q(state__in=("pending", "held")),
                name="reports_mail_delivery_open",
            ),
        )

    def __str__(self) -> str:
        return f"{self.period_start:%Y-%m-%d}"

    @property
    def period(self) -> Period:
        return Period(self.period_start, self.period_end, self.zone)

    @property
    def kind(self) -> Kind:
        """The rhythm of its period; that of the subscription may be another today."""
        return {1: Kind.DAILY, 7: Kind.WEEKLY}.get(self.period.days, Kind.MONTHLY)

    def late_at(self, at: datetime) -> bool:
        """Whether a mail made at this time counts as late: an hour is what a busy minute may cost."""
        return (at - self.due_at.astimezone(UTC)).total_seconds() > 3600

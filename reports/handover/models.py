"""Export schedules, the folders they fill, and one handover a period: the obligation, and afterwards the proof."""

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from portal.tenants.base import PublicModel, TenantModel
from portal.tenants.models.grants import Grant
from portal.tenants.models.keys import ApiKey
from portal.tenants.models.tenants import validate_zone
from portal.vault import EncryptedText
from reports.definitions.periods import Period
from reports.files.models import Export, What
from reports.mail.due import Kind, Rhythm
from reports.mail.models import KINDS, WEEKDAYS, MissedPeriods

LONGEST_NAME, LONGEST_FOLDER, LONGEST_QUERY = 120, 500, 4_000


class PlaceKind(models.TextChoices):
    SFTP = "sftp", _("a folder on SFTP")
    S3 = "s3", _("a bucket that speaks S3")


class Destination(PublicModel):
    """A folder or a bucket of the company's own that files are put into.

    ``host`` is the name of an SFTP server, or the address of an S3 endpoint; ``folder`` the path below which files lie,
    in a bucket their prefix; ``login`` a user, or the id of an access key; ``secret`` a password, that of
    ``private_key`` where there is one, or an access key's secret. ``host_key`` is the key by which the server is known,
    as OpenSSH writes it; ``seen_key`` the one that it showed and nobody has confirmed. Without a confirmed key nothing
    is handed over by SFTP. A removed one stays a row, without its secrets.
    """

    name = models.CharField(_("name"), max_length=LONGEST_NAME)
    kind = models.CharField(_("kind"), max_length=10, choices=PlaceKind.choices, default=PlaceKind.SFTP)
    host = models.CharField(_("host"), max_length=255)
    port = models.PositiveIntegerField(_("port"), default=22, validators=[MaxValueValidator(65535)])
    bucket = models.CharField(_("bucket"), max_length=255, blank=True)
    region = models.CharField(_("region"), max_length=60, blank=True)
    folder = models.CharField(_("folder"), max_length=LONGEST_FOLDER, blank=True)
    login = models.CharField(_("user or access key"), max_length=255)
    secret = EncryptedText(_("secret"), default="", blank=True)
    private_key = EncryptedText(_("private key"), default="", blank=True)
    host_key = models.TextField(_("key of the server"), blank=True)
    seen_key = models.TextField(_("key that waits to be confirmed"), blank=True)
    creator = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("set up by")
    )
    key = models.ForeignKey(
        ApiKey, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("by API key")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    removed_at = models.DateTimeField(_("removed"), null=True, blank=True)

    class Meta(PublicModel.Meta):
        verbose_name = _("destination of files")
        verbose_name_plural = _("destinations of files")
        ordering = ("name", "id")

    def __str__(self) -> str:
        return self.name

    @property
    def ready(self) -> bool:
        """Whether files may be put there: it stands, and its server is known."""
        return self.removed_at is None and (self.kind == PlaceKind.S3 or bool(self.host_key))


class Way(models.TextChoices):
    """How files come to whom they are for."""

    ATTACHED = "attached", _("by mail, as attachment")
    LINKED = "linked", _("by mail, as a link")
    PUT = "put", _("into a folder or bucket")


class ExportSchedule(PublicModel):
    """A file that is made for each period and handed over. ``next_due`` is the one thing that a worker claims.

    ``query`` is the question without its days, which come from the period: that of the rhythm, or the ``span``
    named, counted on the day it is due; ``standing`` takes a list as it stands, without days. ``grant`` is the most
    that it shows: what its maker saw when it was made, without numbers unless they were allowed; as long as it
    stands its maker has to see it still. Since ``suspended_at`` its destination is another than the one it was made
    for: nothing is handed over before someone with its rights has confirmed that. ``hold_hours`` is how long a file
    waits for data that are not complete; then it goes out and says so, or ``holds`` on until they are. A paused one
    is not ``active``; a removed one stays a row.
    """

    name = models.CharField(_("name"), max_length=LONGEST_NAME)
    what = models.CharField(_("what"), max_length=10, choices=What.choices, default=What.CALLS)
    query = models.CharField(_("query"), max_length=LONGEST_QUERY, blank=True)
    format = models.CharField(_("format"), max_length=10)
    dialect = models.CharField(_("dialect"), max_length=10, blank=True)
    language = models.CharField(_("language"), max_length=10, choices=settings.LANGUAGES)
    kind = models.CharField(_("rhythm"), max_length=10, choices=KINDS, default=Kind.DAILY.value)
    weekday = models.PositiveSmallIntegerField(
        _("weekday"), choices=WEEKDAYS, default=0, validators=[MaxValueValidator(6)]
    )
    hour = models.PositiveSmallIntegerField(_("hour"), default=6, validators=[MaxValueValidator(23)])
    zone = models.CharField(_("time zone"), max_length=64, validators=[validate_zone])
    span = models.CharField(_("days of the file"), max_length=20, blank=True)
    way = models.CharField(_("handed over"), max_length=10, choices=Way.choices, default=Way.LINKED)
    destination = models.ForeignKey(
        Destination, null=True, on_delete=models.PROTECT, related_name="schedules", verbose_name=_("destination")
    )
    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, related_name="+", verbose_name=_("what may be seen"))
    creator = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("set up by")
    )
    key = models.ForeignKey(
        ApiKey, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("by API key")
    )
    active = models.BooleanField(_("active"), default=True)
    hold_hours = models.PositiveSmallIntegerField(
        _("hours to wait for complete data"), default=6, validators=[MaxValueValidator(20)]
    )
    holds = models.BooleanField(_("waits until data are complete"), default=False)
    missed = models.CharField(
        _("missed periods"), max_length=10, choices=MissedPeriods.choices, default=MissedPeriods.EACH
    )
    next_due = models.DateTimeField(_("next due"), null=True, blank=True, db_index=True)
    suspended_at = models.DateTimeField(_("suspended"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    removed_at = models.DateTimeField(_("removed"), null=True, blank=True)

    class Meta(PublicModel.Meta):
        verbose_name = _("export schedule")
        verbose_name_plural = _("export schedules")
        ordering = ("name", "id")

    def __str__(self) -> str:
        return self.name

    @property
    def rhythm(self) -> Rhythm:
        return Rhythm(Kind(self.kind), self.zone, self.hour, weekday=self.weekday)


class FileReader(TenantModel):
    """A member to whom the files of a schedule are mailed."""

    schedule = models.ForeignKey(ExportSchedule, on_delete=models.CASCADE, related_name="readers")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", verbose_name=_("user")
    )

    class Meta(TenantModel.Meta):
        verbose_name = _("reader of scheduled files")
        verbose_name_plural = _("readers of scheduled files")
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(fields=("tenant", "schedule", "user"), name="reports_handover_reader_user"),
        )

    def __str__(self) -> str:
        return str(self.user)


class HandoverState(models.TextChoices):
    """How far the file of a period is on its way."""

    PENDING = "pending", pgettext_lazy("a scheduled file", "to be made")
    HELD = "held", pgettext_lazy("a scheduled file", "waiting for data")
    MAKING = "making", pgettext_lazy("a scheduled file", "being made")
    SENT = "sent", pgettext_lazy("a scheduled file", "handed over")
    SUPPRESSED = "suppressed", pgettext_lazy("a scheduled file", "held back")
    FAILED = "failed", pgettext_lazy("a scheduled file", "failed")


OPEN = (HandoverState.PENDING, HandoverState.HELD, HandoverState.MAKING)


class Handover(PublicModel):
    """The file of one period. ``press`` is empty for what is scheduled, of which there is one for each period, and the
    key of a button's press for a trial.

    ``round`` counts how often a person had it made anew. ``claims`` grows with every claim and tells a late worker from
    the present one; ``tries`` counts what went wrong in this round. ``manifest`` is what stands beside the file, once
    it was handed over; ``late`` says that this was well after it was due.
    """

    schedule = models.ForeignKey(ExportSchedule, on_delete=models.CASCADE, related_name="handovers")
    period_start = models.DateField(_("from"))
    period_end = models.DateField(_("until (exclusive)"))
    zone = models.CharField(_("time zone"), max_length=64)
    press = models.CharField(max_length=64, blank=True, default="", editable=False)
    round = models.PositiveIntegerField(_("made anew"), default=0)
    due_at = models.DateTimeField(_("due"))
    held_until = models.DateTimeField(_("waits until"))
    state = models.CharField(_("state"), max_length=12, choices=HandoverState.choices, default=HandoverState.PENDING)
    reason = models.CharField(_("reason"), max_length=40, blank=True)
    reply = models.CharField(_("last reply"), max_length=300, blank=True)
    tries = models.PositiveIntegerField(_("tries of this round"), default=0)
    claims = models.PositiveIntegerField(default=0)
    claimed_until = models.DateTimeField(_("claimed until"), null=True, blank=True)
    next_attempt_at = models.DateTimeField(_("next attempt"), null=True, blank=True)
    export = models.ForeignKey(Export, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("export"))
    manifest = models.JSONField(_("manifest"), default=dict, blank=True)
    complete = models.BooleanField(_("complete"), null=True)
    late = models.BooleanField(_("late"), default=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta(PublicModel.Meta):
        verbose_name = _("handover of a file")
        verbose_name_plural = _("handovers of files")
        ordering = ("-id",)
        constraints = (
            *PublicModel.Meta.constraints,
            models.UniqueConstraint(
                fields=("tenant", "schedule", "period_start", "period_end", "press"),
                name="reports_handover_once",
            ),
        )
        indexes = (
            models.Index(fields=("tenant", "schedule", "-id"), name="reports_handover_newest"),
            models.Index(
                fields=("next_attempt_at", "id"),
                condition=models.Q(state__in=("pending", "held", "making")),
                name="reports_handover_open",
            ),
        )

    def __str__(self) -> str:
        return f"{self.period_start:%Y-%m-%d} {self.state}"

    @property
    def period(self) -> Period:
        return Period(self.period_start, self.period_end, self.zone)

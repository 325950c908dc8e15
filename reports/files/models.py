"""Files that were asked for: each is a row before it is made, and stays one for a while after it is gone."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.tenants.base import PublicModel
from portal.tenants.models.grants import Grant
from portal.tenants.models.keys import ApiKey
from portal.vault import EncryptedText


class State(models.TextChoices):
    WAITING = "waiting", _("waiting")
    RUNNING = "running", _("being made")
    READY = "ready", _("ready")
    FAILED = "failed", _("failed")
    EXPIRED = "expired", _("expired")


class What(models.TextChoices):
    CALLS = "calls", _("Calls")
    CALLBACKS = "callbacks", _("Callbacks")
    WAITING = "waiting", _("Contacts still waiting")
    CAMPAIGNS = "campaigns", _("Campaigns")
    REPORT = "report", _("Report")
    BOARD = "board", _("Board")  # of a schedule alone: reports.handover
    PERSON = "person", _("Data of one person")  # asked for on a page of its own: reports.privacy


ORDERED = tuple(what for what in What if what not in (What.PERSON, What.BOARD))  # lists and reports
TABLES = (*ORDERED, What.BOARD)  # all that is made of tables


class Export(PublicModel):
    """One file. Either a member (``user``) or an API key asked for it, and only they may have it.

    ``attempts`` grows with every claim and never falls, so it also tells an old maker from the present one. ``rights``
    is what of the tenant the rows were taken from; see ``reports.files.rights``. ``facts`` is what a person is told of
    the file, in its language. One that a schedule asked for has a ``grant``: the most that it shows.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("who"),
    )
    key = models.ForeignKey(
        ApiKey, null=True, blank=True, on_delete=models.CASCADE, related_name="+", verbose_name=_("by API key")
    )
    grant = models.ForeignKey(
        Grant,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("what may be seen"),
    )
    what = models.CharField(_("what"), max_length=10, choices=What.choices)
    title = models.CharField(_("title"), max_length=200, blank=True)
    query = models.TextField(_("query"), blank=True)
    subject = EncryptedText(blank=True, default="", editable=False)  # whom it is about, until it is made
    format = models.CharField(_("format"), max_length=10)
    dialect = models.CharField(_("dialect"), max_length=10, blank=True)
    language = models.CharField(_("language"), max_length=10, choices=settings.LANGUAGES)
    rights = models.JSONField(default=dict, editable=False, blank=True)

    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    owner = models.CharField(max_length=200, blank=True, editable=False)
    lease_until = models.DateTimeField(_("claimed until"), null=True, blank=True)
    expected = models.PositiveBigIntegerField(_("rows expected"), null=True, blank=True)
    done = models.PositiveBigIntegerField(_("rows done"), default=0)
    error = models.TextField(_("error"), blank=True)

    file = models.CharField(max_length=64, blank=True, editable=False)
    name = models.CharField(_("name of the file"), max_length=200, blank=True)
    bytes = models.PositiveBigIntegerField(_("bytes"), null=True, blank=True)
    sha256 = models.CharField("SHA-256", max_length=64, blank=True)
    facts = models.JSONField(_("facts"), default=dict, blank=True)
    complete = models.BooleanField(_("complete"), null=True)
    as_of = models.DateTimeField(_("as of"), null=True, blank=True)

    created_at = models.DateTimeField(_("asked"), auto_now_add=True)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)

    class Meta(PublicModel.Meta):
        verbose_name = _("export")
        verbose_name_plural = _("exports")
        ordering = ("-id",)
        constraints = (
            *PublicModel.Meta.constraints,
            models.CheckConstraint(
                condition=models.Q(user=None) | models.Q(key=None), name="reports_files_export_one_asker"
            ),
        )
        indexes = (
            models.Index(
                fields=("state", "id"),
                condition=models.Q(state__in=("waiting", "running")),
                name="reports_files_export_open",
            ),
            models.Index(fields=("tenant", "-id"), name="reports_files_export_newest"),
        )

    def __str__(self) -> str:
        return f"{self.what}.{self.format}"  # its title is its asker's to know

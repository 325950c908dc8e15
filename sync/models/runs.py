"""The ledger of reading: runs, the windows they read, and the gaps that stayed."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.lib.ids import uuid7
from portal.tenants.base import PublicModel
from sync.models.base import EnvironmentModel
from sync.models.connections import Connection
from sync.taxonomy import Fault, Stream

STREAMS = [
    (Stream.AGENTS, _("agents")),
    (Stream.CALLS, _("calls")),
    (Stream.CALLBACKS, _("callbacks")),
    (Stream.CAMPAIGNS, _("campaigns")),
]
FAULTS = [
    (Fault.REJECTED, _("the token was rejected")),
    (Fault.FORBIDDEN, _("the token may not read this")),
    (Fault.NOT_FOUND, _("not found at the vendor")),
    (Fault.REFUSED, _("the vendor refused the request")),
    (Fault.THROTTLED, _("the vendor asked to wait")),
    (Fault.SERVER, _("the vendor's server failed")),
    (Fault.TIMEOUT, _("the vendor did not answer in time")),
    (Fault.NETWORK, _("the connection failed")),
    (Fault.TRUNCATED, _("the answer was cut")),
    (Fault.NOT_JSON, _("the answer was not JSON")),
    (Fault.FORM, _("the answer had an unknown form")),
    (Fault.TOO_LARGE, _("the answer was too large")),
    (Fault.ADDRESS, _("the address is not allowed")),
    (Fault.DRIFT, _("the pages kept moving while they were read")),
    (Fault.EMPTY_PAGE, _("a page was empty that should not be")),
    (Fault.VANISHED, _("most of what was there is gone")),
    (Fault.UNREADABLE, _("elements could not be understood")),
    (Fault.LOST_LEASE, _("another process took over")),
    (Fault.CLOCK, _("it was read by a clock that was ahead")),
]


class RunState(models.TextChoices):
    RUNNING = "running", _("running")
    COMPLETE = "complete", _("complete")
    PARTIAL = "partial", _("partial")
    FAILED = "failed", _("failed")
    INTERRUPTED = "interrupted", _("interrupted")  # its process was ended; the next run goes on from the rows


class Run(PublicModel):
    """One reading of one stream by one process: ``owner`` holds the lease, ``fence`` tells a late one off."""

    environment = models.ForeignKey("tenants.Environment", on_delete=models.PROTECT, related_name="+")
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="runs")
    stream = models.CharField(_("stream"), max_length=20, choices=STREAMS)
    since = models.DateField(_("from"), null=True)
    until = models.DateField(_("to"), null=True)
    state = models.CharField(_("state"), max_length=12, choices=RunState.choices, default=RunState.RUNNING)
    owner = models.CharField(max_length=120, blank=True)
    lease_until = models.DateTimeField(null=True)
    fence = models.BigIntegerField(default=1)
    seen = models.BigIntegerField(_("read"), default=0)
    new = models.BigIntegerField(_("new"), default=0)
    changed = models.BigIntegerField(_("changed"), default=0)
    quarantined = models.BigIntegerField(_("quarantined"), default=0)
    missing = models.BigIntegerField(_("missing upstream"), default=0)
    windows_planned = models.IntegerField(_("windows planned"), default=0)
    windows_complete = models.IntegerField(_("windows complete"), default=0)
    windows_incomplete = models.IntegerField(_("windows incomplete"), default=0)
    requests = models.BigIntegerField(_("requests"), default=0)
    fault = models.CharField(_("fault"), max_length=20, choices=FAULTS, blank=True)
    detail = models.CharField(_("detail"), max_length=300, blank=True)
    started_at = models.DateTimeField(_("started"))
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta(PublicModel.Meta):
        verbose_name = _("run")
        verbose_name_plural = _("runs")
        ordering = ("-started_at", "-id")
        constraints = (
            *PublicModel.Meta.constraints,
            models.UniqueConstraint(
                fields=("tenant", "environment", "stream"),
                condition=models.Q(state="running"),
                name="sync_run_one_at_a_time",
            ),
        )
        indexes = (
            models.Index(fields=("started_at",), name="sync_run_started"),
            models.Index(fields=("environment", "stream", "started_at"), name="sync_run_of_stream"),
        )

    def __str__(self) -> str:
        return f"{self.stream} {self.started_at:%Y-%m-%d %H:%M}"


class WindowState(models.TextChoices):
    DUE = "due", _("due")
    COMPLETE = "complete", _("complete")
    UNREADABLE = "unreadable", _("read, but not all of it understood")
    INCOMPLETE = "incomplete", _("incomplete")


READ = (WindowState.COMPLETE, WindowState.UNREADABLE)  # the last attempt came to the end of the window


class Window(EnvironmentModel):
    """The state of one closed part of a stream: a UTC day, one agent's whole history, or the whole list.

    ``part`` is ``2026-11-20``, ``agent:7`` or ``all``. ``read_at`` is when the last *whole* reading was begun: as of
    that moment the mirror had everything the vendor had and that could be understood. ``state`` tells of the last
    attempt, so a window that was whole yesterday and failed today is incomplete with an older ``read_at``. One that is
    ``unreadable`` was read whole and is not complete: elements of it are in quarantine, open. ``next_attempt_at`` is
    when it is to be read next, by the rhythm of ``sync.windows``; without one a window that was read whole is left
    alone until somebody asks.
    """

    stream = models.CharField(_("stream"), max_length=20, choices=STREAMS)
    part = models.CharField(_("part"), max_length=220)
    day = models.DateField(_("UTC day"), null=True)
    state = models.CharField(_("state"), max_length=10, choices=WindowState.choices, default=WindowState.DUE)
    vendor_total = models.BigIntegerField(_("vendor's total"), null=True)
    mirrored = models.BigIntegerField(_("mirrored"), null=True)
    read_at = models.DateTimeField(_("whole as of"), null=True)
    tried_at = models.DateTimeField(_("last tried"), null=True)
    attempts = models.IntegerField(_("attempts since whole"), default=0)
    next_attempt_at = models.DateTimeField(_("next reading"), null=True)
    fault = models.CharField(_("fault"), max_length=20, choices=FAULTS, blank=True)

    class Meta(EnvironmentModel.Meta):
        verbose_name = _("window")
        verbose_name_plural = _("windows")
        constraints = (
            models.UniqueConstraint(fields=("tenant", "environment", "stream", "part"), name="sync_window_part"),
        )
        indexes = (
            models.Index(fields=("environment", "stream", "day"), name="sync_window_day"),
            models.Index(fields=("next_attempt_at",), name="sync_window_next"),
            models.Index(fields=("read_at",), name="sync_window_read"),
        )

    def __str__(self) -> str:
        return f"{self.stream} {self.part}"


class Gap(EnvironmentModel):
    """A window that could not be read whole, from when it was noticed until it closed."""

    public_id = models.UUIDField(default=uuid7, editable=False)
    stream = models.CharField(_("stream"), max_length=20, choices=STREAMS)
    part = models.CharField(_("part"), max_length=220)
    day = models.DateField(_("UTC day"), null=True)
    fault = models.CharField(_("fault"), max_length=20, choices=FAULTS)
    detail = models.CharField(_("detail"), max_length=300, blank=True)
    opened_at = models.DateTimeField(_("opened"))
    closed_at = models.DateTimeField(_("closed"), null=True)

    class Meta(EnvironmentModel.Meta):
        verbose_name = _("gap")
        verbose_name_plural = _("gaps")
        ordering = ("-opened_at", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=("tenant", "environment", "stream", "part"),
                condition=models.Q(closed_at__isnull=True),
                name="sync_gap_one_open",
            ),
        )

    def __str__(self) -> str:
        return f"{self.stream} {self.part}"

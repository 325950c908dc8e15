"""What the pages of connections tell: each environment's standing, how far its history is read, and its last runs."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.formats import figures
from portal.tenants.models.tenants import Environment
from sync.budget import rate_of
from sync.history import days_to_read, estimate, today
from sync.models.connections import Connection, ConnectionState
from sync.models.quarantine import OPEN, Quarantine
from sync.models.runs import READ, STREAMS, Gap, Run, RunState, Window
from sync.providers import registry
from sync.standing import Kind, Standing, standings

SHOWN_RUNS = 15
SHOWN_GAPS = 20
_MARKS = {
    Kind.WORKING: "good",
    Kind.GAPS: "warn",
    Kind.FAILING: "bad",
    Kind.SEALED: "bad",
    Kind.PAUSED: "off",
    Kind.REMOVED: "off",
}


@dataclass(frozen=True, slots=True)
class ConnectionLine:
    """``connection`` is None for an environment that is not connected; ``fresh`` is empty until something was read."""

    environment: Environment
    vendor: str
    connection: Connection | None = None
    standing: Standing | None = None
    state: str = ""
    mark: str = "off"
    fresh: str = ""
    gaps: int = 0
    aside: int = 0

    @property
    def is_failing(self) -> bool:
        return self.standing is not None and self.standing.kind in (Kind.FAILING, Kind.SEALED)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the history is read: ``read`` of ``planned`` days or histories, over all streams; ``left`` says what the
    rest asks of the vendor. ``streams`` has the days of each stream, by its label, where streams are read by day.
    """

    read: int
    planned: int
    streams: tuple[tuple[str, int, int], ...]
    left: str

    @property
    def is_whole(self) -> bool:
        return self.read >= self.planned


@dataclass(frozen=True, slots=True)
class RunLine:
    run: Run
    at: str
    mark: str
    why: str


def connection_lines(environments: Sequence[Environment], zone: str) -> list[ConnectionLine]:
    """A line for each environment, in a few queries however many there are."""
    keys = [environment.pk for environment in environments]
    rows = Connection.objects.filter(environment_id__in=keys).defer("token").select_related("environment")
    by_environment = {row.environment_id: row for row in rows}
    found = standings(list(by_environment.values()))
    fresh = _newest(keys)
    gaps = _counts(Gap.objects.filter(environment_id__in=keys, closed_at=None))
    aside = _counts(Quarantine.objects.filter(OPEN, environment_id__in=keys).exclude(part=""))
    lines = []
    for environment in environments:
        row = by_environment.get(environment.pk)
        vendor = vendor_name(environment.provider)
        if row is None:
            lines.append(ConnectionLine(environment, vendor))
            continue
        standing, read_at = found[row.pk], fresh.get(environment.pk)
        lines.append(
            ConnectionLine(
                environment,
                vendor,
                row,
                standing,
                standing.told(zone),
                _MARKS.get(standing.kind, "wait"),
                figures.moment(read_at, zone, now=timezone.now()) if read_at else "",
                gaps.get(environment.pk, 0),
                aside.get(environment.pk, 0),
            )
        )
    return lines


def vendor_name(key: str) -> str:
    try:
        return registry.get(key).label
    except KeyError:
        return key


def progress_of(connection: Connection) -> Progress:
    """How much of the history was read whole, and what the rest asks of the vendor. Few queries."""
    provider = registry.get(connection.provider)
    daily = [stream for stream in provider.streams if stream in provider.daily]
    whole = Window.objects.filter(environment_id=connection.environment_id, state__in=READ)
    if daily:
        days = (today() - connection.since).days + 1
        rows = whole.filter(stream__in=daily, day__gte=connection.since, day__lte=today())
        by_stream = dict(rows.order_by().values_list("stream").annotate(n=Count("pk")))
        labels = dict(STREAMS)
        streams = tuple((str(labels[stream]), min(by_stream.get(str(stream), 0), days), days) for stream in daily)
        read, planned = sum(done for _label, done, _days in streams), days * len(streams)
    else:
        parts = [part.key for stream in provider.streams for part in provider.parts(stream, connection.settings, [])]
        planned, read, streams = len(parts), whole.filter(part__in=parts).count(), ()
    rest = days_to_read(connection.since, connection) if daily else planned - read
    left = estimate(provider, connection.settings, rate_of(connection), rest) if rest > 0 else ""
    reads = connection.state in (ConnectionState.OK, ConnectionState.UNTESTED)
    return Progress(min(read, planned), planned, streams, str(left) if reads else "")


def run_lines(connection: Connection, zone: str) -> list[RunLine]:
    """The last runs, newest first."""
    runs = Run.objects.filter(environment_id=connection.environment_id).order_by("-started_at", "-pk")[:SHOWN_RUNS]
    now = timezone.now()
    marks = {"complete": "good", "partial": "warn", "failed": "bad", "interrupted": "warn"}
    return [
        RunLine(
            run,
            figures.moment(run.started_at, zone, now=now),
            "wait" if run.state == RunState.PARTIAL and not run.fault else marks.get(run.state, "wait"),
            _reason(run),
        )
        for run in runs
    ]


def _reason(run: Run) -> str:
    """Why a run is not complete; "" for one that is, or that still runs."""
    if run.fault:
        return str(run.get_fault_display())
    if run.state == RunState.PARTIAL:  # its turn was over, and others read on
        return _("%(read)s of %(planned)s parts are read. The next sync continues.") % {
            "read": figures.decimal(run.windows_complete),
            "planned": figures.decimal(run.windows_planned),
        }
    if run.state == RunState.INTERRUPTED:
        return _("The server stopped during this sync. The next one continues.")
    return ""


def open_gaps(connection: Connection) -> list[Gap]:
    rows = Gap.objects.filter(environment_id=connection.environment_id, closed_at=None)
    return list(rows.order_by("-day", "stream", "part")[:SHOWN_GAPS])


def _newest(environments: Collection[int]) -> dict[int, datetime]:
    rows = Window.objects.filter(environment_id__in=environments, read_at__isnull=False).order_by()
    return dict(rows.values_list("environment_id").annotate(at=Max("read_at")))


def _counts(rows: object) -> dict[int, int]:
    return dict(rows.order_by().values_list("environment_id").annotate(n=Count("pk")))  # type: ignore[attr-defined]

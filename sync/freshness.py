"""What the ledger of reading says of some environments: windows, gaps, quarantine, corrections. Plain queries."""

from collections.abc import Collection, Iterable
from datetime import date, datetime

from django.db.models import Exists, F, Min, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from portal.tenants.models.tenants import Environment
from sync.models.connections import Connection, ConnectionState
from sync.models.quarantine import SHOWN, Quarantine
from sync.models.runs import Gap, Run, Window
from sync.taxonomy import Stream


def day_windows(environments: Collection[int], streams: Collection[str], first: date, last: date) -> QuerySet[Window]:
    """The windows of UTC days, both ends included."""
    return Window.objects.filter(
        environment_id__in=environments, stream__in=streams, day__gte=first, day__lte=last
    ).order_by("environment_id", "day")


def whole_windows(environments: Collection[int], streams: Collection[str]) -> QuerySet[Window]:
    """The windows that are no day: an agent's whole history, or a whole list."""
    return Window.objects.filter(environment_id__in=environments, stream__in=streams, day=None).order_by(
        "environment_id", "part"
    )


def all_windows(environments: Collection[int]) -> QuerySet[Window]:
    return Window.objects.filter(environment_id__in=environments).order_by("environment_id", "stream", "day", "part")


def open_gaps(environments: Collection[int]) -> QuerySet[Gap]:
    return Gap.objects.filter(environment_id__in=environments, closed_at=None).order_by(
        "environment_id", "stream", "day", "part"
    )


def overdue(connections: Iterable[Connection], before: datetime) -> dict[int, tuple[datetime, list[str]]]:
    """The environments that nobody has read since ``before`` though they were due: since when, and which streams.

    One that has no window at all was due since its connection was made, or stands as it does.
    """
    rows = {row.environment_id: row for row in connections}
    of_history = Q(day=None) | Q(day__gte=F("environment__connection__since"))
    late = Window.objects.filter(of_history, next_attempt_at__lt=before, environment_id__in=rows).order_by()
    found: dict[int, tuple[datetime, list[str]]] = {}
    for key, stream, since in late.values_list("environment_id", "stream").annotate(Min("next_attempt_at")):
        first, streams = found.get(key, (since, []))
        found[key] = min(first, since), [*streams, stream]
    unread = Environment.objects.exclude(Exists(Window.objects.filter(environment_id=OuterRef("pk")))).filter(
        pk__in=rows
    )
    for key in unread.values_list("pk", flat=True):
        since = rows[key].state_since or rows[key].created_at
        if since < before:
            found[key] = since, []
    return found


def last_read(environments: Collection[int]) -> dict[int, datetime]:
    """When the calls of each were read last: its newest day, or the agent's history that was read longest ago. One that
    waits for its first reading counts from when its connection was made; one that nobody reads on purpose is left out.
    """
    calls = Window.objects.filter(environment_id=OuterRef("pk"), stream=Stream.CALLS, read_at__isnull=False)
    newest = calls.filter(day__isnull=False).order_by("-day").values("read_at")[:1]
    oldest = calls.filter(day=None).order_by("read_at").values("read_at")[:1]
    rows = Environment.objects.filter(pk__in=environments, retired_at=None, connection__isnull=False)
    living = rows.exclude(connection__state__in=(ConnectionState.PAUSED, ConnectionState.REMOVED)).order_by()
    return dict(living.values_list("pk", Coalesce(Subquery(newest), Subquery(oldest), F("connection__created_at"))))


def refused(environments: Collection[int]) -> dict[int, datetime | None]:
    """The environments whose token the vendor refuses, and since when. The token is not read."""
    rows = Connection.objects.filter(environment_id__in=environments, environment__retired_at=None).order_by()
    return dict(rows.filter(state=ConnectionState.REJECTED).values_list("environment_id", "state_since"))


def gaps_since(environments: Collection[int], first: datetime) -> QuerySet[Gap]:
    """Every gap that was open at ``first`` or later, by when it opened."""
    rows = Gap.objects.filter(Q(closed_at=None) | Q(closed_at__gt=first), environment_id__in=environments)
    return rows.order_by("opened_at", "id")


def runs_of(environments: Collection[int], stream: Stream | None = None) -> QuerySet[Run]:
    """The runs that are kept, of one stream or all, by when they began."""
    rows = Run.objects.filter(environment_id__in=environments).order_by("started_at", "id")
    rows = rows.only("environment_id", "state", "fault", "windows_complete", "started_at", "finished_at")
    return rows if stream is None else rows.filter(stream=stream)


def living(environments: Collection[int]) -> QuerySet[Connection]:
    """The connections that are read, of environments that stand. The token is not read."""
    rows = Connection.objects.filter(environment_id__in=environments, environment__retired_at=None)
    return rows.exclude(state__in=(ConnectionState.PAUSED, ConnectionState.REMOVED)).defer("token").order_by()


def set_aside(environments: Collection[int]) -> QuerySet[Quarantine]:
    """Elements that the vendor shows and that can't be read, those accepted as no call among them."""
    return Quarantine.objects.filter(SHOWN, environment_id__in=environments).exclude(part="")


def history_starts(environments: Collection[int]) -> dict[int, date]:
    """The first UTC day each environment's history is asked for. The token is not read."""
    rows = Connection.objects.filter(environment_id__in=environments).order_by()
    return dict(rows.values_list("environment_id", "since"))


def first_days(environments: Collection[int]) -> dict[int, date]:
    """The first UTC day each environment has something of: that of its history, or one that was read from before it."""
    # A look into the index for each stream: the windows of years are not walked to find their first.
    firsts = {
        f"first_of_{stream}": Window.objects.filter(environment_id=OuterRef("pk"), stream=stream, day__isnull=False)
        .order_by("day")
        .values("day")[:1]
        for stream in Stream
    }
    rows = Environment.objects.filter(pk__in=environments).order_by().annotate(**firsts)
    days = rows.values_list("pk", "connection__since", *firsts)
    return {pk: min(dates) for pk, *some in days if (dates := [day for day in some if day is not None])}

"""How connections are doing, as their rows tell it: state, last runs, open gaps, and whether the token opens here."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from zoneinfo import ZoneInfo

from django.db.models import DateTimeField, Min, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from sync.connections import sealed
from sync.models.connections import Connection, ConnectionState
from sync.models.runs import FAULTS, STREAMS, Gap, Run, RunState
from sync.taxonomy import Fault, Stream

_BEFORE_ALL = Value(datetime(1970, 1, 1, tzinfo=UTC), output_field=DateTimeField())
_GOOD = (RunState.COMPLETE, RunState.PARTIAL)


class Kind(Enum):
    REMOVED = auto()
    PAUSED = auto()
    SEALED = auto()  # this installation lacks the token's key
    FAILING = auto()  # the last run of some stream brought nothing
    WAITING = auto()  # the vendor wants a pause
    UNTESTED = auto()
    GAPS = auto()  # it is read, and not all of it comes in
    WORKING = auto()


@dataclass(frozen=True, slots=True)
class Standing:
    """``since`` is when it began; of what works, the last reading or test; of a pause that the vendor wants, its end.

    ``why`` is a sentence or a fault's words; ``streams`` names those that fail where others do not.
    """

    kind: Kind
    since: datetime | None = None
    why: str = ""
    streams: tuple[str, ...] = ()

    def __str__(self) -> str:
        """In UTC, as the console's other times."""
        return self.told("UTC")

    def told(self, zone: str) -> str:
        """The standing in the active language, its times in ``zone``."""
        words = {"since": _moment(self.since, zone), "why": self.why, "streams": ", ".join(self.streams)}
        return (self._pattern() % words).strip()

    def _pattern(self) -> str:
        match self.kind:
            case Kind.REMOVED:
                return _("removed %(since)s; what was read stays")
            case Kind.PAUSED:
                return _("paused since %(since)s") if self.since else _("paused")
            case Kind.SEALED:
                return _("cannot be read here: %(why)s")
            case Kind.FAILING if self.streams:
                return _("failing since %(since)s (%(streams)s): %(why)s")
            case Kind.FAILING:
                return _("failing since %(since)s: %(why)s")
            case Kind.WAITING:
                return _("waiting until %(since)s: the vendor asked to wait")
            case Kind.UNTESTED:
                return _("not tested yet")
            case Kind.GAPS:
                return _("working, with gaps since %(since)s: %(why)s")
            case Kind.WORKING:
                return _("working, as of %(since)s") if self.since else _("working, not read yet")


def standings(connections: Collection[Connection]) -> dict[int, Standing]:
    """The standing of each connection by its key, in a few queries however many there are."""
    environments = [connection.environment_id for connection in connections]
    unopened = sealed([connection.pk for connection in connections])
    last = _last_runs(connections)
    gaps = _gaps(environments)
    return {
        connection.pk: _standing(
            connection,
            unopened.get(connection.pk, ""),
            last.get(connection.pk, []),
            gaps.get(connection.environment_id),
        )
        for connection in connections
    }


def _standing(
    connection: Connection, unopened: str, last: Collection[Run], gap: tuple[datetime, str] | None
) -> Standing:
    tested = connection.tested_at or datetime.min.replace(tzinfo=UTC)
    if connection.state == ConnectionState.REMOVED:
        return Standing(Kind.REMOVED, connection.state_since)
    if connection.state == ConnectionState.PAUSED:
        return Standing(Kind.PAUSED, connection.state_since)
    if unopened:
        return Standing(Kind.SEALED, why=unopened)
    if connection.state == ConnectionState.REJECTED:
        return Standing(Kind.FAILING, connection.state_since, why=_words(FAULTS, Fault.REJECTED))
    failed = [run for run in last if run.state == RunState.FAILED and run.started_at > tested]
    if failed:
        return _failing(failed, all_of_them=len(failed) == len(last))
    if connection.blocked_until is not None and connection.blocked_until > timezone.now():
        return Standing(Kind.WAITING, connection.blocked_until)
    if connection.state == ConnectionState.UNTESTED:
        return Standing(Kind.UNTESTED)
    if gap is not None:
        return Standing(Kind.GAPS, gap[0], why=_words(FAULTS, gap[1]))
    ends = [run.finished_at for run in last if run.finished_at is not None]
    return Standing(Kind.WORKING, max((*ends, connection.tested_at), default=None, key=_or_never))


def _failing(failed: Collection[Run], *, all_of_them: bool) -> Standing:
    newest = max(failed, key=lambda run: run.started_at)
    why = _words(FAULTS, newest.fault) or _("an error of Ringbook's own")
    streams = () if all_of_them else tuple(_words(STREAMS, run.stream) for run in failed)
    return Standing(Kind.FAILING, min(run.failing_since for run in failed), why, streams)  # type: ignore[attr-defined]


def _last_runs(connections: Collection[Connection]) -> dict[int, list[Run]]:
    """The last run of each stream that ended by itself; ``failing_since`` of one that failed: when the first did."""
    own = Run.objects.filter(environment_id=OuterRef("environment_id")).order_by("-started_at")
    ended = own.exclude(state__in=(RunState.RUNNING, RunState.INTERRUPTED))
    newest = {str(stream): Subquery(ended.filter(stream=stream).values("pk")[:1]) for stream in Stream}
    rows = Connection.objects.filter(pk__in=[connection.pk for connection in connections])
    keys = [pk for row in rows.values_list(*newest.values()) for pk in row if pk is not None]
    runs: dict[int, list[Run]] = {}
    for run in _with_beginnings(keys):
        runs.setdefault(run.connection_id, []).append(run)
    return runs


def _with_beginnings(keys: Collection[int]) -> QuerySet[Run]:
    same = Run.objects.filter(environment_id=OuterRef("environment_id"), stream=OuterRef("stream"))
    good = same.filter(state__in=_GOOD).order_by("-started_at").values("started_at")[:1]
    first = same.filter(state=RunState.FAILED, started_at__gt=OuterRef("good")).order_by("started_at")
    return (
        Run.objects.filter(pk__in=keys)
        .annotate(good=Coalesce(Subquery(good), _BEFORE_ALL))
        .annotate(failing_since=Subquery(first.values("started_at")[:1]))
        .order_by("stream")
    )


def _gaps(environments: Collection[int]) -> dict[int, tuple[datetime, str]]:
    """Since when each environment has an open gap, and why the oldest of them is one."""
    rows = Gap.objects.filter(environment_id__in=environments, closed_at=None).order_by()
    by_fault = rows.values_list("environment_id", "fault").annotate(since=Min("opened_at")).order_by("-since")
    return {key: (since, fault) for key, fault, since in by_fault}


def _words(choices: Collection[tuple[str, object]], key: str) -> str:
    return next((str(words) for word, words in choices if word == key), "")


def _or_never(moment: datetime | None) -> datetime:
    return moment or datetime.min.replace(tzinfo=UTC)


def _moment(moment: datetime | None, zone: str) -> str:
    """Without the day when that is today; a page that tells its own zone elsewhere need not repeat it."""
    if moment is None:
        return ""
    local = moment.astimezone(ZoneInfo(zone))
    today = local.date() == timezone.now().astimezone(ZoneInfo(zone)).date()
    words = date_format(local, "H:i" if today else "SHORT_DATETIME_FORMAT")
    return f"{words} UTC" if zone == "UTC" else words

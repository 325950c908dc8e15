"""What is to be read now, over all tenants, and in which order. Nothing here opens the vault or asks a vendor."""

import logging
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.db.models import Count, F, Max, Q

from portal.tenants import wall
from portal.work.clock import database_now
from sync import windows
from sync.budget import pause_of
from sync.connections import READ as CONNECTED
from sync.leases import LEASE
from sync.models.connections import Connection
from sync.models.runs import READ, Run, RunState, Window
from sync.providers import registry
from sync.providers.base import Provider
from sync.taxonomy import Stream

logger = logging.getLogger("ringbook.sync")

REMEMBERED = timedelta(days=1)  # turns further back are all alike
FRUITLESS = timedelta(seconds=55)  # for how long a stream is left alone after a turn that read no window whole
DEADLY = timedelta(hours=1)  # the longest, after turns that killed their process: four times as long for each of a day


class Due(NamedTuple):
    """A stream of a connection that is to be read: ids only, as a hint carries them."""

    tenant: int
    connection: int
    stream: str


@dataclass(frozen=True, slots=True)
class Turn:
    """When a stream was last read, and for how long it is left alone then."""

    at: datetime
    pause: timedelta = timedelta()


NEVER = Turn(datetime.min.replace(tzinfo=UTC))


def may_read(connection: Connection, now: datetime | None = None) -> bool:
    """Whether workers may read: not paused, not rejected, and not asked by the vendor to wait."""
    at = (now or database_now()).timestamp()
    return connection.state in CONNECTED and not pause_of(connection, at)


def due_streams() -> list[Due]:
    """Everything that is to be read now and is not being read, in the order in which to read it.

    A connection that can't be understood is logged and left out; the others are not its hostages. As many queries for a
    thousand connections as for one.
    """
    with wall.every_tenant("what is to be read, and by turns"):
        now = database_now()
        runs = Run.objects.filter(state=RunState.RUNNING).exclude(LEASE.free()).order_by()
        running = set(runs.values_list("tenant_id", "connection_id", "stream"))
        waiting = [due for due in _owed(now) if due not in running]
        return _in_turn(waiting, Counter(tenant for tenant, *_ in running), now)


def _owed(now: datetime) -> list[Due]:
    rows = Connection.objects.filter(environment__retired_at=None, tenant__active=True, state__in=CONNECTED)
    connections = [row for row in rows.defer("token").order_by("pk") if may_read(row, now)]
    ledger = _Ledger([row.environment_id for row in connections], now)
    owed = []
    for row in connections:
        try:
            provider = registry.get(row.provider)
            streams = [stream for stream in provider.streams if ledger.owes(row, provider, stream)]
        except (ValueError, LookupError) as error:
            logger.error("connection %s can't be read: %s", row.public_id, error.__class__.__name__)
            continue
        owed += [Due(row.tenant_id, row.pk, str(stream)) for stream in streams]
    return owed


class _Ledger:
    """The windows of some environments, as far as it takes to say which streams owe a reading."""

    def __init__(self, environments: Collection[int], now: datetime) -> None:
        self._now = now
        self._today = now.astimezone(UTC).date()
        here = Window.objects.filter(environment_id__in=environments).order_by()
        # Days before the history are nobody's to read, though a person may have.
        of_history = here.filter(day__gte=F("environment__connection__since"))
        due = of_history.filter(next_attempt_at__lte=now).values_list("environment_id", "stream").distinct()
        counted = of_history.filter(day__lte=self._today).values("environment_id", "stream").annotate(n=Count("day"))
        self._due = set(due)
        self._known = {(row["environment_id"], row["stream"]): row["n"] for row in counted}
        self._parts: dict[tuple[int, str], dict[str, windows.Seen]] = defaultdict(dict)
        whole = here.filter(day=None, stream__in=list(Stream))
        for environment, stream, part, state, at in whole.values_list(
            "environment_id", "stream", "part", "state", "next_attempt_at"
        ):
            self._parts[environment, stream][part] = windows.Seen(state in READ, at)

    def owes(self, connection: Connection, provider: Provider, stream: Stream) -> bool:
        """Whether a window is due, or was never read."""
        key = (connection.environment_id, str(stream))
        if stream in provider.daily:
            return key in self._due or self._known.get(key, 0) <= (self._today - connection.since).days
        parts = provider.parts(stream, connection.settings, [])
        return any(windows.is_due(self._parts[key].get(part.key), self._now) for part in parts)


def _in_turn(waiting: Sequence[Due], running: Mapping[int, int], now: datetime) -> list[Due]:
    """Tenants by turns, those of whom less is being read first, then those whose last turn is longest ago; within a
    tenant, the stream that has waited longest since its own. One whose last turn brought nothing waits a moment, so
    that it takes nobody's place.
    """
    turns = _turns({due.tenant for due in waiting}, now)
    served: dict[int, datetime] = {}
    for due, turn in turns.items():
        served[due.tenant] = max(turn.at, served.get(due.tenant, turn.at))
    ranks: Counter[int] = Counter(running)
    ordered = []
    for due in sorted(waiting, key=lambda due: turns.get(due, NEVER).at):
        turn = turns.get(due, NEVER)
        if now - turn.at < turn.pause:
            continue
        ordered.append((ranks[due.tenant], served.get(due.tenant, NEVER.at), turn.at, due))
        ranks[due.tenant] += 1
    return [due for *_, due in sorted(ordered, key=lambda item: item[:3])]


def _turns(tenants: Collection[int], now: datetime) -> dict[Due, Turn]:
    """The last turn of each stream of the tenants, as far back as it matters. One that was cut short because its worker
    was told to end was none: it would have gone on."""
    recent = Run.objects.filter(tenant_id__in=tenants, started_at__gt=now - REMEMBERED, started_at__lte=now)
    # It ended itself: whoever ends another's run takes its fence.
    recent = recent.exclude(state=RunState.INTERRUPTED, fence=1)
    died = Q(state=RunState.INTERRUPTED)
    rows = (
        recent.order_by()
        .values_list("tenant_id", "connection_id", "stream")
        .annotate(
            at=Max("started_at"),
            good=Max("started_at", filter=Q(windows_complete__gt=0) & ~died),
            death=Max("started_at", filter=died),
            deaths=Count("pk", filter=died),
        )
    )
    return {Due(*stream): Turn(at, _pause(at, good, death, deaths)) for *stream, at, good, death, deaths in rows}


def _pause(at: datetime, good: datetime | None, death: datetime | None, deaths: int) -> timedelta:
    """After a turn that began ``at``, the last good or deadly one being known: what kills its process each time is
    begun ever more rarely, so that neither it nor its likes keep the workers from everything else."""
    if death == at:
        pause: timedelta = FRUITLESS * 4 ** min(deaths - 1, 9)
        return min(pause, DEADLY)
    return timedelta() if good == at else FRUITLESS

"""When data were old, had a gap or were refused in the past, by what reading left behind: gaps and runs.

A gap tells when it opened and closed. A run tells when it began and ended and whether it read all that was due, but not
which days: where some of them were read and others not, nobody can say whether the newest was. What a person paused and
resumed meanwhile is not known here, and counts as not read.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby, pairwise

from portal.tenants.models.tenants import Environment
from reports.queries.question import Filters
from reports.queries.scope import Scope
from reports.queries.selector import resolve
from sync import freshness as ledger
from sync.models.connections import Connection, ConnectionState
from sync.models.runs import Run, RunState
from sync.taxonomy import Fault, Stream

EVER = timedelta(days=1)  # past the instant of asking, for what has no end yet


@dataclass(frozen=True, slots=True)
class Spell:
    """A time, half-open, in which an environment lacked something for longer than asked; ``since`` is when that began.
    One that is not ``sure`` may have been whole or not."""

    environment: str
    begins: datetime
    ends: datetime
    since: datetime
    sure: bool = True


def stale(scope: Scope, filters: Filters, at: datetime, longer_than: timedelta) -> list[Spell]:
    """When the calls of an environment had been read by nobody for longer than this, up to an instant."""
    homes = resolve(filters, scope, now=at).environments
    runs = ledger.runs_of(homes, Stream.CALLS).exclude(started_at__gt=at)
    read = {key: list(rows) for key, rows in groupby(sorted(runs, key=_home), key=_home)}
    spells: list[Spell] = []
    for connection in ledger.living(homes):
        own = read.get(connection.environment_id, [])
        spells += _unread(homes[connection.environment_id].name, connection, own, longer_than, at)
    return spells


def gaps(scope: Scope, filters: Filters, at: datetime, longer_than: timedelta, first: datetime) -> list[Spell]:
    """When something of an environment had been missing for at least this long, from ``first`` up to an instant."""
    homes = resolve(filters, scope, now=at).environments
    found = (
        Spell(homes[gap.environment_id].name, gap.opened_at + longer_than, gap.closed_at or at + EVER, gap.opened_at)
        for gap in ledger.gaps_since(homes, first)
    )
    return [spell for spell in found if spell.begins < spell.ends]


def refusals(scope: Scope, filters: Filters, at: datetime) -> list[Spell]:
    """When the vendor refused an environment's token: from the run that met it to the next that began, up to an
    instant."""
    homes: Mapping[int, Environment] = resolve(filters, scope, now=at).environments
    runs = sorted(ledger.runs_of(homes), key=_home)
    spells: list[Spell] = []
    connections = {row.environment_id: row for row in ledger.living(homes)}
    for key, rows in groupby(runs, key=_home):
        if key in connections:
            spells += _refused(homes[key].name, connections[key], list(rows), at)
    refused_now = {name for key, row in connections.items() if _is_refused(row) for name in [homes[key].name]}
    lasting = {spell.environment for spell in spells if spell.ends > at}
    for row in connections.values():
        name = homes[row.environment_id].name
        if name in refused_now - lasting and row.state_since is not None:
            spells.append(Spell(name, row.state_since, at + EVER, row.state_since))
    return spells


def begun(scope: Scope, filters: Filters, at: datetime) -> datetime | None:
    """When the first of the connections was made: nothing is known of what was before; None where there is none."""
    homes = resolve(filters, scope, now=at).environments
    return min((row.created_at for row in ledger.living(homes)), default=None)


def _unread(
    name: str, connection: Connection, runs: Iterable[Run], longer_than: timedelta, at: datetime
) -> Iterator[Spell]:
    """``sure`` from the last run that read anything; unsure from the last that read all that was due."""
    made, last = connection.created_at, at + EVER
    rows = list(runs)
    some = [made, *(row.finished_at or at for row in rows if row.windows_complete or _is_whole(row)), last]
    for before, after in pairwise(sorted(some)):
        if before + longer_than < after:
            yield Spell(name, before + longer_than, after, before)
    whole = [(made, made), *((row.started_at, row.finished_at or at) for row in rows if _is_whole(row)), (last, last)]
    for (began, _ended), (_began, ended) in pairwise(whole):
        if began + longer_than < ended:
            yield Spell(name, began + longer_than, ended, began, sure=False)


def _refused(name: str, connection: Connection, runs: list[Run], at: datetime) -> Iterator[Spell]:
    spell: Spell | None = None
    for run in runs:
        if spell is not None and run.started_at >= spell.begins:
            yield replace(spell, ends=run.started_at)
            spell = None
        if run.fault == Fault.REJECTED and run.finished_at is not None and spell is None:
            spell = Spell(name, run.finished_at, at + EVER, run.finished_at)
    if spell is not None:
        changed = connection.state_since
        over = not _is_refused(connection) and changed is not None and changed > spell.begins
        if over or _is_refused(connection):
            yield replace(spell, ends=changed) if over and changed is not None else spell


def _is_refused(connection: Connection) -> bool:
    return connection.state == ConnectionState.REJECTED


def _is_whole(run: Run) -> bool:
    return run.state == RunState.COMPLETE


def _home(run: Run) -> int:
    return run.environment_id

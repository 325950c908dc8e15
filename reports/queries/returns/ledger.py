"""What the callback loop of a reach is read by: today's rules, and the days that were joined and counted."""

from dataclasses import dataclass
from datetime import date, datetime

from reports.measures import Microseconds
from reports.periods import local_date
from reports.queries.bundle import Bundle, Later, moment, unfolded
from reports.queries.counted import counted
from reports.queries.filters import Reach
from reports.rollups.loop import AGENT_COLUMNS, Rules, able_environments, held_told, rules_told, trust_rows
from sync.models.agents import Agent

_FOUND = "loop"


@dataclass(frozen=True, slots=True)
class Ledger:
    """The local days from ``first`` to ``last`` that hold, by environment: ``held`` as joined, ``counted`` as counted,
    so that the sets of their contacts may be relied on.
    """

    rules: Rules
    first: date
    last: date
    held: dict[int, set[date]]
    counted: dict[int, set[date]]


def ask_ledger(bundle: Bundle, reach: Reach, days: tuple[date, date], now: datetime) -> Later[Ledger]:
    """For the days from the first to the last. It is remembered for the reach when it is read."""
    first, last = days[0], max(days[1], local_date(now, reach.scope.zone))
    zone, able = reach.scope.zone, able_environments(reach.environments.values())
    keys = tuple(sorted(able))
    hours = next((row.tenant.callback_hours for row in able.values()), 0)
    agents = bundle.once(
        ("routes", keys), lambda: bundle.add(Agent.objects.filter(environment_id__in=keys), *AGENT_COLUMNS)
    )
    days_of, waiting = trust_rows(keys, zone, (first, last), hours=hours)
    joined = bundle.once(
        ("joined days", keys, first, last),
        lambda: (
            bundle.add(days_of, "environment_id", "day", "rules", Microseconds("joined_at")),
            bundle.add(waiting, "environment_id", "day"),
        ),
    )
    held = bundle.once(
        ("counted days of the loop", keys, first, last), lambda: counted(bundle, keys, zone, (first, last), now)
    )

    def read() -> Ledger:
        known = rules_told(able, ((*row[:-1], unfolded(row[-1])) for row in agents.rows))
        ledger, dirty = joined
        days_held = held_told(
            known,
            zone,
            ((home, date.fromisoformat(day), under, moment(at)) for home, day, under, at in ledger.rows),
            ((home, date.fromisoformat(day)) for home, day in dirty.rows),
            now,
        )
        found = Ledger(known, first, last, days_held, {key: set(held().days.get(key, ())) for key in keys})
        reach.found[_FOUND] = found
        return found

    return read


def ledger_of(reach: Reach, start: datetime, until: datetime, now: datetime) -> Ledger:
    """That of the instants and of all days since; one query unless it was asked for already."""
    zone = reach.scope.zone
    first, last = local_date(start, zone), local_date(until, zone)
    known: Ledger | None = reach.found.get(_FOUND)
    if known is None or first < known.first or last > known.last:
        bundle = Bundle()
        told = ask_ledger(bundle, reach, (first, last), now)
        bundle.fetch()
        known = told()
    return known


def ledger_found(reach: Reach) -> Ledger | None:
    found: Ledger | None = reach.found.get(_FOUND)
    return found

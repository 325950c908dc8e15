"""Counting the calls of some local days into rollup rows. Reads only; ``refresh`` writes."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, QuerySet

from portal.tenants.models.tenants import Environment
from reports.dimensions import Clock
from reports.measures import COLUMNS, bucket, outcome
from reports.periods import day_start
from reports.rollups.models import AgentDayRollup, DayRollup
from sync.models.calls import Call
from sync.taxonomy import Outcome

Kind = tuple[int, str, str, str]  # day, direction, status, outcome
_KIND = ("on_day", "direction", "status", "result")


@dataclass(slots=True)
class Counted:
    days: list[DayRollup]
    agent_days: list[AgentDayRollup]


def count(environment: Environment, first: date, last: date, *, zone: str, now: datetime) -> Counted:
    """The rollup rows of the days from ``first`` to ``last``, both included. Four queries at most."""
    clock = Clock(day_start(first, zone), day_start(last + timedelta(days=1), zone), zone)
    rows: QuerySet[Call] = (
        Call.objects.filter(
            environment_id=environment.pk, started_at__gte=clock.start, started_at__lt=clock.end, is_test=False
        )
        .order_by()
        .annotate(on_day=clock.local_day(), result=outcome({environment.pk: environment.provider}, now))
    )
    keys = {"tenant_id": environment.tenant_id, "environment_id": environment.pk}
    agent_days = []
    sums: dict[Kind, Counter[str]] = defaultdict(Counter)
    for agent, *told in rows.values_list("agent_id", *_KIND).annotate(
        **{f"sum_{name}": column for name, column in COLUMNS.items()}
    ):
        kind = _kind(told)
        amounts = {name: int(value or 0) for name, value in zip(COLUMNS, told[4:], strict=True)}
        sums[kind].update(amounts)
        agent_days.append(AgentDayRollup(**keys, **_named(kind), agent_id=agent, **amounts))
    if not sums:
        return Counted([], [])
    hours, durations, latencies = _hours(rows, clock), _durations(rows), _latencies(rows, environment)
    days = [
        DayRollup(
            **keys,
            **_named(kind),
            **amounts,
            hours=[hours[kind][hour] for hour in range(24)],
            durations=durations[kind],
            latencies=latencies[kind],
        )
        for kind, amounts in sums.items()
    ]
    return Counted(days, agent_days)


def _kind(told: list[Any]) -> Kind:
    day, direction, status, result = told[:4]
    return day, direction, status, result


def _named(kind: Kind) -> dict[str, Any]:
    return dict(zip(("day", "direction", "status", "outcome"), kind, strict=True))


def _hours(rows: QuerySet[Call], clock: Clock) -> dict[Kind, Counter[int]]:
    found: dict[Kind, Counter[int]] = defaultdict(Counter)
    hourly = rows.annotate(at_hour=clock.local_seconds() / 3600 % 24)
    for hour, *told in hourly.values_list("at_hour", *_KIND).annotate(occurs=Count("pk")):
        found[_kind(told)][hour] = told[4]
    return found


def _durations(rows: QuerySet[Any]) -> dict[Kind, Counter[str]]:
    found: dict[Kind, Counter[str]] = defaultdict(Counter)
    timed = rows.filter(result=Outcome.CONNECTED.value, duration_ms__isnull=False)
    for duration, *told in timed.values_list("duration_ms", *_KIND).annotate(occurs=Count("pk")).iterator(5000):
        found[_kind(told)][bucket(duration)] += told[4]
    return found


def _latencies(rows: QuerySet[Call], environment: Environment) -> dict[Kind, dict[str, Counter[str]]]:
    found: dict[Kind, dict[str, Counter[str]]] = defaultdict(dict)
    for turns, *told in rows.filter(latencies__isnull=False).values_list("latencies", *_KIND).iterator(2000):
        here = found[_kind(told)]
        for source, values in (turns or {}).items():
            here.setdefault(source, Counter()).update(bucket(float(value)) for value in values or ())
    return found

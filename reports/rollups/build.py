"""Counting the calls of some local days into rollup rows. Reads only; ``refresh`` writes."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Case, Count, IntegerField, QuerySet, Value, When

from portal.tenants.models.tenants import Environment
from reports.dimensions import AREA_PARTS, DIMENSIONS, Clock
from reports.measures import COLUMNS, FACET_SUMS, bucket, outcome
from reports.periods import day_start, number_day
from reports.rollups.contacts import key_in_sql, know, packed
from reports.rollups.models import AgentDayRollup, ContactDay, DayRollup, FacetDay
from reports.sides import side_of
from sync.models.calls import Call
from sync.taxonomy import Outcome

Kind = tuple[int, str, str, str]  # day, direction, status, outcome
_KIND = ("on_day", "direction", "status", "result")
_FACET_COLUMNS = sorted({measure.column for measure in FACET_SUMS})


@dataclass(slots=True)
class Counted:
    days: list[DayRollup]
    agent_days: list[AgentDayRollup]
    facet_days: list[FacetDay]
    contact_days: list[ContactDay]
    calls: dict[date, int]  # all that began on each day, test calls and vanished ones included


def count(environment: Environment, first: date, last: date, *, zone: str, now: datetime) -> Counted:
    """The rollup rows of the days from ``first`` to ``last``, both included.

    Eleven queries at most. Contacts should have their keys (``contacts.know``); one that has none is given it here.
    """
    clock = Clock(day_start(first, zone), day_start(last + timedelta(days=1), zone), zone)
    every = calls_of(environment, first, last, zone=zone).annotate(on_day=clock.local_day())
    calls = {number_day(day): n for day, n in every.values_list("on_day").annotate(n=Count("pk"))}
    if not calls:
        return Counted([], [], [], [], calls)
    rows = every.filter(is_test=False).annotate(result=outcome({environment.pk: environment.provider}, now))
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
        return Counted([], [], [], [], calls)
    hours, durations, latencies = _hours(rows, clock), _durations(rows), _latencies(rows, environment)
    days = [
        DayRollup(
            **keys,
            **_named(kind),
            **{name: amounts[name] for name in COLUMNS},
            hours=[hours[kind][hour] for hour in range(24)],
            durations=durations[kind],
            latencies=latencies[kind],
        )
        for kind, amounts in sums.items()
    ]
    return Counted(days, agent_days, _facets(rows, clock, keys), _contacts(rows, environment), calls)


def calls_of(environment: Environment, first: date, last: date, *, zone: str) -> QuerySet[Call]:
    """All calls of local days, both included."""
    start, end = day_start(first, zone), day_start(last + timedelta(days=1), zone)
    rows: QuerySet[Call] = Call.objects.filter(environment_id=environment.pk, started_at__gte=start, started_at__lt=end)
    return rows.order_by()


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


def _facets(rows: QuerySet[Any], clock: Clock, keys: dict[str, int]) -> list[FacetDay]:
    """In the order in which they are read: facet by facet, day by day."""
    found: dict[tuple[str, int, str], Counter[str]] = defaultdict(Counter)
    areas = rows.alias(**AREA_PARTS).annotate(area_code=DIMENSIONS["area_code"].sql(clock))
    for area, day, result, *amounts in _facet_sums(areas, "area_code"):
        found["area_code", day, area].update(_amounts(result, amounts))
    # These go well together: most calls of one line, status and cause are of few lengths.
    others = rows.annotate(line=DIMENSIONS["line"].sql(clock), length=DIMENSIONS["length"].sql(clock))
    for line, length, cause, status, day, result, *amounts in _facet_sums(
        others, "line", "length", "hangup_cause", "status"
    ):
        told = _amounts(result, amounts)
        words = {"line": line, "length": length, "cause": cause, "side": side_of(cause, status)}
        for facet, word in words.items():
            found[facet, day, word].update(told)
    names = [measure.key for measure in FACET_SUMS]
    return [
        FacetDay(**keys, facet=facet, day=day, key=word, **{name: amounts[name] for name in names})
        for (facet, day, word), amounts in sorted(found.items())
    ]


def _facet_sums(rows: QuerySet[Any], *words: str) -> Iterable[tuple[Any, ...]]:
    sums = {f"sum_{name}": COLUMNS[name] for name in _FACET_COLUMNS}
    summed: QuerySet[Any] = rows.values_list(*words, "on_day", "result").annotate(**sums)
    return summed.iterator(5000)


def _amounts(result: str, amounts: list[Any]) -> dict[str, int]:
    """The sums of a facet that calls of one outcome add to."""
    told = dict(zip(_FACET_COLUMNS, amounts, strict=True))
    return {measure.key: int(told[measure.column] or 0) for measure in FACET_SUMS if measure.counts("", "", result)}


def _contacts(rows: QuerySet[Any], environment: Environment) -> list[ContactDay]:
    met = Case(When(result=Outcome.CONNECTED.value, then=Value(1)), default=Value(0), output_field=IntegerField())
    called = rows.exclude(contact="").annotate(met=met, key=key_in_sql()).values_list("on_day", "met", "key").distinct()
    days = _keys_by_day(called)
    if any(
        None in keys for kinds in days.values() for keys in kinds
    ):  # called since all contacts were given their keys
        know(rows)
        days = _keys_by_day(called.all())
    return [
        ContactDay(
            tenant_id=environment.tenant_id,
            environment_id=environment.pk,
            day=day,
            connected=packed(connected),
            others=packed(others - connected),
        )
        for day, (others, connected) in sorted(days.items())
    ]


def _keys_by_day(called: QuerySet[Any]) -> dict[int, tuple[set[int], set[int]]]:
    """The contacts of calls that did not connect, and of those that did."""
    days: dict[int, tuple[set[int], set[int]]] = defaultdict(lambda: (set(), set()))
    for day, met, key in called.iterator(chunk_size=5000):
        days[day][met].add(key)
    return days

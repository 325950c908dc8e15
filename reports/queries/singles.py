"""Figures that do not merge, asked of the calls themselves: different contacts, exact spreads, overlaps."""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from django.db.models import Case, Count, Q, QuerySet

from reports.measures import CONTACTS, DIALLED, REACHED, Distinct, Microseconds, outcome
from reports.metrics import ORIGINSAI as LATENCY_VENDORS
from reports.queries.plan import Plan
from reports.queries.sums import Group, grouped
from sync.models.calls import Call
from sync.taxonomy import Outcome


def _calls(plan: Plan, by: tuple[str, ...], *, everything: bool = True) -> tuple[QuerySet[Call], list[str]]:
    return grouped(plan.calls(everything=everything), by, plan.span.clock)


def _outcome(plan: Plan) -> Case:
    return outcome(plan.reach.providers, plan.span.now)


def _connected(rows: QuerySet[Call], plan: Plan) -> QuerySet[Call]:
    return rows.alias(result=_outcome(plan)).filter(result=Outcome.CONNECTED.value)


def contacts(plan: Plan, by: tuple[str, ...]) -> dict[Group, dict[Distinct, int]]:
    """Calls with a known contact, different contacts, and those of connected calls, by group. One query."""
    rows, names = _calls(plan, by)
    rows = rows.exclude(contact="").alias(result=_outcome(plan))
    measures = (DIALLED, CONTACTS, REACHED)
    aggregates = {
        "calls": Count("pk"),
        "people": Count("contact", distinct=True),
        "met": Count("contact", distinct=True, filter=Q(result=Outcome.CONNECTED.value)),
    }
    if not names:
        found = rows.aggregate(**aggregates)
        return {(): dict(zip(measures, found.values(), strict=True))}
    width = len(names)
    return {
        row[:width]: dict(zip(measures, row[width:], strict=True))
        for row in rows.values_list(*names).annotate(**aggregates)
    }


def durations(plan: Plan, by: tuple[str, ...], *, everything: bool = True) -> dict[Group, Counter[float]]:
    """How often each duration (ms) of connected calls occurs, by group; of all calls, or of those counted live.

    One query, a row for each duration.
    """
    rows, names = _calls(plan, by, everything=everything)
    rows = _connected(rows, plan).filter(duration_ms__isnull=False)
    found: dict[Group, Counter[float]] = defaultdict(Counter)
    width = len(names)
    for row in rows.values_list(*names, "duration_ms").annotate(occurs=Count("pk")).iterator(chunk_size=5000):
        found[row[:width]][row[width]] += row[width + 1]
    return found


def latencies(plan: Plan, by: tuple[str, ...], *, everything: bool = True) -> dict[str, dict[Group, Counter[float]]]:
    """How often each latency (ms a turn) occurs, by kind and group; as :func:`durations`.

    Reads the latencies of every call in question.
    """
    rows, names = _calls(plan, by, everything=everything)
    found: dict[str, dict[Group, Counter[float]]] = {kind: defaultdict(Counter) for kind in ("stt", "llm", "tts")}
    if not set(LATENCY_VENDORS) & set(plan.reach.providers.values()):
        return found
    told = rows.filter(latencies__isnull=False).values_list(*names, "latencies")
    for *group, values in told.iterator(chunk_size=2000):
        for kind, groups in found.items():
            for value in (values or {}).get(kind) or ():
                groups[tuple(group)][float(value)] += 1
    return found


def peaks(plan: Plan, by: tuple[str, ...]) -> dict[Group, int]:
    """The most connected calls at one time, by group. Walks the calls in order of their start, in little memory."""
    rows, names = _calls(plan, by)
    talks = (
        _connected(rows, plan)
        .filter(duration_ms__gt=0)
        .order_by("started_at")
        .values_list(*names, Microseconds("started_at"), "duration_ms")
    )
    return _most(iter(talks.iterator(chunk_size=5000)))


def _most(talks: Iterator[tuple[Any, ...]]) -> dict[Group, int]:
    running: dict[Group, list[int]] = defaultdict(list)
    most: dict[Group, int] = defaultdict(int)
    for *keys, start, duration in talks:
        group = tuple(keys)
        ends = running[group]
        while ends and ends[0] <= start:
            heapq.heappop(ends)
        heapq.heappush(ends, start + duration * 1000)
        most[group] = max(most[group], len(ends))
    return most

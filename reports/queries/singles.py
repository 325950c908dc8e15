"""Figures that do not merge, asked of the calls themselves: different contacts, exact spreads, overlaps."""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterator

from django.db.models import Count, Q, QuerySet

from reports.measures import Distinct, Microseconds, outcome
from reports.queries.filters import Reach, within
from reports.queries.sums import Group, Span, grouped
from sync.models.calls import Call
from sync.taxonomy import Outcome


def _calls(reach: Reach, span: Span, by: tuple[str, ...]) -> tuple[QuerySet[Call], list[str]]:
    return grouped(within(reach.calls(), span.period.starts_at, span.until).order_by(), by, span.clock)


def _connected(rows: QuerySet[Call], reach: Reach, span: Span) -> QuerySet[Call]:
    return rows.alias(result=outcome(reach.providers, span.now)).filter(result=Outcome.CONNECTED.value)


def contacts(reach: Reach, span: Span, by: tuple[str, ...]) -> dict[Group, dict[Distinct, int]]:
    """Calls with a known contact, different contacts, and those of connected calls, by group. One query."""
    rows, names = _calls(reach, span, by)
    rows = rows.exclude(contact="").alias(result=outcome(reach.providers, span.now))
    measures = (
        Distinct("dialled", contacts=False),
        Distinct("contacts"),
        Distinct("reached", connected=True),
    )
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


def durations(reach: Reach, span: Span, by: tuple[str, ...]) -> dict[Group, Counter[float]]:
    """How often each duration (ms) of connected calls occurs, by group. One query, a row for each duration."""
    rows, names = _calls(reach, span, by)
    rows = _connected(rows, reach, span).filter(duration_ms__isnull=False)
    found: dict[Group, Counter[float]] = defaultdict(Counter)
    width = len(names)
    for row in rows.values_list(*names, "duration_ms").annotate(occurs=Count("pk")).iterator(chunk_size=5000):
        found[row[:width]][row[width]] += row[width + 1]
    return found


def latencies(reach: Reach, span: Span, by: tuple[str, ...]) -> dict[str, dict[Group, Counter[float]]]:
    """How often each latency (ms a turn) occurs, by kind and group. Reads the latencies of every call in question."""
    rows, names = _calls(reach, span, by)
    found: dict[str, dict[Group, Counter[float]]] = {kind: defaultdict(Counter) for kind in ("stt", "llm", "tts")}
    if "originsai" not in reach.providers.values():
        return found
    told = rows.filter(latencies__isnull=False).values_list(*names, "latencies")
    for *group, values in told.iterator(chunk_size=2000):
        for kind, groups in found.items():
            for value in (values or {}).get(kind) or ():
                groups[tuple(group)][float(value)] += 1
    return found


def peaks(reach: Reach, span: Span, by: tuple[str, ...]) -> dict[Group, int]:
    """The most connected calls at one time, by group. Walks the calls in order of their start, in little memory."""
    rows, names = _calls(reach, span, by)
    talks = (
        _connected(rows, reach, span)
        .filter(duration_ms__gt=0)
        .order_by("started_at")
        .values_list(*names, Microseconds("started_at"), "duration_ms")
    )
    return _most(iter(talks.iterator(chunk_size=5000)))


def _most(talks: Iterator[tuple[object, ...]]) -> dict[Group, int]:
    running: dict[Group, list[int]] = defaultdict(list)
    most: dict[Group, int] = defaultdict(int)
    for *group, start, duration in talks:
        ends, key = running[tuple(group)], tuple(group)  # type: ignore[arg-type]
        while ends and ends[0] <= start:  # type: ignore[operator]
            heapq.heappop(ends)
        heapq.heappush(ends, start + duration * 1000)  # type: ignore[operator]
        most[key] = max(most[key], len(ends))
    return most

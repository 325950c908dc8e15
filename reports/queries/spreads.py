"""Spreads of durations and latencies by group: exact for short periods, from histograms for long ones."""

from collections import Counter
from collections.abc import Collection, Iterable
from typing import TypeVar

from reports.measures import Sample, histogram
from reports.queries import singles
from reports.queries.plan import Plan
from reports.queries.sums import Group, grouped_rollups, rollups_know
from reports.rollups.models import DayRollup

T = TypeVar("T")
EXACT_DAYS = 62  # periods up to here are read from the calls, exactly
Histograms = dict[Group, Counter[str]]
Samples = dict[str, dict[Group, Sample]]


def spreads(plan: Plan, by: tuple[str, ...], *, sources: Collection[str]) -> Samples:
    """Samples of each source by group, and of all calls together under ``()``."""
    if plan.span.period.days > EXACT_DAYS and plan.held and _in_rollups(plan, by):
        return _from_histograms(plan, by, sources)
    return {source: _exact(counts) for source, counts in _values(plan, by, sources, everything=True).items()}


def _in_rollups(plan: Plan, by: tuple[str, ...]) -> bool:
    """Histograms are kept for whole days, not by agent."""
    apart = "agent" in by or "hour_of_day" in by or plan.reach.agent_ids is not None
    return not apart and rollups_know(plan, by, ())


def _values(
    plan: Plan, by: tuple[str, ...], sources: Collection[str], *, everything: bool
) -> dict[str, dict[Group, Counter[float]]]:
    found = {}
    if "duration" in sources:
        found["duration"] = singles.durations(plan, by, everything=everything)
    if set(sources) - {"duration"}:
        latencies = singles.latencies(plan, by, everything=everything)
        found |= {source: latencies[source] for source in sources if source in latencies}
    return found


def _exact(counts: dict[Group, Counter[float]]) -> dict[Group, Sample]:
    return {group: Sample(values) for group, values in {**counts, (): _sum(counts.values())}.items()}


def _from_histograms(plan: Plan, by: tuple[str, ...], sources: Collection[str]) -> Samples:
    found: dict[str, Histograms] = {source: {} for source in sources}
    for source, groups in _values(plan, by, sources, everything=False).items():
        for group, values in groups.items():
            found[source].setdefault(group, Counter()).update(histogram(values.items()))
    rows, names = grouped_rollups(plan.rollups(DayRollup), by, plan.span.clock)
    for *keys, durations, latencies in rows.values_list(*names, "durations", "latencies"):
        kept = {"duration": durations, **latencies}
        for source in sources:
            if kept.get(source):
                found[source].setdefault(tuple(keys), Counter()).update(kept[source])
    return {
        source: {group: Sample.of_histogram(counts) for group, counts in {**groups, (): _sum(groups.values())}.items()}
        for source, groups in found.items()
    }


def _sum(counters: Iterable[Counter[T]]) -> Counter[T]:
    total: Counter[T] = Counter()
    for counter in counters:
        total.update(counter)
    return total

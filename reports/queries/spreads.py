"""Spreads of durations and latencies by group: exact for short periods, from histograms for long ones."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from typing import TypeVar

from django.db.models import Count

from reports.dimensions import FACETS
from reports.measures import ATTEMPTS, Sample, histogram, outcome
from reports.metrics import ORIGINSAI as LATENCY_VENDORS
from reports.queries.bundle import Bundle, Got, Later, unfolded
from reports.queries.plan import Plan
from reports.queries.sums import Group, grouped, grouped_rollups, rollups_know
from reports.rollups.models import DayRollup
from sync.taxonomy import Outcome

T = TypeVar("T")
EXACT_DAYS = 62  # periods up to here are read from the calls, exactly
Values = dict[Group, Counter[float]]
Histograms = dict[Group, Counter[str]]
Samples = dict[str, dict[Group, Sample]]


def spreads(bundle: Bundle, plan: Plan, by: tuple[str, ...], *, sources: Collection[str]) -> Later[Samples]:
    """Samples of each source by group, and of all calls together under ``()``."""
    if plan.span.period.days > EXACT_DAYS and plan.held and _in_rollups(plan, by):
        return _from_histograms(bundle, plan, by, sources)
    values = {source: _values(bundle, plan, by, source, everything=True) for source in sources}
    return lambda: {source: _exact(counts()) for source, counts in values.items()}


def _in_rollups(plan: Plan, by: tuple[str, ...]) -> bool:
    """Histograms are kept for whole days, not by agent, hour or facet."""
    apart = {"agent", "hour_of_day", *FACETS} & set(by)
    return not apart and plan.reach.agent_ids is None and rollups_know(plan, by, ATTEMPTS)


def _values(bundle: Bundle, plan: Plan, by: tuple[str, ...], source: str, *, everything: bool) -> Later[Values]:
    if source == "duration":
        return _durations(bundle, plan, by, everything=everything)
    key = ("latencies", id(plan), by, everything)
    return bundle.once(key, lambda: _latencies(bundle, plan, by, everything=everything))(source)


def _durations(bundle: Bundle, plan: Plan, by: tuple[str, ...], *, everything: bool) -> Later[Values]:
    """How often each duration (ms) of connected calls occurs, by group: a row for each duration."""
    rows, names = grouped(plan.calls(everything=everything), by, plan.span.clock)
    rows = rows.alias(result=outcome(plan.reach.providers, plan.span.now))
    rows = rows.filter(result=Outcome.CONNECTED.value, duration_ms__isnull=False)
    counted = rows.values(*names, "duration_ms").annotate(occurs=Count("pk"))
    got = bundle.add(counted, *names, "duration_ms", "occurs")

    def read() -> Values:
        found: Values = {}
        for *group, duration, occurs in got.rows:
            found.setdefault(tuple(group), Counter())[duration] += occurs
        return found

    return read


def _latencies(bundle: Bundle, plan: Plan, by: tuple[str, ...], *, everything: bool) -> Callable[[str], Later[Values]]:
    """How often each latency (ms a turn) occurs, by group, for any kind of it. Reads those of every call."""
    got = Got()
    if set(LATENCY_VENDORS) & set(plan.reach.providers.values()):
        rows, names = grouped(plan.calls(everything=everything), by, plan.span.clock)
        got = bundle.add(rows.filter(latencies__isnull=False), *names, "latencies")

    def of(kind: str) -> Later[Values]:
        def read() -> Values:
            found: Values = {}
            for *group, told in got.rows:
                values = (unfolded(told) or {}).get(kind)
                if values:
                    found.setdefault(tuple(group), Counter()).update(map(float, values))
            return found

        return read

    return of


def _exact(counts: Values) -> dict[Group, Sample]:
    return {group: Sample(values) for group, values in {**counts, (): _sum(counts.values())}.items()}


def _from_histograms(bundle: Bundle, plan: Plan, by: tuple[str, ...], sources: Collection[str]) -> Later[Samples]:
    live = {source: _values(bundle, plan, by, source, everything=False) for source in sources}
    rows, names = grouped_rollups(plan.rollups(DayRollup), by, plan.span.clock)
    columns = [
        column for column in ("durations", "latencies") if (column == "durations") in map(_of_durations, sources)
    ]
    got = bundle.add(rows.exclude(**{column: {} for column in columns}), *names, *columns)

    def read() -> Samples:
        found = {source: _histograms(values()) for source, values in live.items()}
        for row in got.rows:
            told = dict(zip(columns, map(unfolded, row[len(names) :]), strict=True))
            kept = {"duration": told.get("durations"), **told.get("latencies", {})}
            for source in sources:
                if kept.get(source):
                    found[source].setdefault(tuple(row[: len(names)]), Counter()).update(kept[source])
        return {source: _samples(groups) for source, groups in found.items()}

    return read


def _of_durations(source: str) -> bool:
    return source == "duration"


def _histograms(values: Values) -> Histograms:
    return {group: histogram(counts.items()) for group, counts in values.items()}


def _samples(groups: Histograms) -> dict[Group, Sample]:
    return {group: Sample.of_histogram(counts) for group, counts in {**groups, (): _sum(groups.values())}.items()}


def _sum(counters: Iterable[Counter[T]]) -> Counter[T]:
    total: Counter[T] = Counter()
    for counter in counters:
        total.update(counter)
    return total

"""Spreads of durations and latencies by group."""

from collections import Counter
from collections.abc import Collection

from reports.measures import Sample
from reports.queries import singles
from reports.queries.filters import Reach
from reports.queries.sums import Group, Span

EXACT_DAYS = 62  # periods up to here are read from the calls, exactly


def spreads(
    reach: Reach, span: Span, by: tuple[str, ...], *, sources: Collection[str]
) -> dict[str, dict[Group, Sample]]:
    """Samples of each source by group, and of all calls together under ``()``."""
    found = {source: {} for source in sources}
    if reach.empty:
        return found
    if "duration" in sources:
        found["duration"] = _samples(singles.durations(reach, span, by))
    told = set(sources) - {"duration"}
    if told:
        latencies = singles.latencies(reach, span, by)
        found |= {source: _samples(latencies[source]) for source in told}
    return found


def _samples(counts: dict[Group, Counter[float]]) -> dict[Group, Sample]:
    total: Counter[float] = Counter()
    for values in counts.values():
        total.update(values)
    return {group: Sample(values) for group, values in {**counts, (): total}.items()}

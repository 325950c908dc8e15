"""All that a set of metrics needs to know of one span, gathered with as few queries as they allow."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from reports.measures import Distinct, Measure, Overlap, Sample, Spread, Sums, Tally, Told
from reports.metrics import Metric
from reports.queries import singles, spreads, told
from reports.queries.plan import Plan
from reports.queries.sums import Group, count_sums

TOTAL: Group = ()
Counts = dict[Group, Counter[str]]


@dataclass(slots=True)
class Figures:
    """Measures by group; :data:`TOTAL` is the group of all calls. Built by :func:`gather`."""

    tallies: Mapping[Group, Tally]
    contacts: dict[Group, dict[Distinct, int]] = field(default_factory=dict)
    samples: Mapping[str, Mapping[Group, Sample]] = field(default_factory=dict)
    peaks: dict[Group, int] = field(default_factory=dict)
    callbacks: Counts = field(default_factory=dict)
    campaigns: Counts = field(default_factory=dict)
    costs: dict[Group, tuple[float, int]] = field(default_factory=dict)

    @property
    def groups(self) -> set[Group]:
        """The groups that were seen, without the total."""
        return {*self.tallies, *self.callbacks, *self.campaigns} - {TOTAL}

    def value(self, measure: Measure, group: Group, vendors: Collection[str]) -> Any:
        """A measure of a group over the calls of ``vendors``; None where nothing is known, not even a zero."""
        if isinstance(measure, Sums):
            return self.tallies[group].value(measure, vendors) if group in self.tallies else 0
        if isinstance(measure, Distinct):
            return self.contacts.get(group, {}).get(measure, 0)
        if isinstance(measure, Spread):
            return self.samples[measure.source].get(group)
        if isinstance(measure, Overlap):
            return self.peaks.get(group, 0)
        if measure.source == "price":
            return self.costs.get(group)
        totals = (self.callbacks if measure.source == "callbacks" else self.campaigns).get(group)
        return None if totals is None else totals[measure.column]


def gather(counted: Plan, by: tuple[str, ...], metrics: Collection[Metric]) -> Figures:
    """Count what the metrics need, by group and for all."""
    reach, span = counted.reach, counted.span
    measures = {measure for metric in metrics for measure in metric.measures}
    vendor_totals = {measure.source for measure in measures if isinstance(measure, Told)}
    columns = {measure.column for measure in measures if isinstance(measure, Sums)}
    figures = Figures(_with_total(count_sums(counted, by, columns=columns)))
    grains: list[tuple[str, ...]] = [by, ()] if by else [()]
    if any(isinstance(measure, Distinct) for measure in measures):
        figures.contacts = _at(grains, lambda grain: singles.contacts(counted, grain))
    sources = {measure.source for measure in measures if isinstance(measure, Spread)}
    if sources:
        figures.samples = spreads.spreads(counted, by, sources=sources)
    if any(isinstance(measure, Overlap) for measure in measures):
        figures.peaks = _at(grains, lambda grain: singles.peaks(counted, grain))
    if "callbacks" in vendor_totals:
        figures.callbacks = _at(grains, lambda grain: told.callbacks(reach, span, grain))
    if "campaigns" in vendor_totals:
        figures.campaigns = _at(grains, lambda grain: told.campaigns(reach, grain))
    if "price" in vendor_totals:
        figures.costs = _costs(counted, grains)
    return figures


def _with_total(tallies: dict[Group, Tally]) -> dict[Group, Tally]:
    total = Tally()
    for tally in tallies.values():
        total.merge(tally)
    return tallies | {TOTAL: total}


def _at(grains: list[tuple[str, ...]], count: Callable[[tuple[str, ...]], dict[Group, Any]]) -> dict[Group, Any]:
    found: dict[Group, Any] = {}
    for grain in grains:
        found |= count(grain)
    return found


def _costs(counted: Plan, grains: list[tuple[str, ...]]) -> dict[Group, tuple[float, int]]:
    prices = told.prices(counted.reach.environments)
    if not prices:
        return {}

    def count(grain: tuple[str, ...]) -> dict[Group, tuple[float, int]]:
        if "agent" not in grain:
            tallies = count_sums(counted, (*grain, "agent"), columns=("timed", "duration_ms"))
            return told.costs(tallies, prices)
        place = grain.index("agent")
        tallies = count_sums(counted, grain, columns=("timed", "duration_ms"))
        return told.costs({(*group, group[place]): tally for group, tally in tallies.items()}, prices)

    return _at(grains, count)

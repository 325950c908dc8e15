"""The figures of one span: computed for all questions of a page that share its period and filters."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from reports.columns.engine import Rows
from reports.definitions.dimensions import DIMENSIONS
from reports.definitions.measures import (
    TALK_MS,
    TALKS,
    CallbackCount,
    Distinct,
    Measure,
    Overlap,
    Percentile,
    Sums,
    Tally,
    VendorTotal,
    is_of_loop,
)
from reports.queries.callbacks.figures import Loops, loops
from reports.queries.callbacks.routes import Routes
from reports.queries.compile import TOTAL, WHOLE, Grain, Group, Scan, percentile_sources, place_of
from reports.queries.question import QuestionError
from reports.queries.rows import MAX_ROWS, too_many
from reports.queries.run import Runner
from reports.queries.vendor_totals import Cost, Tariff, VendorTotals

MAX_PRICED = 10 * MAX_ROWS  # rows of groups by tariff
Percentiles = dict[Percentile, dict[Group, tuple[float | None, int]]]


@dataclass(slots=True)
class Figures:
    """Measures by grouping and group; :data:`TOTAL` is the group of all calls."""

    tallies: dict[Grain, dict[Group, Tally]] = field(default_factory=dict)
    contacts: dict[Grain, dict[Group, tuple[int, int]]] = field(default_factory=dict)
    percentiles: dict[Grain, Percentiles] = field(default_factory=dict)
    peaks: dict[Grain, dict[Group, int]] = field(default_factory=dict)
    loops: dict[Grain, Loops] = field(default_factory=dict)
    callbacks: dict[Grain, Mapping[Group, Counter[str]]] = field(default_factory=dict)
    campaigns: dict[Grain, Mapping[Group, Counter[str]]] = field(default_factory=dict)
    costs: dict[Grain, Mapping[Group, tuple[float, int] | None]] = field(default_factory=dict)

    def groups(self, grain: Grain) -> set[Group]:
        """The groups of a grouping that were seen."""
        seen = {*self.tallies.get(grain, ()), *self.callbacks.get(grain, ()), *self.campaigns.get(grain, ())}
        return {*seen, *(self.loops[grain].groups if grain in self.loops else ())} - ({TOTAL} if grain else set())

    def value(self, measure: Measure, grain: Grain, group: Group, vendors: Collection[str]) -> Any:
        """A measure of a group over the calls of ``vendors``; None where nothing is known, not even a zero."""
        if isinstance(measure, Sums):
            tallies = self.tallies.get(grain, {})
            return tallies[group].value(measure, vendors) if group in tallies else 0
        if isinstance(measure, Distinct):
            return self.contacts[grain].get(group, (0, 0))[measure.connected]
        if isinstance(measure, Percentile):
            if measure.source == "wait":
                return self.loops[grain].wait(measure.share, group)
            return self.percentiles[grain].get(measure, {}).get(group)
        if isinstance(measure, Overlap):
            return self.peaks[grain].get(group, 0)
        if isinstance(measure, CallbackCount):
            return self.loops[grain].value(measure.column, group)
        if measure.source == "price":
            return self.costs.get(grain, {}).get(group)
        totals = (self.callbacks if measure.source == "callbacks" else self.campaigns).get(grain, {}).get(group)
        return None if totals is None else totals[measure.column]


def compute(
    scan: Scan,
    wanted: Mapping[Grain, Collection[Measure]],
    run: Runner,
    routes: Routes,
    totals: VendorTotals,
    *,
    agents: int,
) -> Figures:
    """What is wanted, by grouping, each with the whole beside it. ``agents`` is how many there can be.

    Raises QuestionError for a grouping of more groups than an answer has rows, before anything is computed of it.
    """
    figures = Figures()
    if scan.selector.empty:
        return _empty(figures, wanted, totals, scan)
    for grain, measures in wanted.items():
        _bound(scan, grain, run, agents, len(totals.tariffs) if any(map(_is_priced, measures)) else 0)
    grains: dict[Grain, set[Measure]] = {grain: set(measures) for grain, measures in wanted.items()}
    grains[WHOLE] = {measure for measures in wanted.values() for measure in measures}
    priced = any(map(_is_priced, grains[WHOLE]))
    # With agents that had called before returns alone are chosen or grouped, and nothing is asked of other calls.
    if scan.selector.source_ids is None and (priced or any(isinstance(each, Sums) for each in grains[WHOLE])):
        of_calls = {
            grain: each for grain, each in grains.items() if not any(DIMENSIONS[key].of_returns for key in grain)
        }
        _sum(figures, scan, of_calls, run, totals.tariffs if priced else ())
    for grain, measures in grains.items():
        distinct = [measure for measure in measures if isinstance(measure, Distinct)]
        if distinct:
            statement = scan.contacts(grain, reached=any(measure.connected for measure in distinct))
            figures.contacts[grain] = {
                tuple(group): (contacts, reached) for *group, contacts, reached in run(statement)
            }
        if any(isinstance(measure, Overlap) for measure in measures):
            figures.peaks[grain] = {tuple(group): most or 0 for *group, most in run(scan.peaks(grain))}
    figures.percentiles = _percentiles(scan, grains, run)
    of_loop = {grain: measures for grain, measures in grains.items() if any(map(is_of_loop, measures))}
    figures.loops = loops(scan, of_loop, run, routes)
    _vendors_own(figures, scan, grains, totals)
    return figures


def _empty(figures: Figures, wanted: Mapping[Grain, Collection[Measure]], totals: VendorTotals, scan: Scan) -> Figures:
    for grain in {WHOLE, *wanted}:
        figures.contacts[grain], figures.percentiles[grain], figures.peaks[grain] = {}, {}, {}
        figures.loops[grain] = Loops()
    _vendors_own(figures, scan, dict.fromkeys({WHOLE, *wanted}, ()), totals)
    return figures


def _bound(scan: Scan, grain: Grain, run: Runner, agents: int, tariffs: int) -> None:
    most = scan.most(grain, agents)
    others = tuple(key for key in grain if not DIMENSIONS[key].timely)
    if (most is None or most > MAX_ROWS) and others:
        ((groups,),) = run(scan.different(others, MAX_ROWS + 1))
        most = (scan.most(set(grain) - set(others)) or 1) * groups
    if most is None:
        return
    if most > MAX_ROWS:
        raise too_many()
    if most * tariffs > MAX_PRICED:
        text = _("This needs more memory than a question may have: ask for a shorter period or fewer groupings.")
        raise QuestionError({"by": text})


def _split(
    rows: Rows, keys: Sequence[str], grains: Collection[Grain], at: int
) -> list[tuple[Grain, Group, tuple[Any, ...]]]:
    """Rows that begin with the place of their grain, and have the keys from ``at`` on; what else is in a row, last."""
    places = {place_of(grain, keys): (grain, [at + keys.index(key) for key in grain]) for grain in grains}
    parts = []
    for row in rows:
        grain, where = places[row[0]]
        parts.append((grain, tuple(row[place] for place in where), (*row[1:at], *row[at + len(keys) :])))
    return parts


def _sum(
    figures: Figures,
    scan: Scan,
    grains: Mapping[Grain, Collection[Measure]],
    run: Runner,
    tariffs: Sequence[Tariff],
) -> None:
    """The tallies of all grains, and what their calls cost by the tariffs."""
    wanted = {measure for measure in grains[WHOLE] if isinstance(measure, Sums)}
    measures = sorted(wanted | ({TALKS, TALK_MS} if tariffs else set()), key=lambda measure: measure.key)
    statement, keys = scan.sums(list(grains), measures, [tariff.agents for tariff in tariffs])
    vendors = scan.vendors
    costs: dict[Grain, dict[Group, Cost]] = {grain: defaultdict(Cost) for grain in grains}
    figures.tallies = {grain: {} for grain in grains}
    for grain, group, (number, *amounts) in _split(run(statement), keys, grains, at=2):
        vendor, tariff = divmod(number, len(tariffs) + 1)
        counts = figures.tallies[grain].setdefault(group, Tally()).of(vendors[vendor])
        sums = {measure: int(amount) for measure, amount in zip(measures, amounts, strict=True) if amount}
        for measure, amount in sums.items():
            counts[measure.key] += amount
        if tariff and TALKS in sums:
            costs[grain][group].add(tariffs[tariff - 1], sums[TALKS], sums.get(TALK_MS, 0))
    if tariffs:
        figures.costs = {grain: {group: cost.sum for group, cost in by.items()} for grain, by in costs.items()}


def _is_priced(measure: Measure) -> bool:
    return isinstance(measure, VendorTotal) and measure.source == "price"


def _percentiles(scan: Scan, grains: Mapping[Grain, Collection[Measure]], run: Runner) -> dict[Grain, Percentiles]:
    percentiles: dict[Grain, Percentiles] = {grain: {} for grain in grains}
    shares = percentile_sources(measure for measures in grains.values() for measure in measures)
    alike: dict[tuple[bool, tuple[Grain, ...]], list[str]] = defaultdict(list)
    for source in shares.keys() - {"wait"}:
        of = tuple(grain for grain, measures in grains.items() if source in percentile_sources(measures))
        alike[source == "duration", of].append(source)
    for (_kind, of), sources in alike.items():
        wanted_shares = sorted({share for source in sources for share in shares[source]})
        statement, keys = scan.percentiles(of, sorted(sources), wanted_shares)
        for grain, group, figures in _split(run(statement), keys, of, at=1):
            for place, source in enumerate(sorted(sources)):
                n, values = figures[2 * place : 2 * place + 2]
                if not n and grain:
                    continue  # no value in this group, as if it were not there
                for share, value in zip(
                    wanted_shares, values if n and values else [None] * len(wanted_shares), strict=True
                ):
                    percentiles[grain].setdefault(Percentile(source, share), {})[group] = (value, n)
    return percentiles


def _vendors_own(
    figures: Figures, scan: Scan, grains: Mapping[Grain, Collection[Measure]], totals: VendorTotals
) -> None:
    for grain in grains:
        figures.callbacks[grain] = totals.callbacks(scan.selector, scan.span, grain)
        figures.campaigns[grain] = totals.campaigns(scan.selector, grain)


__all__ = ["Figures", "compute"]

"""All that a set of measures needs to know of one span: asked for together, read once it was fetched."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from reports.measures import TALK_MS, TALKS, Distinct, Looped, Measure, Overlap, Sample, Spread, Sums, Tally, Told
from reports.queries import people, spreads, told
from reports.queries.bundle import Bundle, Later, T
from reports.queries.peaks import Peaks
from reports.queries.plan import Plan
from reports.queries.returns.figures import Loops, loops
from reports.queries.sums import Group, count_sums

TOTAL: Group = ()
Counts = dict[Group, Counter[str]]
Costs = dict[Group, tuple[float, int]]


@dataclass(slots=True)
class Figures:
    """Measures by group; :data:`TOTAL` is the group of all calls. See :func:`gather`."""

    tallies: Mapping[Group, Tally]
    contacts: dict[Group, dict[Distinct, int]] = field(default_factory=dict)
    samples: Mapping[str, Mapping[Group, Sample]] = field(default_factory=dict)
    peaks: dict[Group, int] = field(default_factory=dict)
    callbacks: Counts = field(default_factory=dict)
    campaigns: Counts = field(default_factory=dict)
    costs: Costs = field(default_factory=dict)
    loops: Loops = field(default_factory=Loops)

    @property
    def groups(self) -> set[Group]:
        """The groups that were seen, without the total."""
        return {*self.tallies, *self.callbacks, *self.campaigns, *self.loops.groups} - {TOTAL}

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
        if isinstance(measure, Looped):
            return self.loops.value(measure.column, group)
        if measure.source == "price":
            return self.costs.get(group)
        totals = (self.callbacks if measure.source == "callbacks" else self.campaigns).get(group)
        return None if totals is None else totals[measure.column]


def gather(
    bundle: Bundle, peaks: Peaks, plan: Plan, by: tuple[str, ...], measures: Collection[Measure]
) -> Later[Figures]:
    """Ask for what the measures need, by group and for all."""
    sums = {measure for measure in measures if isinstance(measure, Sums)}
    sources = {measure.source for measure in measures if isinstance(measure, Spread)}
    vendors_own = {measure.source for measure in measures if isinstance(measure, Told)}
    looped = {measure.column for measure in measures if isinstance(measure, Looped)}
    asked = _Asked(bundle, plan, [by, ()] if by else [()])
    tallies = count_sums(bundle, plan, by, sums)
    parts: dict[str, Later[Any]] = {}
    if any(isinstance(measure, Distinct) for measure in measures):
        parts["contacts"] = asked.once("contacts", lambda grain: people.people(bundle, plan, grain))
    if sources:
        parts["samples"] = spreads.spreads(bundle, plan, by, sources=sources)
    if any(isinstance(measure, Overlap) for measure in measures):
        parts["peaks"] = asked.once("peaks", lambda grain: peaks.add(plan, grain))
    if "callbacks" in vendors_own:
        parts["callbacks"] = asked.once("callbacks", lambda grain: told.callbacks(bundle, plan.reach, plan.span, grain))
    if "campaigns" in vendors_own:
        parts["campaigns"] = asked.once("campaigns", lambda grain: told.campaigns(bundle, plan.reach, grain))
    if "price" in vendors_own:
        parts["costs"] = asked.once("costs", lambda grain: _costs(bundle, plan, grain))

    if looped:
        parts["loops"] = loops(bundle, plan.reach, plan.span, by, looped)
    return lambda: Figures(_with_total(tallies()), **{name: part() for name, part in parts.items()})


@dataclass(frozen=True, slots=True)
class _Asked:
    """What does not add up to a total is asked for at each grain; questions of one page share the total's."""

    bundle: Bundle
    plan: Plan
    grains: list[tuple[str, ...]]

    def once(self, name: str, ask: Callable[[tuple[str, ...]], Later[dict[Group, T]]]) -> Later[dict[Group, T]]:
        parts = [self.bundle.once((name, id(self.plan), grain), partial(ask, grain)) for grain in self.grains]

        def read() -> dict[Group, T]:
            found: dict[Group, T] = {}
            for part in parts:
                found |= part()
            return found

        return read


def _with_total(tallies: dict[Group, Tally]) -> dict[Group, Tally]:
    total = Tally()
    for tally in tallies.values():
        total.merge(tally)
    return tallies | {TOTAL: total}


def _costs(bundle: Bundle, plan: Plan, grain: tuple[str, ...]) -> Later[Costs]:
    by_agent = (*(key for key in grain if key != "agent"), "agent")
    tallies = count_sums(bundle, plan, by_agent, (TALKS, TALK_MS))
    prices = bundle.once(("prices", id(plan.reach)), lambda: told.prices(bundle, plan.reach.environments))

    def read() -> Costs:
        known = prices()
        if not known:
            return {}
        return told.costs({_placed(group, grain): tally for group, tally in tallies().items()}, known)

    return read


def _placed(group: Group, grain: tuple[str, ...]) -> Group:
    """A group with the agent last as the group of a grain, and the agent after it once more."""
    if "agent" not in grain:
        return group
    *others, agent = group
    place = grain.index("agent")
    return (*others[:place], agent, *others[place:], agent)

"""The vendors' own figures by group: callback totals of UTC days, campaigns' running totals, time at list price.

A total stands only where it can be split as asked. Elsewhere it is missing from the answer of these functions, and the
figure is None: a vendor's total is never shared out by guess.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from django.db.models import CharField
from django.db.models.functions import Cast

from reports.bundle import Bundle, Got
from reports.definitions.dimensions import DIMENSIONS, time_key
from reports.queries.compile import Grain, Group, Span
from reports.queries.scope import Scope
from reports.queries.seen import seen
from reports.queries.selector import Selector
from sync.models.agents import Agent
from sync.models.callbacks import CallbackDay
from sync.models.campaigns import Campaign

CALLBACK_GRAINS = frozenset({"day", "week", "month", "weekday", "environment"})
CALLBACK_TOTALS = ("received", "answered", "unmatched")
CAMPAIGN_GRAINS = frozenset({"environment", "agent"})
Counts = dict[Group, Counter[str]]


@dataclass(slots=True)
class VendorTotals:
    """The rows of some environments, asked for with a bundle and read once it was fetched."""

    days: Got = field(default_factory=Got)
    running: Got = field(default_factory=Got)
    priced: Got = field(default_factory=Got)

    def ask_callbacks(
        self, bundle: Bundle, scope: Scope, environments: Collection[int], first: date, end: date
    ) -> None:
        rows = seen(CallbackDay, scope, environments).filter(day__gte=first, day__lt=end)
        self.days = bundle.add(rows, "environment_id", "day", *CALLBACK_TOTALS)

    def ask_campaigns(self, bundle: Bundle, scope: Scope, environments: Collection[int]) -> None:
        rows = seen(Campaign, scope, environments).filter(total_calls__isnull=False)
        self.running = bundle.add(rows, "environment_id", "agent_id", "total_calls", "completed_calls")

    def ask_prices(self, bundle: Bundle, scope: Scope, environments: Collection[int]) -> None:
        """List price a minute and currency of the agents that have one."""
        rows = seen(Agent, scope, environments).filter(price_per_minute__isnull=False)
        self.priced = bundle.add(rows, "pk", Cast("price_per_minute", CharField()), "currency")

    @property
    def tariffs(self) -> "tuple[Tariff, ...]":
        agents: dict[tuple[Decimal, str], set[int]] = defaultdict(set)
        for agent, price, currency in self.priced.rows:
            agents[Decimal(price), currency].add(agent)
        return tuple(Tariff(*key, frozenset(agents[key])) for key in sorted(agents))

    def callbacks(self, selector: Selector, span: Span, by: Grain) -> Counts:
        """Received, answered and unmatched by group.

        A vendor's UTC day counts as the local day of the same date. A day that is cut short by the span has no total.
        """
        if not selector.whole_environments or not set(by) <= CALLBACK_GRAINS:
            return {}
        counts: Counts = defaultdict(Counter)
        cut: set[Group] = set()
        for day, totals in self._by_day(selector, span, apart="environment" in by):
            key_of = {key: time_key(DIMENSIONS[key], day, None, 0) for key in by if key != "environment"}
            for environment, amounts in totals.items():
                group = tuple(environment if key == "environment" else key_of[key] for key in by)
                counts[group].update(dict(zip(CALLBACK_TOTALS, amounts, strict=True)))
                if span.cuts(day):
                    cut.add(group)
        return {group: counter for group, counter in counts.items() if group not in cut}

    def _by_day(self, selector: Selector, span: Span, *, apart: bool) -> Iterable[tuple[date, dict[int, list[int]]]]:
        """The days of a span, and the totals of each environment, or of all of them under 0."""
        first, end = span.period.start.isoformat(), span.period.end.isoformat()
        days: dict[str, dict[int, list[int]]] = defaultdict(dict)
        for environment, day, *amounts in self.days.rows:
            if first <= day < end and environment in selector.environments:
                key = environment if apart else 0
                before = days[day].get(key)
                days[day][key] = amounts if before is None else [a + b for a, b in zip(before, amounts, strict=True)]
        return ((date.fromisoformat(day), totals) for day, totals in days.items())

    def campaigns(self, selector: Selector, by: Grain) -> Counts:
        """Calls and completed calls of the campaigns as last read, whatever the period."""
        if not set(by) <= CAMPAIGN_GRAINS or not selector.whatever_calls:
            return {}
        counts: Counts = defaultdict(Counter)
        for environment, agent, total, completed in self.running.rows:
            if environment not in selector.environments or (
                selector.agent_ids is not None and agent not in selector.agent_ids
            ):
                continue
            keys = {"environment": environment, "agent": agent}
            counts[tuple(keys[key] for key in by)].update(total_calls=total, completed_calls=completed or 0)
        return dict(counts)


@dataclass(frozen=True, slots=True)
class Tariff:
    """A list price a minute, and the agents that have it."""

    price: Decimal
    currency: str
    agents: frozenset[int]


@dataclass(slots=True)
class Cost:
    """Connected time of a group at list price."""

    money: Decimal = Decimal()  # for milliseconds at prices a minute
    calls: int = 0
    currencies: set[str] = field(default_factory=set)

    def add(self, tariff: Tariff, calls: int, milliseconds: int) -> None:
        self.money += tariff.price * milliseconds
        self.calls += calls
        self.currencies.add(tariff.currency)

    @property
    def sum(self) -> tuple[float, int] | None:
        """The money and the calls it is for; None where agents are priced in different currencies."""
        return (float(self.money) / 60_000, self.calls) if len(self.currencies) == 1 else None

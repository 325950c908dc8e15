"""The vendors' own figures by group: callback totals of UTC days, campaigns' running totals, time at list price.

A total stands only where it can be split as asked. Elsewhere it is missing from the answer of these functions, and the
figure is None: a vendor's total is never shared out by guess.
"""

from collections import Counter, defaultdict
from collections.abc import Collection
from datetime import date
from decimal import Decimal

from django.db.models import CharField, Sum
from django.db.models.functions import Cast

from reports.dimensions import DIMENSIONS, time_key
from reports.measures import TALK_MS, TALKS, Tally
from reports.queries.bundle import Bundle, Later, grouped_by
from reports.queries.filters import Reach
from reports.queries.plan import Span
from reports.queries.sums import Group
from sync.models.agents import Agent
from sync.models.callbacks import CallbackDay
from sync.models.campaigns import Campaign

CALLBACK_GRAINS = frozenset({"day", "week", "month", "weekday", "environment"})
CALLBACK_TOTALS = ("received", "answered", "unmatched")
CAMPAIGN_GRAINS = frozenset({"environment", "agent"})
Counts = dict[Group, Counter[str]]
Prices = dict[int, tuple[Decimal, str]]


def callbacks(bundle: Bundle, reach: Reach, span: Span, by: tuple[str, ...]) -> Later[Counts]:
    """Received, answered and unmatched by group.

    A vendor's UTC day counts as the local day of the same date. A day that is cut short by the span has no total.
    """
    if not reach.whole_environments or not set(by) <= CALLBACK_GRAINS:
        return dict
    rows = CallbackDay.objects.filter(
        environment_id__in=reach.environments, day__gte=span.period.start, day__lt=span.period.end
    )
    got = bundle.once(
        ("callback days", id(reach), span), lambda: bundle.add(rows, "environment_id", "day", *CALLBACK_TOTALS)
    )

    def read() -> Counts:
        found: dict[Group, Counter[str]] = defaultdict(Counter)
        cut: set[Group] = set()
        for environment, told_day, *amounts in got.rows:
            day = date.fromisoformat(told_day)
            group = tuple(
                environment if key == "environment" else time_key(DIMENSIONS[key], day, None, 0) for key in by
            )
            found[group].update(dict(zip(CALLBACK_TOTALS, amounts, strict=True)))
            if span.cuts(day):
                cut.add(group)
        return {group: counts for group, counts in found.items() if group not in cut}

    return read


def campaigns(bundle: Bundle, reach: Reach, by: tuple[str, ...]) -> Later[Counts]:
    """Calls and completed calls of the campaigns as last read, whatever the period."""
    if not set(by) <= CAMPAIGN_GRAINS or not reach.whatever_calls:
        return dict
    rows = Campaign.objects.filter(environment_id__in=reach.environments, total_calls__isnull=False)
    if reach.agent_ids is not None:
        rows = rows.filter(agent_id__in=reach.agent_ids)
    names = [f"{key}_id" for key in by]
    summed = grouped_by(rows, names).annotate(total=Sum("total_calls"), completed=Sum("completed_calls"))
    got = bundle.add(summed, *names, "total", "completed")
    return lambda: {
        tuple(group): Counter(total_calls=total, completed_calls=completed or 0)
        for *group, total, completed in got.rows
        if total is not None
    }


def prices(bundle: Bundle, environments: Collection[int]) -> Later[Prices]:
    """List price a minute and currency of the agents that have one."""
    rows = Agent.objects.filter(environment_id__in=environments, price_per_minute__isnull=False)
    got = bundle.add(rows, "pk", Cast("price_per_minute", CharField()), "currency")
    return lambda: {pk: (Decimal(price), currency) for pk, price, currency in got.rows}


def costs(by_agent: dict[Group, Tally], prices: Prices) -> dict[Group, tuple[float, int]]:
    """Connected time at list price and the calls it covers, by group; ``by_agent`` has the agent as its last key.

    A group whose agents are priced in different currencies has no sum and is left out.
    """
    money: dict[Group, Decimal] = defaultdict(Decimal)
    calls: Counter[Group] = Counter()
    currencies: dict[Group, set[str]] = defaultdict(set)
    for (*group, agent), tally in by_agent.items():
        price = prices.get(agent) if isinstance(agent, int) else None
        timed = tally.value(TALKS)
        if price is None or not timed:
            continue
        key = tuple(group)
        money[key] += price[0] * tally.value(TALK_MS)
        calls[key] += timed
        currencies[key].add(price[1])
    return {
        group: (float(amount) / 60_000, calls[group]) for group, amount in money.items() if len(currencies[group]) == 1
    }

"""The vendors' own figures by group: callback totals of UTC days, campaigns' running totals, time at list price.

A total stands only where it can be split as asked. Elsewhere it is missing from the answer of these functions, and the
figure is None: a vendor's total is never shared out by guess.
"""

from collections import Counter, defaultdict
from collections.abc import Collection
from decimal import Decimal

from django.db.models import Sum

from reports.dimensions import DIMENSIONS, time_key
from reports.measures import TALK_MS, TALKS, Tally
from reports.queries.filters import Reach
from reports.queries.plan import Span
from reports.queries.sums import Group
from sync.models.agents import Agent
from sync.models.callbacks import CallbackDay
from sync.models.campaigns import Campaign

CALLBACK_GRAINS = frozenset({"day", "week", "month", "environment"})
CAMPAIGN_GRAINS = frozenset({"environment", "agent"})


def callbacks(reach: Reach, span: Span, by: tuple[str, ...]) -> dict[Group, Counter[str]]:
    """Received, answered and unmatched by group. One query.

    A vendor's UTC day counts as the local day of the same date. A day that is cut short by the span has no total.
    """
    if not reach.whole_environments or not set(by) <= CALLBACK_GRAINS:
        return {}
    rows = CallbackDay.objects.filter(
        environment_id__in=reach.environments, day__gte=span.period.start, day__lt=span.period.end
    ).values_list("environment_id", "day", "received", "answered", "unmatched")
    found: dict[Group, Counter[str]] = defaultdict(Counter)
    cut: set[Group] = set()
    for environment, day, *amounts in rows:
        group = tuple(environment if key == "environment" else time_key(DIMENSIONS[key], day, None, 0) for key in by)
        found[group].update(dict(zip(("received", "answered", "unmatched"), amounts, strict=True)))
        if span.cuts(day):
            cut.add(group)
    return {group: counts for group, counts in found.items() if group not in cut}


def campaigns(reach: Reach, by: tuple[str, ...]) -> dict[Group, Counter[str]]:
    """Calls and completed calls of the campaigns as last read, whatever the period. One query."""
    chosen = reach.filters
    if not set(by) <= CAMPAIGN_GRAINS or chosen.statuses or chosen.direction or chosen.number:
        return {}
    if chosen.min_duration is not None or chosen.max_duration is not None or chosen.testing == "only":
        return {}
    rows = Campaign.objects.filter(environment_id__in=reach.environments, total_calls__isnull=False)
    if reach.agent_ids is not None:
        rows = rows.filter(agent_id__in=reach.agent_ids)
    names = [f"{key}_id" for key in by]
    found: dict[Group, Counter[str]] = {}
    for *group, total, completed in (
        rows.order_by().values_list(*names).annotate(total=Sum("total_calls"), completed=Sum("completed_calls"))
        if names
        else [tuple(rows.aggregate(total=Sum("total_calls"), completed=Sum("completed_calls")).values())]
    ):
        if total is not None:
            found[tuple(group)] = Counter(total_calls=total, completed_calls=completed or 0)
    return found


def prices(environments: Collection[int]) -> dict[int, tuple[Decimal, str]]:
    """List price a minute and currency of the agents that have one. One query."""
    rows = Agent.objects.filter(environment_id__in=environments, price_per_minute__isnull=False)
    told = rows.values_list("pk", "price_per_minute", "currency")
    return {pk: (price, currency) for pk, price, currency in told if price is not None}


def costs(by_agent: dict[Group, Tally], prices: dict[int, tuple[Decimal, str]]) -> dict[Group, tuple[float, int]]:
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

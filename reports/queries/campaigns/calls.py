"""What the calls that a campaign names show: how often people were tried, which attempt reached them, why others
were not reached, and how far the campaign was at each age. Counted from the mirrored calls, test calls left out.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, QuerySet, Value, Window
from django.db.models.functions import RowNumber

from portal.django_inside import statement
from reports.definitions.dimensions import DIMENSIONS, Clock
from reports.definitions.filters import Filters
from reports.definitions.measures import outcome
from reports.definitions.periods import number_day
from reports.queries.calls.masks import hide_any
from reports.queries.campaigns.named_calls import named_by
from reports.queries.scope import Scope
from reports.queries.seen import seen
from reports.queries.selector import Selector, resolve
from sync.models.calls import Call
from sync.models.campaigns import Campaign, CampaignCall
from sync.taxonomy import Outcome

ENOUGH = 0.98  # of the calls a campaign names: with fewer mirrored it is not compared


@dataclass(frozen=True, slots=True)
class Part:
    """How many calls of one local day ended with one status and cause."""

    day: date
    status: str
    cause: str
    outcome: str
    n: int


@dataclass(frozen=True, slots=True)
class Effort:
    """How contacts were tried. ``attempts`` counts contacts by how often they were tried, ``first_connect`` those
    reached by which attempt it was that reached them first.
    """

    attempts: Mapping[int, int]
    first_connect: Mapping[int, int]

    @property
    def contacts(self) -> int:
        return sum(self.attempts.values())

    @property
    def reached(self) -> int:
        return sum(self.first_connect.values())

    @property
    def mean_attempts(self) -> float | None:
        return _mean(self.attempts)

    @property
    def mean_first_connect(self) -> float | None:
        return _mean(self.first_connect)


@dataclass(frozen=True, slots=True)
class Named:
    """How many calls the vendor names, how many of them are mirrored, and of these how many are test calls."""

    calls: int
    mirrored: int
    tests: int


@dataclass(frozen=True, slots=True)
class Age:
    """A campaign at the end of its ``number``-th day: what it had come to by then."""

    number: int
    day: date
    calls: int
    connected: int
    final: int

    @property
    def connect_rate(self) -> float | None:
        return self.connected * 100 / self.final if self.final else None


@dataclass(frozen=True, slots=True)
class CampaignCalls:
    named: Named
    parts: tuple[Part, ...]  # by day, then by status and cause
    effort: Effort

    @property
    def total(self) -> int:
        return sum(part.n for part in self.parts)

    def count(self, *outcomes: str) -> int:
        return sum(part.n for part in self.parts if part.outcome in outcomes)


def campaign_calls(row: Campaign, scope: Scope, *, now: datetime) -> CampaignCalls:
    """A handful of queries, whatever the campaign's size."""
    named = seen(CampaignCall, scope, [row.environment_id]).filter(campaign_id=row.pk).count()
    held = _selector(row, scope, now, testing="include").calls()
    counts = held.aggregate(n=Count("pk"), tests=Count("pk", filter=Q(is_test=True)))
    selector = _selector(row, scope, now)
    rows = selector.calls()
    parts = _parts(rows, selector)
    return CampaignCalls(
        named=Named(named, counts["n"], counts["tests"]),
        parts=parts,
        effort=_effort(rows, selector) if parts else Effort({}, {}),
    )


def ages(campaigns: Sequence[Campaign], scope: Scope, *, now: datetime) -> dict[int, tuple[Age, ...]]:
    """For each campaign of one environment what it had come to at the end of its first day, its second and so on.

    The first day is that of its first call; a day without calls repeats the one before. By the campaigns' keys; one
    without calls is left out, and one of whose calls many are not mirrored: its days would show too few. A handful of
    queries.
    """
    if not campaigns:
        return {}
    environment = campaigns[0].environment_id
    selector = resolve(Filters(), scope.only(environment), now=now)
    clock = _clock(selector.calls().filter(named_by([row.pk for row in campaigns], environment, scope)), scope.zone)
    if clock is None:
        return {}
    counts = [
        selector.calls()
        .filter(named_by([row.pk], environment, scope))
        .annotate(
            campaign=Value(row.pk), local_day=DIMENSIONS["day"].sql(clock), result=outcome(selector.providers, now)
        )
        .order_by()
        .values_list("campaign", "local_day", "result")
        .annotate(n=Count("pk"))
        for row in campaigns
    ]
    days: defaultdict[int, defaultdict[date, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    first, *others = counts
    for campaign, day, result, n in first.union(*others, all=True) if others else first:
        days[campaign][number_day(day)][result] += n
    held = _held(campaigns, selector)
    return {campaign: _grown(by_day) for campaign, by_day in days.items() if campaign in held}


def _held(campaigns: Sequence[Campaign], selector: Selector) -> frozenset[int]:
    """Those campaigns of whose named calls few enough are missing here. A campaign at work always lacks the last calls,
    since its list is read after them. One query.
    """
    everyone = selector.scope.whatever_agent()
    mirrored = seen(Call, everyone, selector.environments).filter(external_id=OuterRef("call_key"))
    linked = seen(CampaignCall, selector.scope, selector.environments)
    named = linked.filter(campaign_id__in=[row.pk for row in campaigns])
    counts = (
        named.order_by()
        .values_list("campaign_id")
        .annotate(n=Count("pk"), held=Count("pk", filter=Q(Exists(mirrored))))
    )
    return frozenset(campaign for campaign, n, held in counts if held >= n * ENOUGH)


def _grown(by_day: Mapping[date, Counter[str]]) -> tuple[Age, ...]:
    first = min(by_day)
    ages, so_far = [], Counter[str]()
    for number in range((max(by_day) - first).days + 1):
        day = first + timedelta(days=number)
        so_far += by_day.get(day, Counter())
        connected = so_far[Outcome.CONNECTED]
        final = connected + so_far[Outcome.UNREACHED]
        ages.append(Age(number + 1, day, so_far.total(), connected, final))
    return tuple(ages)


def _selector(row: Campaign, scope: Scope, now: datetime, *, testing: str = "exclude") -> Selector:
    filters = Filters(campaigns=(row.public_id,), testing=testing)
    return resolve(filters, scope.only(row.environment_id), now=now)


def _clock(rows: QuerySet[Call], zone: str) -> Clock | None:
    """The clock on the wall from the first of the calls to the last; None without calls."""
    edges = rows.aggregate(first=Min("started_at"), last=Max("started_at"))
    return Clock(edges["first"], edges["last"] + timedelta(seconds=1), zone) if edges["first"] else None


def _parts(rows: QuerySet[Call], selector: Selector) -> tuple[Part, ...]:
    clock = _clock(rows, selector.scope.zone)
    if clock is None:
        return ()
    counts = (
        rows.annotate(local_day=DIMENSIONS["day"].sql(clock), result=outcome(selector.providers, selector.now))
        .order_by()
        .values_list("local_day", "status", "hangup_cause", "result")
        .annotate(n=Count("pk"))
    )
    word = str if selector.scope.sees_numbers else hide_any
    return tuple(
        Part(number_day(day), word(status), word(cause), result, n) for day, status, cause, result, n in sorted(counts)
    )


_CONTACTS = """
SELECT attempts, reached_by, COUNT(*)
FROM (
  SELECT contact, COUNT(*) AS attempts, MIN(CASE WHEN result = %s THEN place END) AS reached_by
  FROM ({calls}) AS calls
  GROUP BY contact
) AS contacts
GROUP BY attempts, reached_by
"""


def _effort(rows: QuerySet[Call], selector: Selector) -> Effort:
    """The database numbers each contact's calls in the order they were placed, so no call is fetched."""
    place = Window(RowNumber(), partition_by=[F("contact")], order_by=[F("started_at").asc(), F("pk").asc()])
    placed = (
        rows.exclude(contact="")
        .annotate(place=place, result=outcome(selector.providers, selector.now))
        .order_by()
        .values("contact", "place", "result")
    )
    attempts, first_connect = Counter[int](), Counter[int]()
    try:
        calls, params = statement(placed)
    except EmptyResultSet:
        return Effort({}, {})
    with connection.cursor() as cursor:
        cursor.execute(_CONTACTS.format(calls=calls), (Outcome.CONNECTED.value, *params))
        for tried, reached_by, contacts in cursor.fetchall():
            attempts[tried] += contacts
            if reached_by is not None:
                first_connect[reached_by] += contacts
    return Effort(dict(sorted(attempts.items())), dict(sorted(first_connect.items())))


def _mean(counts: Mapping[int, int]) -> float | None:
    contacts = sum(counts.values())
    return sum(number * n for number, n in counts.items()) / contacts if contacts else None

"""Where a span is counted: in the rollups for the days they hold, among the calls for everything else."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q, QuerySet

from reports.dimensions import Clock
from reports.periods import Period, day_number, day_start
from reports.queries.filters import Reach
from sync.models.calls import Call

# An environment whose held days are scattered over more runs than this is asked of the calls from its first to its last
# day that is not held: many small ranges cost more than they save.
MOST_RUNS = 8


@dataclass(frozen=True, slots=True)
class Span:
    """The calls of a period that began before ``until``, its end unless only a part of it counts."""

    period: Period
    until: datetime
    now: datetime

    @classmethod
    def whole(cls, period: Period, now: datetime) -> "Span":
        return cls(period, period.ends_at, now)

    def cuts(self, day: date) -> bool:
        """Whether only a part of a day of the period counts, or nothing of it."""
        return self.until < day_start(day + timedelta(days=1), self.period.zone)

    @property
    def clock(self) -> Clock:
        return Clock.of(self.period)


@dataclass(frozen=True, slots=True)
class Days:
    """Days in a row, both ends included."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Plan:
    """``held`` days are read from the rollups, ``live`` instants from the calls; together they are the span, once."""

    reach: Reach
    span: Span
    held: dict[Days, frozenset[int]]
    live: dict[tuple[datetime, datetime], frozenset[int]]

    def calls(self, *, everything: bool = False) -> QuerySet[Call]:
        """The calls to count live, or all calls of the span."""
        whole = {(self.span.period.starts_at, self.span.until): frozenset(self.reach.environments)}
        wanted = [
            Q(environment_id__in=sorted(environments), started_at__gte=start, started_at__lt=end)
            for (start, end), environments in (whole if everything else self.live).items()
            if environments and start < end
        ]
        rows = self.reach.calls(start=self.span.period.starts_at, end=self.span.period.ends_at).order_by()
        return rows.filter(reduce(or_, wanted)) if wanted else rows.none()

    def rollups(self, model: Any) -> QuerySet[Any]:
        """The rollup rows of the held days that scope and filters leave."""
        wanted = [
            Q(environment_id__in=sorted(environments), day__gte=day_number(days.first), day__lte=day_number(days.last))
            for days, environments in self.held.items()
        ]
        rows: QuerySet[Any] = model.objects.order_by()
        chosen = self.reach.filters
        if self.reach.agent_ids is not None:
            rows = rows.filter(agent_id__in=sorted(self.reach.agent_ids))
        if chosen.statuses:
            rows = rows.filter(status__in=chosen.statuses)
        if chosen.direction:
            rows = rows.filter(direction=chosen.direction)
        return rows.filter(reduce(or_, wanted)) if wanted else rows.none()

    @property
    def walks(self) -> bool:
        """Whether the rollups cannot help at all: a zone or filters that they do not know."""
        return self.reach.beyond_rollups or self.span.period.zone != self.reach.scope.zone

    def without_rollups(self) -> "Plan":
        return Plan(self.reach, self.span, {}, _all_live(self.reach, self.span))


def plan(reach: Reach, span: Span, trusted: Mapping[int, set[date]]) -> Plan:
    """Where each day is counted, for this scope, these filters and this zone. ``trusted`` are the days whose rollups
    hold in the tenant's zone, by environment.
    """
    if reach.empty:
        return Plan(reach, span, {}, {})
    unaided = Plan(reach, span, {}, _all_live(reach, span))
    if unaided.walks:
        return unaided
    held: dict[Days, set[int]] = defaultdict(set)
    live: dict[tuple[datetime, datetime], set[int]] = defaultdict(set)
    whole = [day for day in span.period if not span.cuts(day)]
    for environment in reach.environments:
        counted = trusted.get(environment, set())
        days = {day for day in whole if day in counted}
        missing = runs(day for day in span.period if day not in days)
        if len(missing) > MOST_RUNS:
            missing = [Days(missing[0].first, missing[-1].last)]
            days = {day for day in days if not missing[0].first <= day <= missing[0].last}
        for run in missing:
            start = day_start(run.first, span.period.zone)
            end = min(day_start(run.last + timedelta(days=1), span.period.zone), span.until)
            live[start, end].add(environment)
        for run in runs(sorted(days)):
            held[run].add(environment)
    return Plan(
        reach,
        span,
        {days: frozenset(environments) for days, environments in held.items()},
        {instants: frozenset(environments) for instants, environments in live.items()},
    )


def _all_live(reach: Reach, span: Span) -> dict[tuple[datetime, datetime], frozenset[int]]:
    return {(span.period.starts_at, span.until): frozenset(reach.environments)}


def runs(days: Iterable[date]) -> list[Days]:
    """Days in order as days in a row."""

    def walk() -> Iterator[Days]:
        first = last = None
        for day in days:
            if first is None or last is None:
                first = last = day
            elif day - last == timedelta(days=1):
                last = day
            else:
                yield Days(first, last)
                first = last = day
        if first is not None and last is not None:
            yield Days(first, last)

    return list(walk())

"""Sums of calls by group: from the rollups for the days they hold, from the calls for the others."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import reduce
from operator import or_

from django.db.models import Q, QuerySet

from reports.dimensions import AREA_PARTS, DIMENSIONS, Clock, Key
from reports.measures import COLUMNS, Tally, outcome
from reports.periods import Period, day_start
from reports.queries.filters import Reach
from sync.models.calls import Call

Group = tuple[Key, ...]


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
        """Whether only a part of a day of the period counts."""
        return self.until < day_start(day + timedelta(days=1), self.period.zone)

    @property
    def clock(self) -> Clock:
        return Clock.of(self.period)


@dataclass(frozen=True, slots=True)
class Stint:
    """Instants ``[start, end)`` of some environments, to be counted from the calls."""

    environments: frozenset[int]
    start: datetime
    end: datetime


def grouped(rows: QuerySet[Call], by: tuple[str, ...], clock: Clock) -> tuple[QuerySet[Call], list[str]]:
    """Calls with the keys of ``by`` as columns, and the names of these columns in the order of ``by``."""
    if "area_code" in by:
        rows = rows.alias(**AREA_PARTS)
    names = [f"by_{key}" for key in by]
    return rows.annotate(
        **{name: DIMENSIONS[key].sql(clock) for name, key in zip(names, by, strict=True)},
    ), names


def count_sums(reach: Reach, span: Span, by: tuple[str, ...], *, columns: Collection[str]) -> dict[Group, Tally]:
    """Sums of ``columns``, and always of ``n``, by group. Groups without calls are left out."""
    if reach.empty:
        return {}
    everything = Stint(frozenset(reach.environments), span.period.starts_at, span.until)
    return from_calls(reach, span, by, columns=columns, stints=[everything])


def calls_of(reach: Reach, stints: Collection[Stint]) -> QuerySet[Call]:
    wanted = [
        Q(environment_id__in=sorted(stint.environments), started_at__gte=stint.start, started_at__lt=stint.end)
        for stint in stints
        if stint.environments and stint.start < stint.end
    ]
    rows = reach.calls()
    return rows.filter(reduce(or_, wanted)) if wanted else rows.none()


def from_calls(
    reach: Reach, span: Span, by: tuple[str, ...], *, columns: Collection[str], stints: Collection[Stint]
) -> dict[Group, Tally]:
    """Count ``columns`` over the calls of the stints, by group. One query."""
    rows, names = grouped(calls_of(reach, stints), by, span.clock)
    rows = rows.annotate(result=outcome(reach.providers, span.now))
    kind = ("environment_id", "direction", "status", "result")
    wanted = sorted({"n", *columns})
    counted = rows.order_by().values_list(*names, *kind).annotate(**{f"sum_{name}": COLUMNS[name] for name in wanted})
    found: dict[Group, Tally] = defaultdict(Tally)
    width = len(names)
    for row in counted:
        environment, direction, status, result = row[width : width + 4]
        amounts = dict(zip(wanted, row[width + 4 :], strict=True))
        found[row[:width]].add((reach.providers[environment], direction, status, result), amounts)
    return found

"""The most connected calls at one time. They do not merge into it, so they are walked, in the order of their starts."""

import heapq
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.db.models import F, IntegerField, QuerySet, Value
from django.db.models.functions import JSONArray

from portal.django_inside import surely_empty
from reports.measures import Microseconds, outcome
from reports.queries.bundle import Later
from reports.queries.plan import Plan
from reports.queries.sums import Group, grouped
from sync.taxonomy import Outcome


class Peaks:
    """Walks the calls of all that was added at once, in little memory. One query, none where nothing was added."""

    def __init__(self) -> None:
        self._parts: list[QuerySet[Any]] = []
        self._found: dict[int, dict[Group, int]] | None = None

    def add(self, plan: Plan, by: tuple[str, ...]) -> Later[dict[Group, int]]:
        """The peak by group."""
        rows, names = grouped(plan.calls(everything=True), by, plan.span.clock)
        if surely_empty(rows):
            return dict
        connected = rows.alias(result=outcome(plan.reach.providers, plan.span.now)).filter(
            result=Outcome.CONNECTED.value, duration_ms__gt=0
        )
        place = len(self._parts)
        self._parts.append(
            connected.annotate(
                part=Value(place, output_field=IntegerField()),
                start=Microseconds("started_at"),
                lasts=F("duration_ms"),
                group=JSONArray(*names),
            ).values_list("part", "start", "lasts", "group")
        )
        return lambda: self._walked().get(place, {})

    def _walked(self) -> dict[int, dict[Group, int]]:
        if self._found is None:
            first, *others = self._parts
            rows = (first.union(*others, all=True) if others else first).order_by("start")
            self._found = _most(rows.iterator(chunk_size=5000))
        return self._found


def _most(talks: Iterable[tuple[int, int, int, list[Any]]]) -> dict[int, dict[Group, int]]:
    running: dict[tuple[int, Group], list[int]] = defaultdict(list)
    most: dict[int, dict[Group, int]] = defaultdict(dict)
    for part, start, lasts, keys in talks:
        group = tuple(keys)
        ends = running[part, group]
        while ends and ends[0] <= start:
            heapq.heappop(ends)
        heapq.heappush(ends, start + lasts * 1000)
        if len(ends) > most[part].get(group, 0):
            most[part][group] = len(ends)
    return most

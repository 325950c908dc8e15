"""Whom nobody reached: different contacts of attempts of agents with a callback agent, by group.

Sets kept day by day are merged where they know the groups; the calls are counted where they do not.
"""

from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet

from reports.dimensions import DIMENSIONS
from reports.periods import day_number, day_start, local_date
from reports.queries.bundle import Bundle, Got, Later, grouped_by
from reports.queries.filters import within
from reports.queries.plan import Span
from reports.queries.returns.rows import Rows, Spans
from reports.queries.sums import Group, grouped, grouped_rollups
from reports.rollups.contacts import Crowd, key_in_sql, unpacked
from reports.rollups.loop import during, unreached_calls
from reports.rollups.loop_models import UnreachedDay
from sync.models.calls import Call

_PLACES = frozenset({"agent", "environment"})
_DAYS = frozenset(key for key, known in DIMENSIONS.items() if known.of_day is not None)
Crowds = dict[Group, Crowd]


def ask_unreached(bundle: Bundle, rows: Rows, span: Span, by: tuple[str, ...]) -> Later[dict[Group, int]]:
    """Contacts by group, and of all under ``()``. ``rows`` are those of the span."""
    if not rows.rules.all_routes.covered or not (rows.kept or rows.live):
        return dict
    if not rows.kept or rows.filters_calls or not _sets_know(rows, span, by):
        return _ask_counted(bundle, rows, span, by)
    days, live = _whole_days(rows)
    sets, names = grouped_rollups(_sets(rows, days), by, span.clock)
    kept = bundle.add(sets, *names, "contacts")
    tried = _ask_live(bundle, rows, live, span, by)

    def read() -> dict[Group, int]:
        crowds: Crowds = defaultdict(Crowd)
        for *group, told in kept.rows:
            keys = unpacked(told)
            for each in {tuple(group), ()}:
                crowds[each].met.append(keys)
        _join(crowds, tried)
        return {group: crowd.count()[0] for group, crowd in crowds.items()}

    return read


def _sets_know(rows: Rows, span: Span, by: tuple[str, ...]) -> bool:
    return set(by) <= _PLACES or (set(by) <= _PLACES | _DAYS and span.period.zone == rows.reach.scope.zone)


def _whole_days(rows: Rows) -> tuple[dict[tuple[date, date], frozenset[int]], Spans]:
    """The local days that lie in what is kept whole, first and last, and the instants that remain."""
    zone = rows.reach.scope.zone
    days: dict[tuple[date, date], frozenset[int]] = {}
    live = dict(rows.live)

    def remains(start: datetime, end: datetime, environments: frozenset[int]) -> None:
        if start < end:
            live[start, end] = live.get((start, end), frozenset()) | environments

    for (start, end), environments in rows.kept.items():
        first, after = local_date(start, zone), local_date(end, zone)
        if day_start(first, zone) < start:
            first += timedelta(days=1)
        if first >= after:
            remains(start, end, environments)
            continue
        days[first, after - timedelta(days=1)] = environments | days.get(
            (first, after - timedelta(days=1)), frozenset()
        )
        remains(start, day_start(first, zone), environments)
        remains(day_start(after, zone), end, environments)
    return days, live


def _sets(rows: Rows, days: dict[tuple[date, date], frozenset[int]]) -> QuerySet[UnreachedDay]:
    wanted = Q(pk__in=())
    for (first, last), environments in days.items():
        wanted |= Q(environment_id__in=sorted(environments), day__gte=day_number(first), day__lte=day_number(last))
    found = UnreachedDay.objects.filter(wanted)
    agents = rows.reach.agent_ids
    return found if agents is None else found.filter(agent_id__in=sorted(agents))


def _ask_live(bundle: Bundle, rows: Rows, live: Spans, span: Span, by: tuple[str, ...]) -> Got:
    if not live:
        return Got()
    calls = unreached_calls(rows.rules, Call.objects.filter(during(live)), rows.now)
    if rows.reach.agent_ids is not None:
        calls = calls.filter(agent_id__in=sorted(rows.reach.agent_ids))
    calls, names = grouped(calls, by, span.clock)
    told: QuerySet[Any] = calls.annotate(key=key_in_sql()).values(*names, "contact", "key").distinct()
    return bundle.add(told, *names, "contact", "key")


def _join(crowds: Crowds, live: Got) -> None:
    keys: dict[Group, set[int]] = defaultdict(set)
    for *group, contact, key in live.rows:
        for each in {tuple(group), ()}:
            if key is None:
                crowds[each].new[contact] = True
            else:
                keys[each].add(key)
    for each, known in keys.items():
        crowds[each].met.append(sorted(known))


def _ask_counted(bundle: Bundle, rows: Rows, span: Span, by: tuple[str, ...]) -> Later[dict[Group, int]]:
    start, until = span.period.starts_at, span.until
    calls = within(rows.reach.calls(rows.rules.routes, start=start, end=until), start, until)
    calls = unreached_calls(rows.rules, calls, span.now)
    got = []
    for grain in {by, ()}:
        told, names = grouped(calls, grain, span.clock)
        counted = grouped_by(told, names).annotate(people=Count("contact", distinct=True))
        got.append(bundle.add(counted, *names, "people"))

    def read() -> dict[Group, int]:
        return {tuple(group): people for part in got for *group, people in part.rows}

    return read

"""Keeping the rollups right: settled days are counted once, and again whenever their calls changed.

Safe to run twice, late, or in two processes at once: a day is counted under the lock of its ledger row, and its mark of
dirtiness is removed only if it is still the one that was there before counting.
"""

import math
import time
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta

from django.db import transaction
from django.utils import timezone

from portal.tenants.models.tenants import Environment
from reports.periods import day_number
from reports.rollups import contacts
from reports.rollups.build import calls_of, count
from reports.rollups.days import between, first_day, runs
from reports.rollups.loop import forget, refresh_loop
from reports.rollups.models import AgentDayRollup, ContactDay, CountedDay, DayRollup, FacetDay
from reports.rollups.trust import VERSION, counted_days, is_settled, last_settled
from sync.models.changes import DirtyDay

CHUNK = 31  # days counted in one transaction
BATCH = 500  # rows inserted by one statement
BRIDGE = timedelta(days=3)  # a gap so short is counted along: that costs less than a run more


def refresh_dirty(seconds: float = math.inf) -> int:
    """Count the days that are dirty, or settled and never counted, of the active tenant; returns how many were counted.

    Days that are not settled yet are only marked as uncounted: until they are, they are asked of the calls. After
    ``seconds`` the rest is left as it is, for the next time.
    """
    until = time.monotonic() + seconds
    return sum(_refresh(environment, until) for environment in Environment.objects.select_related("tenant"))


def rebuild(environment: Environment, since: date | None = None, until: date | None = None) -> int:
    """Count every settled day anew, from ``since`` to ``until`` (included) if given; returns how many there were."""
    zone = environment.tenant.zone
    first, last = first_day(environment), last_settled(zone, timezone.now())
    start = max(filter(None, (first, since)), default=None)
    if first is None or start is None:
        return 0
    end = min(last, until) if until is not None else last
    return _count_days(environment, between(start, end), zone)


def _refresh(environment: Environment, until: float) -> int:
    zone = environment.tenant.zone
    dirty = set(DirtyDay.objects.filter(environment_id=environment.pk).values_list("day", flat=True))
    stale = CountedDay.objects.filter(environment_id=environment.pk).exclude(zone=zone, version=VERSION)
    first = first_day(environment)
    settled: set[date] = set()
    if first is not None:
        held = counted_days([environment.pk], zone).values_list("day", "counted_at")
        trusted = {day for day, counted_at in held if counted_at is not None and is_settled(day, zone, counted_at)}
        settled = set(between(first, last_settled(zone, timezone.now()))) - trusted
    return _count_days(environment, sorted({*settled, *dirty, *stale.values_list("day", flat=True)}), zone, until)


def _count_days(environment: Environment, days: Iterable[date], zone: str, until: float = math.inf) -> int:
    counted = 0
    for run in runs(days, CHUNK, bridge=BRIDGE):
        if time.monotonic() > until:
            break
        _count_run(environment, run, zone)
        counted += len(run)
    refresh_loop(environment)
    return counted


def _count_run(environment: Environment, days: list[date], zone: str) -> None:
    keys = {"tenant_id": environment.tenant_id, "environment_id": environment.pk}
    numbers = [day_number(day) for day in days]
    contacts.know(calls_of(environment, days[0], days[-1], zone=zone))
    with transaction.atomic():
        CountedDay.objects.bulk_create([CountedDay(**keys, day=day) for day in days], ignore_conflicts=True)
        ledger = dict(
            CountedDay.objects.filter(**keys, day__in=days).order_by("day").select_for_update().values_list("day", "pk")
        )
        # Marks first, calls after: a change that commits in between grows its mark and keeps its day dirty.
        marks: dict[int, list[int]] = defaultdict(list)
        for pk, mark in DirtyDay.objects.filter(**keys, day__in=days).values_list("pk", "mark"):
            marks[mark].append(pk)
        now = timezone.now()
        settled = [day for day in days if is_settled(day, zone, now)]
        for model in (DayRollup, AgentDayRollup, FacetDay, ContactDay):
            model.objects.filter(**keys, day__in=numbers).delete()
        if settled:  # the first ones of a run
            counted = count(environment, settled[0], settled[-1], zone=zone, now=now)
            DayRollup.objects.bulk_create(counted.days, batch_size=BATCH)
            AgentDayRollup.objects.bulk_create(counted.agent_days, batch_size=BATCH)
            FacetDay.objects.bulk_create(counted.facet_days, batch_size=BATCH)
            ContactDay.objects.bulk_create(counted.contact_days, batch_size=BATCH)
            alike = {"zone": zone, "version": VERSION, "counted_at": now}
            CountedDay.objects.bulk_create(
                [CountedDay(**keys, day=day, calls=counted.calls.get(day, 0), **alike) for day in settled],
                update_conflicts=True,
                unique_fields=("tenant", "environment", "day"),
                update_fields=("calls", *alike),
            )
        CountedDay.objects.filter(pk__in=[pk for day, pk in ledger.items() if day not in settled]).delete()
        forget(environment, days)
        for mark, pks in marks.items():
            DirtyDay.objects.filter(pk__in=pks, mark=mark).delete()

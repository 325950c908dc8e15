"""Keeping the rollups right: settled days are counted once, and again whenever their calls changed.

Safe to run twice, late, or in two processes at once: a day is counted under the lock of its ledger row, and its mark of
dirtiness is removed only if it is still the one that was there before counting.
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from django.db import transaction
from django.db.models import Min
from django.utils import timezone

from portal.tenants.models.tenants import Environment
from reports.periods import day_number, local_date
from reports.rollups.build import count
from reports.rollups.models import AgentDayRollup, CountedDay, DayRollup
from reports.rollups.trust import VERSION, counted_days, is_settled, last_settled
from sync.models.calls import Call
from sync.models.changes import DirtyDay

CHUNK = 31  # days counted in one transaction
BRIDGE = timedelta(days=3)
HORIZON = timedelta(days=1830)  # a call dated in another age makes no ledger of ages; its day is asked of the calls


def refresh_dirty() -> int:
    """Count the days that are dirty, or settled and never counted, of the active tenant; returns how many there were.

    Days that are not settled yet are only marked as uncounted: until they are, they are asked of the calls.
    """
    return sum(_refresh(environment) for environment in Environment.objects.select_related("tenant"))


def rebuild(environment: Environment, since: date | None = None, until: date | None = None) -> int:
    """Count every settled day anew, from ``since`` to ``until`` (included) if given; returns how many there were."""
    zone = environment.tenant.zone
    first, last = _first_day(environment), last_settled(zone, timezone.now())
    start = max(filter(None, (first, since)), default=None)
    if first is None or start is None:
        return 0
    end = min(last, until) if until is not None else last
    return _count_days(environment, _days(start, end), zone)


def _refresh(environment: Environment) -> int:
    zone = environment.tenant.zone
    dirty = set(DirtyDay.objects.filter(environment_id=environment.pk).values_list("day", flat=True))
    stale = CountedDay.objects.filter(environment_id=environment.pk).exclude(zone=zone, version=VERSION)
    first = _first_day(environment)
    settled: set[date] = set()
    if first is not None:
        held = counted_days([environment.pk], zone).values_list("day", "counted_at")
        trusted = {day for day, counted_at in held if counted_at is not None and is_settled(day, zone, counted_at)}
        settled = set(_days(first, last_settled(zone, timezone.now()))) - trusted
    return _count_days(environment, sorted({*settled, *dirty, *stale.values_list("day", flat=True)}), zone)


def _first_day(environment: Environment) -> date | None:
    first = Call.objects.filter(environment_id=environment.pk).aggregate(first=Min("started_at"))["first"]
    if first is None:
        return None
    return max(local_date(first, environment.tenant.zone), timezone.now().date() - HORIZON)


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def _count_days(environment: Environment, days: Iterable[date], zone: str) -> int:
    counted = 0
    for run in _runs(days):
        _count_run(environment, run, zone)
        counted += len(run)
    return counted


def _runs(days: Iterable[date]) -> Iterator[list[date]]:
    """Days in a row, at most CHUNK together. A gap of a few days is counted along: that costs less than a run more."""
    run: list[date] = []
    for day in days:
        if run and (day - run[-1] > BRIDGE or (day - run[0]).days >= CHUNK):
            yield run
            run = []
        run += _days(run[-1] + timedelta(days=1), day) if run else [day]
    if run:
        yield run


def _count_run(environment: Environment, days: list[date], zone: str) -> None:
    keys = {"tenant_id": environment.tenant_id, "environment_id": environment.pk}
    numbers = [day_number(day) for day in days]
    with transaction.atomic():
        CountedDay.objects.bulk_create([CountedDay(**keys, day=day) for day in days], ignore_conflicts=True)
        ledger = list(CountedDay.objects.filter(**keys, day__in=days).order_by("day").select_for_update())
        # Marks first, calls after: a change that commits in between grows its mark and keeps its day dirty.
        marks = list(DirtyDay.objects.filter(**keys, day__in=days).values_list("pk", "mark"))
        now = timezone.now()
        settled = [day for day in days if is_settled(day, zone, now)]
        DayRollup.objects.filter(**keys, day__in=numbers).delete()
        AgentDayRollup.objects.filter(**keys, day__in=numbers).delete()
        if settled:  # the first ones of a run
            counted = count(environment, settled[0], settled[-1], zone=zone, now=now)
            DayRollup.objects.bulk_create(counted.days, batch_size=500)
            AgentDayRollup.objects.bulk_create(counted.agent_days, batch_size=500)
        CountedDay.objects.filter(pk__in=[row.pk for row in ledger if row.day in settled]).update(
            zone=zone, version=VERSION, counted_at=now
        )
        CountedDay.objects.filter(pk__in=[row.pk for row in ledger if row.day not in settled]).delete()
        for pk, mark in marks:
            DirtyDay.objects.filter(pk=pk, mark=mark).delete()

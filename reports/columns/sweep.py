"""What is done about column files besides making them: looked through once a day, and removed when left over."""

from collections.abc import Collection, Sequence
from datetime import date, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from portal.tenants import wall
from portal.tenants.models.tenants import Environment
from reports.columns import files
from reports.columns.check import Difference
from reports.columns.models import ColumnFile, ColumnLedger
from reports.definitions.periods import between
from sync.models.changes import DirtyDay

KEPT = timedelta(hours=1)  # a file that was replaced, for readers that began before


def mend(environment: Environment) -> int:
    """Look through every file that counts; the days of one that is not what its row says are to be made anew.

    Returns how many such files there were. Objects that no row knows go as well. Raises Away.
    """
    broken = 0
    for row in ColumnFile.objects.filter(environment_id=environment.pk, retired_at__isnull=True):
        if files.is_there(row):
            continue
        broken += 1
        with transaction.atomic():
            if ColumnFile.objects.filter(pk=row.pk, retired_at__isnull=True).update(retired_at=timezone.now()):
                mark_days(environment, between(row.first_day, row.last_day))
    names = frozenset(row.name for row in ColumnFile.objects.filter(environment_id=environment.pk))
    files.forget_stray_objects(environment.tenant_id, environment.pk, names)
    ColumnLedger.objects.filter(environment_id=environment.pk).update(checked_at=timezone.now())
    return broken


def repair(environment: Environment, found: Collection[Difference]) -> None:
    """Have what a check found wrong made again: files that are not what their rows say, and days that differ. The next
    refresh, within minutes, does it. Raises Away.
    """
    if any(difference.name for difference in found):
        mend(environment)
    mark_days(environment, sorted({difference.day for difference in found if difference.day is not None}))


def mark_days(environment: Environment, days: Sequence[date]) -> None:
    """Have days of an environment made anew."""
    now = timezone.now()
    keys = {"tenant_id": environment.tenant_id, "environment_id": environment.pk}
    DirtyDay.objects.bulk_create(
        [DirtyDay(**keys, day=day, since=now) for day in days], ignore_conflicts=True, batch_size=500
    )


def withdraw(environment: Environment, days: Collection[date]) -> None:
    """Have the files of some days made anew, and let nobody read the present ones any more, nor those before them:
    :func:`forget_retired` takes them away. In the transaction of what changed the calls.
    """
    for day in days:
        rows = ColumnFile.objects.filter(environment_id=environment.pk, first_day__lte=day, last_day__gte=day)
        for row in rows.filter(retired_at__isnull=True):
            mark_days(environment, between(row.first_day, row.last_day))
        rows.update(retired_at=timezone.now() - 2 * KEPT)


def forget_retired() -> int:
    """Remove files that were replaced an hour ago, of the active tenant; how many. Raises Away."""
    gone = 0
    old = Q(retired_at__lt=timezone.now() - KEPT)
    for row in ColumnFile.objects.filter(old):
        # Made anew with the same content, it is the same file: asked now, as that may have happened just before.
        same = ColumnFile.objects.filter(environment_id=row.environment_id, digest=row.digest).exclude(old)
        if row.name not in {other.name for other in same}:
            files.remove(row)
        row.delete()
        gone += 1
    names = frozenset(row.name for row in ColumnFile.objects.all())
    tenant = wall.current()
    return gone + (0 if tenant is None else files.forget_strays(tenant, names))

"""Tasks of the column files: hints only. What is to be made stands in the rows of DirtyDay and ColumnLedger."""

import logging
import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from celery import shared_task
from celery.contrib.django.task import DjangoTask
from django.conf import settings
from django.db.models import Q
from django.utils import timezone
from django.utils.module_loading import import_string

from portal.storage import Away, is_away
from portal.tenants import wall
from portal.tenants.models.tenants import Environment, Tenant
from portal.tenants.tasks import TenantTask
from portal.work.hints import hint
from reports.columns import files, spill
from reports.columns.models import ColumnFile, ColumnLedger
from reports.columns.refresh import refresh_tenant
from reports.columns.sweep import forget_retired, mend
from sync.models.changes import DirtyDay

logger = logging.getLogger("ringbook.reports")
TURN = 60.0  # seconds
CHECKED_EVERY = timedelta(days=1)
_CHECKED_AT_ONCE = 3  # environments whose files one pass looks through


@shared_task(base=DjangoTask, max_retries=3, default_retry_delay=5)
def refresh_columns(**_: Any) -> None:
    """Hint the workers at every tenant that owes files. A broker that is away loses nothing: the next tick hints."""
    for tenant_id in sorted(_owing()):
        if not hint(refresh_one, tenant_id, expires=60):
            return


def _owing() -> set[int]:
    """The active tenants with changed days, days that have stopped moving, or an unknown history. Four queries."""
    with wall.every_tenant("column files that are owed"):
        active = set(Tenant.objects.filter(active=True).values_list("pk", flat=True))
        covered = ColumnLedger.objects.filter(covers_from=date.min).values_list("environment_id", flat=True)
        owing = set(DirtyDay.objects.values_list("tenant_id", flat=True).distinct())
        owing |= set(Environment.objects.exclude(pk__in=covered).values_list("tenant_id", flat=True))
        settled = Q(retired_at__isnull=True, first_day__lt=timezone.now().date() - timedelta(days=3))
        for tenant_id, first, last in ColumnFile.objects.filter(settled).values_list(
            "tenant_id", "first_day", "last_day"
        ):
            if first == last and first.day > 1:
                owing.add(tenant_id)
        return owing & active


@shared_task(base=TenantTask, name="reports.columns.tasks.refresh_tenant")
def refresh_one(tenant_id: int, **_: Any) -> None:
    """Make what is owed, for a while; then other tenants have their turn before the rest. While the storage is away
    nothing is made: the rows wait, and readers read what changed from the mirror.
    """
    if is_away():
        return
    began = time.monotonic()
    try:
        made = refresh_tenant(TURN)
    except Away as error:
        logger.warning("the storage of column files does not answer: %s", error)
        return
    if made:
        tell: Callable[[int], object] = import_string(settings.AFTER_REFRESH)
        tell(tenant_id)
    if time.monotonic() - began > TURN:
        hint(refresh_one, tenant_id, expires=60)


@shared_task(base=TenantTask, name="reports.columns.tasks.mend_environment")
def mend_one(tenant_id: int, environment_id: int, **_: Any) -> None:
    """Look through the files of an environment of which a reader found one broken, and make them again."""
    environment = Environment.objects.filter(pk=environment_id).first()
    if environment is None or is_away():
        return
    try:
        broken = mend(environment)
    except Away as error:
        logger.warning("the storage of column files does not answer: %s", error)
        return
    if broken:
        hint(refresh_one, tenant_id, expires=60)


@shared_task(base=DjangoTask)
def sweep_columns(**_: Any) -> int:
    """Look through the files that were not for a day, and remove what is no longer needed; how many were broken."""
    files.sweep_beside()
    spill.sweep()
    broken = 0
    try:
        for tenant in Tenant.objects.filter(active=True):
            with wall.tenant(tenant):
                broken += _sweep_tenant()
    except Away as error:  # for all of them
        logger.warning("the storage of column files does not answer: %s", error)
    return broken


def _sweep_tenant() -> int:
    forget_retired()
    due = ColumnLedger.objects.filter(Q(checked_at__isnull=True) | Q(checked_at__lt=timezone.now() - CHECKED_EVERY))
    return sum(mend(ledger.environment) for ledger in due.select_related("environment")[:_CHECKED_AT_ONCE])

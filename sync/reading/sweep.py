"""The sweeper: dead runs are ended, rejected tokens tried again, old runs forgotten. Safe in any number of copies."""

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from portal.tenants import wall
from portal.work.clock import AHEAD, database_now
from sync.connections import CHECK_REJECTED, TokenSealed, check_connection
from sync.leases import abandon, is_alive
from sync.models.connections import Connection, ConnectionState
from sync.models.runs import Run, RunState
from sync.providers.errors import UpstreamError

logger = logging.getLogger("ringbook.sync")

KEPT_RUNS = timedelta(days=90)


def recheck() -> None:
    """Try rejected tokens again, each every quarter of an hour: one may have been let in meanwhile. Asks vendors."""
    with wall.every_tenant("which rejected tokens are to be tried again"):
        # Without the token: one that the vault can't open must not hide the others.
        rows = Connection.objects.filter(environment__retired_at=None, tenant__active=True).defer("token")
        rejected = list(rows.filter(_to_check(database_now()), state=ConnectionState.REJECTED).select_related("tenant"))
    for connection in rejected:
        with wall.tenant(connection.tenant_id):
            _recheck(connection)


def _to_check(now: datetime) -> Q:
    ahead = now + CHECK_REJECTED + AHEAD  # noted by a clock that was ahead
    return Q(next_check_at=None) | Q(next_check_at__lte=now) | Q(next_check_at__gt=ahead)


def _recheck(connection: Connection) -> None:
    now = database_now()
    mine = Connection.objects.filter(_to_check(now), pk=connection.pk, state=ConnectionState.REJECTED)
    if not mine.update(next_check_at=now + CHECK_REJECTED):
        return
    try:
        check_connection(connection)
    except TokenSealed as error:
        logger.error("connection %s can't be read here. %s", connection.public_id, error)
    except (UpstreamError, ValueError, LookupError) as error:
        logger.info("connection %s is still rejected: %s", connection.public_id, error.__class__.__name__)


def forget_old_runs() -> int:
    """Delete runs that ended long ago; windows, gaps and calls stay. Returns how many."""
    with wall.every_tenant("old runs are forgotten"):
        old = Run.objects.exclude(state=RunState.RUNNING).filter(finished_at__lt=database_now() - KEPT_RUNS)
        return old.delete()[0]


def sweep() -> int:
    """End runs past their lease or whose process is gone. Returns how many."""
    with wall.every_tenant("runs of processes that are gone are ended"):
        return sum(_end_if_dead(pk) for pk in Run.objects.filter(state=RunState.RUNNING).values_list("pk", flat=True))


def _end_if_dead(pk: int) -> int:
    with transaction.atomic():
        run = Run.objects.select_for_update(of=("self",)).filter(pk=pk, state=RunState.RUNNING).first()
        now = database_now()
        if run is None or is_alive(run, now):
            return 0
        abandon(run, now)
        return 1

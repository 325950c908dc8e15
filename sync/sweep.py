"""The sweeper: dead runs are ended, due streams are found, old runs forgotten. Safe in any number of copies."""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from portal.lib.processes import is_gone
from portal.tenants import wall
from portal.tenants.models.tenants import Tenant
from sync.connections import CHECK_REJECTED, check_connection
from sync.leases import abandon, database_now
from sync.models.connections import Connection, ConnectionState
from sync.models.runs import Run, RunState
from sync.providers import registry
from sync.providers.base import UpstreamError
from sync.runner import is_due
from sync.taxonomy import Stream

logger = logging.getLogger("ringbook.sync")

KEPT_RUNS = timedelta(days=90)


def may_read(connection: Connection) -> bool:
    """Whether workers may read now: not paused, not rejected, and not asked by the vendor to wait."""
    blocked = connection.blocked_until is not None and connection.blocked_until > database_now()
    return connection.state == ConnectionState.OK and not blocked


def due_streams() -> list[tuple[int, int, str]]:
    """(tenant, connection, stream) of everything that is to be read now and is not being read.

    A connection that can't be understood is logged and left out; the others are not its hostages.
    """
    due: list[tuple[int, int, str]] = []
    for tenant in Tenant.objects.filter(active=True):
        with wall.tenant(tenant):
            for connection in _connections():
                try:
                    due += [(tenant.pk, connection.pk, str(stream)) for stream in _due(connection)]
                except (ValueError, LookupError) as error:
                    logger.error("connection %s can't be read: %s", connection.public_id, error.__class__.__name__)
    return due


def _connections() -> QuerySet[Connection]:
    # Without the token: one that the vault can't open must not hide the others.
    return Connection.objects.filter(environment__retired_at=None).select_related("tenant").defer("token")


def _due(connection: Connection) -> list[Stream]:
    if not may_read(connection):
        return []
    running = set(
        Run.objects.filter(
            environment_id=connection.environment_id, state=RunState.RUNNING, lease_until__gt=database_now()
        ).values_list("stream", flat=True)
    )
    streams = registry.get(connection.provider).streams
    return [stream for stream in streams if stream not in running and is_due(connection, stream)]


def recheck() -> None:
    """Try rejected tokens again, each every quarter of an hour: one may have been let in meanwhile. Asks vendors."""
    for tenant in Tenant.objects.filter(active=True):
        with wall.tenant(tenant):
            for connection in _connections().filter(state=ConnectionState.REJECTED):
                _recheck(connection)


def _recheck(connection: Connection) -> None:
    now = database_now()
    mine = Connection.objects.filter(pk=connection.pk, state=ConnectionState.REJECTED).filter(
        Q(next_check_at=None) | Q(next_check_at__lte=now)
    )
    if not mine.update(next_check_at=now + CHECK_REJECTED):
        return
    try:
        check_connection(connection)
    except (UpstreamError, ValueError, LookupError) as error:
        logger.info("connection %s is still rejected: %s", connection.public_id, error.__class__.__name__)


def forget_old_runs() -> int:
    """Delete runs that ended long ago; windows, gaps and calls stay. Returns how many."""
    gone = 0
    for tenant in Tenant.objects.all():
        with wall.tenant(tenant):
            old = Run.objects.exclude(state=RunState.RUNNING).filter(finished_at__lt=database_now() - KEPT_RUNS)
            gone += old.delete()[0]
    return gone


def sweep() -> int:
    """End runs past their lease or whose process is gone. Returns how many."""
    ended = 0
    for tenant in Tenant.objects.all():
        with wall.tenant(tenant):
            for pk in Run.objects.filter(state=RunState.RUNNING).values_list("pk", flat=True):
                ended += _end_if_dead(pk)
    return ended


def _end_if_dead(pk: int) -> int:
    with transaction.atomic():
        run = Run.objects.select_for_update(of=("self",)).filter(pk=pk, state=RunState.RUNNING).first()
        now = database_now()
        if run is None or (run.lease_until is not None and run.lease_until > now and not is_gone(run.owner)):
            return 0
        abandon(run, now)
        return 1

"""The sweeper: dead runs are ended, due streams are found. Safe in any number of copies."""

from datetime import timedelta

from django.db import transaction
from django.db.models import Q

from portal.tenants import wall
from portal.tenants.models.tenants import Tenant
from sync.connections import check_connection, set_state
from sync.leases import abandon, database_now, is_gone
from sync.models.connections import Connection, ConnectionState
from sync.models.runs import Run, RunState
from sync.providers import registry
from sync.providers.base import UpstreamError
from sync.runner import is_due
from sync.taxonomy import Fault

CHECK_REJECTED = timedelta(minutes=15)  # how often a rejected token is tried again


def may_read(connection: Connection) -> bool:
    """Whether workers may read now: not paused, not rejected, and not asked by the vendor to wait."""
    blocked = connection.blocked_until is not None and connection.blocked_until > database_now()
    return connection.state == ConnectionState.OK and not blocked


def due_streams() -> list[tuple[int, int, str]]:
    """(tenant, connection, stream) of everything that is to be read now and is not being read."""
    due: list[tuple[int, int, str]] = []
    for tenant in Tenant.objects.filter(active=True):
        with wall.tenant(tenant):
            for connection in Connection.objects.filter(environment__retired_at=None).select_related("tenant"):
                _recheck(connection)
                if not may_read(connection):
                    continue
                running = set(
                    Run.objects.filter(
                        environment_id=connection.environment_id, state=RunState.RUNNING, lease_until__gt=database_now()
                    ).values_list("stream", flat=True)
                )
                due += [
                    (tenant.pk, connection.pk, str(stream))
                    for stream in registry.get(connection.provider).streams
                    if stream not in running and is_due(connection, stream)
                ]
    return due


def _recheck(connection: Connection) -> None:
    """Try a rejected token again now and then: it may have been let in meanwhile."""
    now = database_now()
    if connection.state != ConnectionState.REJECTED or (connection.next_check_at or now) > now:
        return
    mine = Connection.objects.filter(pk=connection.pk, state=ConnectionState.REJECTED).filter(
        Q(next_check_at=None) | Q(next_check_at__lte=now)
    )
    if not mine.update(next_check_at=now + CHECK_REJECTED):
        return
    try:
        check_connection(connection)
    except UpstreamError as error:
        if error.fault != Fault.REJECTED:
            return
    else:
        set_state(connection, ConnectionState.OK)


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

"""Owners are told by mail when a connection is rejected or fails for long: once for each trouble, and once when it is
over. The rows are the memory, so any number of sweeps tells once.
"""

import logging
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from portal.outbox import post
from portal.outbox.models import Letter
from portal.outbox.tasks import enqueue
from portal.tenants import wall
from portal.tenants.brand import address_of
from portal.tenants.models.grants import opened
from portal.tenants.models.people import Membership, Role
from sync.models.connections import Connection, ConnectionState
from sync.models.troubles import Trouble
from sync.standing import Kind, Standing, standings

logger = logging.getLogger("ringbook.sync")

LONG = timedelta(hours=1)  # how long a connection fails before anybody is written to, and is well before it is over
_WELL = (Kind.WORKING, Kind.GAPS)
_QUIET = (Kind.PAUSED, Kind.REMOVED)  # somebody decided so, and knows


def watch() -> None:
    """Open and close troubles by how the connections stand now. Safe in any number of copies; one connection's fault
    is logged and keeps no other from being judged."""
    with wall.every_tenant("which connections fail"):
        rows = Connection.objects.filter(environment__retired_at=None, tenant__active=True).defer("token")
        connections = list(rows.select_related("tenant", "environment"))
        found = standings(connections)
        open_ones = {row.environment_id: row for row in Trouble.objects.filter(closed_at=None)}
    for connection in connections:
        try:
            with wall.tenant(connection.tenant_id):
                _judge(connection, found[connection.pk], open_ones.get(connection.environment_id), timezone.now())
        except Exception:
            logger.exception("the trouble of connection %s could not be told", connection.public_id)


def objection(message: Letter) -> str:
    """Why a mail about a connection may not leave any more: its reader is no owner who sees the environment now."""
    environment = message.about.get("environment")
    owners = _owners(environment) if isinstance(environment, int) else []
    return "" if message.to in {owner.user.email.lower() for owner in owners} else "no longer an owner"


def _judge(connection: Connection, standing: Standing, trouble: Trouble | None, now: datetime) -> None:
    if trouble is None:
        if _is_ill(connection, standing, now):
            _open(connection, standing, now)
    elif standing.kind in _QUIET:
        trouble.close(now)
    elif standing.kind not in _WELL:
        trouble.relapse()
    else:
        with transaction.atomic():
            if trouble.recover(now, LONG):
                _tell(connection, trouble, over=True)


def _is_ill(connection: Connection, standing: Standing, now: datetime) -> bool:
    if standing.kind != Kind.FAILING:
        return False
    rejected = connection.state == ConnectionState.REJECTED
    return rejected or (standing.since is not None and now - standing.since >= LONG)


def _open(connection: Connection, standing: Standing, now: datetime) -> None:
    with transaction.atomic():
        trouble, is_new = Trouble.objects.get_or_create(
            tenant_id=connection.tenant_id,
            environment_id=connection.environment_id,
            closed_at=None,
            defaults={"began_at": standing.since, "opened_at": now},
        )
        if is_new:
            _tell(connection, trouble, over=False)


def _tell(connection: Connection, trouble: Trouble, *, over: bool) -> None:
    tenant, environment = connection.tenant, connection.environment
    page = reverse("connections:one", args=[tenant.slug, connection.public_id])
    with translation.override(tenant.language):
        subject = _("%(name)s is read again") if over else _("%(name)s can't be read")
        facts = {
            "name": environment.name,
            "state": standings([connection])[connection.pk].told(tenant.zone),  # its reason in this language
            "zone": tenant.zone,
            "link": f"{address_of(tenant)}{page}",
            "over": over,
        }
        for owner in _owners(environment.pk):
            message = post.put(
                tenant_id=tenant.pk,
                to=owner.user.email,
                subject=subject % facts,
                text=render_to_string("sync/trouble.txt", facts),
                html="",
                headers={"Auto-Submitted": "auto-generated"},
                reference=f"trouble:{trouble.public_id}:{'over' if over else 'open'}:{owner.user_id}",
                conduct=post.Conduct(rule="connection", about={"environment": environment.pk}),
            )
            transaction.on_commit(partial(enqueue, tenant.pk, message.pk))


def _owners(environment_id: int) -> list[Membership]:
    """The active owners who may see an environment of the active tenant."""
    rows = Membership.objects.filter(role=Role.OWNER, user__is_active=True).select_related("user", "grant")
    return [row for row in rows if opened(row.grant).filter(pk=environment_id).exists()]

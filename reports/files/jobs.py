"""The rows behind files: asked for, claimed, held, settled (``portal.work.leases``)."""

import secrets
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import zip_longest
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils.translation import get_language

from portal.audit.record import record
from portal.lib.processes import host, is_gone, owner
from portal.tenants import wall
from portal.tenants.models.grants import Grant
from portal.tenants.models.keys import ApiKey
from portal.tenants.models.people import User
from portal.work.leases import Lease
from reports.files import folder
from reports.files.as_csv import language_of
from reports.files.caps import demand_room, demand_space
from reports.files.models import TABLES, Export, State
from reports.files.orders import LONGEST_TITLE, Order

LEASE = Lease(timedelta(minutes=5), until="lease_until")  # renewed every few seconds while rows or bytes are written
KEPT = timedelta(days=7)
MOST_ATTEMPTS = 3
AT_ONCE = 1  # on one host, so that a long file never keeps all of its workers from reading and sending


class Lost(Exception):
    """The row is somebody else's by now, or gone; nothing of this attempt may stay."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: a member or an API key, from where."""

    tenant_id: int
    user: User | None = None
    key: ApiKey | None = None
    address: str | None = None

    def own(self) -> QuerySet[Export]:
        """The files that he asked for himself, newest first. The wall must be open."""
        rows: QuerySet[Export] = Export.objects.filter(tenant_id=self.tenant_id, grant=None).order_by("-id")
        return rows.filter(key=self.key) if self.key is not None else rows.filter(user=self.user, key=None)


def ask(order: Order, asker: Asker, hint: Callable[[int, int], object]) -> Export:
    """Write down that a file is wanted, in the active language, and ``hint`` at it once that is committed.

    Raises :class:`reports.files.caps.TooMany`.
    """
    with transaction.atomic():
        demand_room(asker)
        export = _wanted(order, asker)
        note("export.asked", export, asker)
        transaction.on_commit(lambda: hint(export.tenant_id, export.pk))
    return export


def ask_by_schedule(order: Order, asker: Asker, grant: Grant) -> Export:
    """As :func:`ask`, for a schedule that somebody set up: it shows no more than ``grant``, and counts among nobody's
    own files. Raises :class:`reports.files.caps.TooMany` where there is no room for it.
    """
    with transaction.atomic():
        demand_space()
        return _wanted(order, asker, grant)


def _wanted(order: Order, asker: Asker, grant: Grant | None = None) -> Export:
    export: Export = Export.objects.create(
        tenant_id=asker.tenant_id,
        user=asker.user if asker.key is None else None,
        key=asker.key,
        grant=grant,
        what=order.what,
        title=order.title[:LONGEST_TITLE],
        query=order.query,
        format=order.format,
        dialect=order.dialect,
        language=language_of(order.dialect) or get_language() or "en",
    )
    return export


def delete(export: Export, asker: Asker) -> None:
    """Withdraw it: one that is being made ends by itself, having lost its row. Its file goes once that is committed."""
    with transaction.atomic():
        note("export.deleted", export, asker)
        Export.objects.filter(pk=export.pk).delete()
        transaction.on_commit(partial(folder.remove, export.tenant_id, export.file))


def note(action: str, export: Export, asker: Asker) -> None:
    """Keep in the tenant's audit who did what with which file."""
    about: dict[str, str | int] = {"export": str(export.public_id), "what": export.what, "format": export.format}
    if export.state == State.READY:
        about["rows"] = export.done
    record(
        action,
        tenant_id=asker.tenant_id,
        user=asker.user if asker.key is None else None,
        key=asker.key,
        about=about,
        address=asker.address,
    )


def claim(export_id: int) -> Export | None:
    """Take a waiting export to make it; None when somebody else has it, or this host is busy with another."""
    with wall.every_tenant("how many exports are made on this host"):
        here = Export.objects.filter(state=State.RUNNING, owner__startswith=f"{host()}:", lease_until__gt=Now())
        busy = sum(not is_gone(holder) for holder in here.values_list("owner", flat=True))
    if busy >= AT_ONCE:
        return None
    with transaction.atomic(durable=True):
        mine = LEASE.claim(
            Export.objects.filter(pk=export_id, state=State.WAITING),
            state=State.RUNNING,
            owner=owner(),
            file=secrets.token_hex(20),
            started_at=Now(),
            done=0,
            error="",
        )
    if not mine:
        return None
    whose = ("tenant", "key", "key__grant", "key__grant__tenant", "grant", "grant__tenant")
    return Export.objects.select_related(*whose).get(pk=export_id)


def hold(export: Export, **progress: Any) -> None:
    """Renew the claim and note progress; raises Lost when it is no longer this process's."""
    if not LEASE.hold(_mine(export), **progress):
        raise Lost


def settle(export: Export, state: State, **fields: Any) -> bool:
    """Write what became of it; False when somebody else has done so, or has it now."""
    with transaction.atomic(durable=True):
        return LEASE.settle(_mine(export), state=state, finished_at=Now(), **fields)


def fail(export: Export, error: str) -> bool:
    return settle(export, State.FAILED, error=error, file="", expires_at=Now() + KEPT)


def retry(export: Export, hint: Callable[[int, int], object]) -> bool:
    """Have one that failed made once more, for its asker by the rights he has then; False when it did not fail.

    ``hint`` is at the task of lists and reports; a person's export is found by the sweep of its own.
    """
    failed = Export.objects.filter(pk=export.pk, state=State.FAILED)
    if not failed.update(state=State.WAITING, error="", finished_at=None, expires_at=None):
        return False
    if export.what in TABLES:
        transaction.on_commit(lambda: hint(export.tenant_id, export.pk))
    return True


def ready(export: Export, **fields: Any) -> bool:
    return settle(export, State.READY, expires_at=Now() + KEPT, **fields)


def _mine(export: Export) -> QuerySet[Export]:
    return LEASE.held(Export.objects.filter(state=State.RUNNING), export)


def waiting() -> list[tuple[int, int]]:
    """(tenant, export) of lists and reports that wait: the tenants in turn, of each what a person waits for before what
    a schedule asked for, the oldest first."""
    by_tenant: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    with wall.every_tenant("which exports wait"):
        rows = Export.objects.filter(state=State.WAITING, tenant__active=True, what__in=TABLES)
        rows = rows.annotate(by_schedule=Q(grant__isnull=False)).order_by("by_schedule", "id")
        for tenant_id, pk in rows.values_list("tenant_id", "id"):
            by_tenant[tenant_id].append((tenant_id, pk))
    return [pair for turn in zip_longest(*by_tenant.values()) for pair in turn if pair is not None]


def lost() -> list[Export]:
    """Exports of the tenant whose maker is dead: its lease ran out, or it was of this host and is gone."""
    rows = Export.objects.filter(state=State.RUNNING)
    late = set(rows.filter(Q(lease_until=None) | Q(lease_until__lte=Now())).values_list("pk", flat=True))
    return [row for row in rows if row.pk in late or is_gone(row.owner)]


def give_back(export: Export, error: str) -> None:
    """After a maker's death, or as it cannot be made now: to be made again a bounded number of times; then ``error`` is
    its end."""
    if export.attempts >= MOST_ATTEMPTS:
        fail(export, error)
    else:
        LEASE.settle(_mine(export), state=State.WAITING, owner="", file="", done=0)

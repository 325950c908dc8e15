"""Erasing a person: asked for in one transaction, done by whoever claims the row, again from where another ended.

First the tombstone, so that no reading writes the number again; then calls, with notes on them and column files; then
every text that the registry names; then files that were made with numbers. Counts and durations stay as they were: a
code takes the number's place, so different contacts stay different.
"""

import logging
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from portal.audit.record import record
from portal.lib import phones
from portal.privacy import ledger
from portal.privacy.models import Erasure, Reason
from portal.privacy.tombstones import Tombstones, burying, hashes_of
from portal.tenants import wall
from portal.tenants.models.tenants import Tenant
from portal.work.leases import Lease
from portal.work.retries import persist
from reports.columns.sweep import forget_retired
from reports.privacy.calls import erase_calls
from reports.privacy.exports import forget_copies, forget_requests, withdraw_exports
from reports.privacy.texts import scrub_texts

logger = logging.getLogger("ringbook.privacy")

LEASE = Lease(timedelta(minutes=10), until="claimed_until")


class NoNumber(ValueError):
    """What was given is no phone number with its country code."""


class Overtaken(Exception):
    """Another process has taken the erasure over."""


def ask(tenant_id: int, number: str, reason: Reason, *, user: Any = None, address: str | None = None) -> Erasure:
    """Owe the erasure of a person. From now on nothing with his number is mirrored. Raises NoNumber.

    The tenant's wall must be open.
    """
    contacts = phones.spellings(number)
    if not contacts:
        raise NoNumber
    erasure = persist(lambda: _owe(tenant_id, contacts, (reason, user, address)))
    ledger.write_down(erasure)
    return erasure


def _owe(tenant_id: int, contacts: tuple[str, ...], act: tuple[Reason, Any, str | None]) -> Erasure:
    reason, user, address = act
    with transaction.atomic():
        burying(tenant_id)
        erasure: Erasure = Erasure.objects.create(
            tenant_id=tenant_id, numbers=hashes_of(tenant_id, contacts), reason=reason, asked_by=user
        )
        about = {"erasure": str(erasure.public_id), "reason": str(reason)}
        record("person.erasure_asked", tenant_id=tenant_id, user=user, about=about, address=address)
    return erasure


def work(erasure_id: int) -> Erasure | None:
    """Do what is left of an erasure; None when it is done, or somebody else is at it. The wall must be open."""
    rows = Erasure.objects.filter(LEASE.free(), pk=erasure_id, done_at=None)
    if not persist(lambda: LEASE.claim(rows)):
        return None
    erasure = Erasure.objects.get(pk=erasure_id)
    tombstones = Tombstones(erasure.tenant_id).including([erasure.numbers])

    def hold(**progress: object) -> None:
        if not LEASE.hold(LEASE.held(Erasure.objects.filter(done_at=None), erasure), **progress):
            raise Overtaken

    try:
        erase_calls(tombstones, hold)
        forget_retired()
        scrub_texts(tombstones, erasure.place, hold)
        forget_copies(tombstones)
        withdraw_exports(tombstones=tombstones)
        forget_requests(tombstones)
        persist(lambda: _finish(erasure))
        _let_go_of_old_pages()
    except Overtaken:
        return None
    return Erasure.objects.get(pk=erasure_id)


def _let_go_of_old_pages() -> None:
    """SQLite's log keeps pages as they were until it is written back; readers that are at it make it wait for another
    time.
    """
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _finish(erasure: Erasure) -> None:
    with transaction.atomic():
        mine = LEASE.held(Erasure.objects.filter(done_at=None), erasure)
        if not LEASE.settle(mine, done_at=timezone.now(), place=""):
            raise Overtaken
        done = Erasure.objects.get(pk=erasure.pk)
        about: dict[str, str | int] = {"erasure": str(done.public_id), "calls": done.calls, "texts": done.texts}
        record("person.erased", tenant_id=done.tenant_id, about=about)


def sweep() -> int:
    """One pass over all tenants: what a restored backup has forgotten is owed again, and what is owed is done."""
    done = 0
    for tenant in Tenant.objects.all():
        try:
            done += _settle(tenant)
        except Exception:
            logger.exception("erasures of tenant %s were not done", tenant.pk)
    return done


def make_up() -> list[Tenant]:
    """Do what a restored database has forgotten, before anything of it is served; the tenants where that failed."""
    for tenant in Tenant.objects.filter(pk__in=ledger.pending()).order_by("pk"):
        try:
            _settle(tenant)
        except Exception:
            logger.exception("erasures of tenant %s were not applied to the restored database", tenant.pk)
    return list(Tenant.objects.filter(pk__in=ledger.pending()).order_by("pk"))


def _settle(tenant: Tenant) -> int:
    with wall.tenant(tenant):
        ledger.agree(tenant.pk)
        owed = list(Erasure.objects.filter(done_at=None).order_by("pk").values_list("pk", flat=True))
        return sum(work(pk) is not None for pk in owed)

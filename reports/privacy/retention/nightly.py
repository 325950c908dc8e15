"""The rounds of a night: claimed, done in turns, and owed again the next night.

A round that dies is gone on with where it ended. What it took away is counted in the transaction that did so.
"""

import time
from collections.abc import Callable
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from portal.privacy.models import Retention
from portal.privacy.registry import DataClass
from portal.privacy.retention import kept_since, next_night
from portal.privacy.tombstones import burying
from portal.tenants import wall
from portal.tenants.models.tenants import Tenant
from portal.work.clock import database_now
from portal.work.retries import persist
from reports.privacy.erasing import Overtaken
from reports.privacy.retention.numbers import take_numbers
from reports.privacy.retention.payloads import take_from_payloads
from reports.privacy.retention.rounds import LEASE, OutOfTime, Round
from reports.privacy.retention.space import give_back
from reports.privacy.retention.texts import take_changes, take_mails, take_unreadable

TURN = timedelta(minutes=5)
_STEPS: dict[DataClass, tuple[Callable[[Round], None], ...]] = {
    DataClass.RECORDINGS: (take_from_payloads, take_unreadable),
    DataClass.TRANSCRIPTS: (take_from_payloads, take_unreadable),
    DataClass.NUMBERS: (take_numbers, take_unreadable),
    DataClass.PAYLOADS: (take_from_payloads, take_unreadable),
    DataClass.MAILS: (take_mails,),
    DataClass.CHANGES: (take_changes,),
}


def due() -> QuerySet[Retention]:
    """Rules whose night has come and that nobody is at, in the order in which they are done."""
    rows: QuerySet[Retention] = Retention.objects.filter(LEASE.free(), days__isnull=False, due_at__lte=Now())
    return rows


def work(rule_id: int, *, turn: timedelta | None = TURN) -> bool:
    """Do what is due of a rule, for a turn; whether it is done. The tenant's wall must be open."""
    if not persist(lambda: _claim(rule_id)):
        return False
    rule = Retention.objects.select_related("tenant").get(pk=rule_id)
    if rule.days is None:
        return False
    now, zone = database_now(), rule.tenant.zone
    until = None if turn is None else time.monotonic() + turn.total_seconds()
    round_ = Round(rule, kept_since(rule.days, zone, now), now.astimezone(rule.tenant.tzinfo).date(), until)
    mine = LEASE.held(Retention.objects.filter(days=rule.days), rule)
    try:
        for step in _STEPS[round_.what]:
            step(round_)
    except Overtaken:
        return False
    except OutOfTime:
        persist(lambda: LEASE.settle(mine))
        return False
    return persist(lambda: LEASE.settle(mine, due_at=next_night(zone, now), done_at=now))


def _claim(rule_id: int) -> bool:
    """Whoever writes from now on leaves out what is over by now, and whoever wrote before has ended."""
    with transaction.atomic():
        rule = due().filter(pk=rule_id).first()
        if rule is None:
            return False
        burying(rule.tenant_id)
        return LEASE.claim(due().filter(pk=rule_id))


def in_order(rows: QuerySet[Retention]) -> list[int]:
    """The keys of rules: one that takes part of a text before one that takes all of it."""
    order = {what: place for place, what in enumerate(DataClass)}
    return [pk for pk, _ in sorted(rows.values_list("pk", "what"), key=lambda row: order[DataClass(row[1])])]


def sweep() -> int:
    """Everything that is due, of all tenants; how many rules were done. Space comes back where any was."""
    done = 0
    for tenant in Tenant.objects.all():
        with wall.tenant(tenant):
            done += sum(work(pk, turn=None) for pk in in_order(due()))
    if done:
        give_back()
    return done

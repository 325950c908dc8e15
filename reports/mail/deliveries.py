"""The rows behind sending: what is due becomes deliveries, each claimed and settled (``portal.work.leases``)."""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from portal.tenants import wall
from portal.work.leases import Lease
from reports.mail.due import Kind, count_dues, dues, latest_due, next_due, period_of
from reports.mail.models import Delivery, DeliveryState, Edition, MissedPeriods, Recipient, Subscription

logger = logging.getLogger("ringbook.mail")
OPEN = (DeliveryState.PENDING, DeliveryState.HELD)
LEASE = Lease(timedelta(minutes=6), until="claimed_until", fence="claims")  # longer than a task may run
RETRY = timedelta(minutes=1)
MOST_ATTEMPTS = 5
MOST_MISSED = 31  # periods that one silence makes due
LONGEST = {Kind.DAILY: 1, Kind.WEEKLY: 7, Kind.MONTHLY: 31}  # days from one to the next
_OF_SUBSCRIPTIONS = (
    "subscription",
    "subscription__creator",
    "subscription__view",
    "subscription__board",
    "subscription__reply_to",
    "subscription__grant",
    "subscription__grant__tenant",
)
_OF_RECIPIENTS = (
    "recipient",
    "recipient__tenant",
    "recipient__grant",
    "recipient__grant__tenant",
    "recipient__added_key",
    "recipient__added_key__grant",
    "recipient__added_key__grant__tenant",
)


def tenants_with_work(at: datetime) -> list[int]:
    """Tenants that have a mail due, or one that is due already and not made."""
    with wall.every_tenant("finding whose mails are due"):
        due = Subscription.objects.filter(active=True, next_due__lte=at, tenant__active=True)
        waiting = Delivery.objects.filter(_begun(at), state__in=OPEN, tenant__active=True)
        tenants = {*due.values_list("tenant_id", flat=True), *waiting.values_list("tenant_id", flat=True)}
    return sorted(tenants)


def open_due(at: datetime) -> int:
    """Turn each subscription that is due into one delivery a recipient and period; how many were due.

    After a time of silence the periods before the latest are passed over, or opened as well, the oldest first: as the
    subscription says. How many are passed over is kept with the first that is not, and logged.
    """
    due = Subscription.objects.filter(active=True, next_due__lte=at).order_by("next_due", "id")
    return sum(_open(subscription, at) for subscription in due)


def put_right(at: datetime) -> int:
    """Have mails that a clock ahead has moved along come when they are due again; how many. Behind any wall."""
    further, moved = Q(), 0
    for kind, days in LONGEST.items():
        further |= Q(kind=kind.value, next_due__gt=at + timedelta(days=days, hours=1))
    for row in Subscription.objects.filter(further, active=True):
        true = next_due(row.rhythm, at)
        if row.next_due is not None and row.next_due > true:
            moved += Subscription.objects.filter(pk=row.pk, next_due=row.next_due).update(next_due=true)
    if moved:
        logger.warning("the clock was ahead: %d mails come when they are due again", moved)
    return moved


def waiting(at: datetime) -> list[Delivery]:
    """Deliveries still to be made, oldest first."""
    rows = Delivery.objects.filter(_free(), _begun(at))
    return list(rows.select_related("tenant", *_OF_SUBSCRIPTIONS, *_OF_RECIPIENTS).order_by("id"))


def claim(delivery: Delivery) -> bool:
    """Take a delivery to work on; False when somebody else has it.

    The attempt counts from here on: one whose makers died as often as it may be tried is not begun again.
    """
    if delivery.attempts >= MOST_ATTEMPTS:
        settle(delivery, DeliveryState.FAILED, reason="could not be made")
        return False
    with transaction.atomic(durable=True):
        mine = LEASE.claim(LEASE.held(Delivery.objects.filter(_free()), delivery), attempts=F("attempts") + 1)
    delivery.claims += 1
    delivery.attempts += 1
    return mine


def settle(delivery: Delivery, state: DeliveryState, **fields: Any) -> bool:
    """Write what became of a delivery; False when somebody else has done so or has it now."""
    return LEASE.settle(_held(delivery), state=state, **fields)


def later(delivery: Delivery, state: DeliveryState) -> None:
    """Give a claimed delivery back: it is not its time, nothing went wrong, and the attempt does not count."""
    settle(delivery, state, attempts=F("attempts") - 1)


def failed(delivery: Delivery, reason: str) -> None:
    """An attempt at making it went wrong: try again soon, a bounded number of times."""
    if delivery.attempts >= MOST_ATTEMPTS:
        settle(delivery, DeliveryState.FAILED, reason=reason)
    else:
        _held(delivery).update(claimed_until=Now() + RETRY, reason=reason)


def _open(subscription: Subscription, at: datetime) -> bool:
    rhythm = subscription.rhythm
    if subscription.next_due is None:
        return False
    if subscription.missed == MissedPeriods.EACH:
        missed = dues(rhythm, subscription.next_due, at, MOST_MISSED)
    else:
        missed = [latest_due(rhythm, subscription.next_due, at)]
    passed = count_dues(rhythm, subscription.next_due, at) - len(missed)
    with transaction.atomic():
        mine = Subscription.objects.filter(pk=subscription.pk, active=True, next_due=subscription.next_due).update(
            next_due=next_due(rhythm, missed[-1]), last_period_start=period_of(rhythm, missed[-1]).start
        )
        if not mine:
            return False
        readers = Recipient.objects.filter(subscription=subscription, left_at=None, removed_at=None).exclude(
            confirmed_at=None
        )
        rows = [_due(subscription, recipient, due) for due in missed for recipient in readers]
        for row in rows:
            row.passed_over = passed if row.due_at == missed[0] else 0
        Delivery.objects.bulk_create(
            rows,
            ignore_conflicts=True,  # a period that was reported already stays reported once
        )
    if passed:
        logger.warning("mail %s: %s periods were due in a time of silence and are passed over", subscription.pk, passed)
    return True


def _due(subscription: Subscription, recipient: Recipient, due: datetime) -> Delivery:
    period = period_of(subscription.rhythm, due)
    return Delivery(
        tenant_id=subscription.tenant_id,
        subscription=subscription,
        recipient=recipient,
        period_start=period.start,
        period_end=period.end,
        zone=period.zone,
        due_at=due,
        held_until=due + timedelta(hours=subscription.hold_hours),
    )


def _held(delivery: Delivery) -> QuerySet[Delivery]:
    return LEASE.held(Delivery.objects.filter(state__in=OPEN), delivery)


def _begun(at: datetime) -> Q:
    """What is due by now. What a clock ahead has opened waits until it is."""
    return ~Q(edition=Edition.SCHEDULED, due_at__gt=at)


def _free() -> Q:
    return Q(state__in=OPEN) & LEASE.free()

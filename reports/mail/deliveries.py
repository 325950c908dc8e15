"""The rows behind sending: what is due becomes deliveries, and each is claimed, held or settled.

Every step is a conditional update, so any number of senders may work at once, and one that dies leaves a claim that
runs out. Times of claims are the database's.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from portal.tenants import wall
from reports.mail.due import latest_due, next_due, period_of
from reports.mail.models import Delivery, DeliveryState, Recipient, Subscription

OPEN = (DeliveryState.PENDING, DeliveryState.HELD)
LEASE = timedelta(minutes=6)  # longer than a task may run
RETRY = timedelta(minutes=1)
MOST_ATTEMPTS = 5


def tenants_with_work(at: datetime) -> list[int]:
    """Tenants that have a mail due, or one that is due already and not made."""
    with wall.every_tenant("finding whose mails are due"):
        due = Subscription.objects.filter(active=True, next_due__lte=at, tenant__active=True)
        waiting = Delivery.objects.filter(state__in=OPEN, tenant__active=True)
        found = {*due.values_list("tenant_id", flat=True), *waiting.values_list("tenant_id", flat=True)}
    return sorted(found)


def open_due(at: datetime) -> int:
    """Turn each subscription that is due into one delivery a recipient, for the latest period due; how many were due.

    After a time of silence the periods before the latest are passed over.
    """
    due = Subscription.objects.filter(active=True, next_due__lte=at).order_by("next_due", "id")
    return sum(_open(subscription, at) for subscription in due)


def waiting() -> list[Delivery]:
    """Deliveries still to be made, oldest first."""
    return list(
        Delivery.objects.filter(_free())
        .select_related("tenant", "subscription", "subscription__creator", "recipient", "recipient__grant")
        .order_by("id")
    )


def claim(delivery: Delivery) -> bool:
    """Take a delivery to work on; False when somebody else has it. ``attempts`` then tells this claim from others."""
    with transaction.atomic(durable=True):
        mine = Delivery.objects.filter(_free(), pk=delivery.pk, attempts=delivery.attempts).update(
            claimed_until=Now() + LEASE, attempts=F("attempts") + 1
        )
    delivery.attempts += 1
    return bool(mine)


def settle(delivery: Delivery, state: DeliveryState, **fields: Any) -> bool:
    """Write what became of a delivery; False when somebody else has done so or has it now."""
    return bool(
        Delivery.objects.filter(pk=delivery.pk, attempts=delivery.attempts, state__in=OPEN).update(
            state=state, claimed_until=None, **fields
        )
    )


def failed(delivery: Delivery, reason: str) -> None:
    """An attempt at making it went wrong: try again soon, a bounded number of times."""
    if delivery.attempts >= MOST_ATTEMPTS:
        settle(delivery, DeliveryState.FAILED, reason=reason)
    else:
        Delivery.objects.filter(pk=delivery.pk, attempts=delivery.attempts, state__in=OPEN).update(
            claimed_until=Now() + RETRY, attempts=F("attempts") + 1, reason=reason
        )


def _open(subscription: Subscription, at: datetime) -> bool:
    rhythm = subscription.rhythm
    if subscription.next_due is None:
        return False
    due = latest_due(rhythm, subscription.next_due, at)
    period = period_of(rhythm, due)
    with transaction.atomic():
        mine = Subscription.objects.filter(pk=subscription.pk, active=True, next_due=subscription.next_due).update(
            next_due=next_due(rhythm, due), last_period_start=period.start
        )
        if not mine:
            return False
        readers = Recipient.objects.filter(subscription=subscription, left_at=None).exclude(confirmed_at=None)
        Delivery.objects.bulk_create(
            [
                Delivery(
                    tenant_id=subscription.tenant_id,
                    subscription=subscription,
                    recipient=recipient,
                    period_start=period.start,
                    period_end=period.end,
                    zone=period.zone,
                    due_at=due,
                    held_until=due + timedelta(hours=subscription.hold_hours),
                )
                for recipient in readers
            ],
            ignore_conflicts=True,  # a period that was reported already stays reported once
        )
    return True


def _free() -> Q:
    return Q(state__in=OPEN) & (Q(claimed_until=None) | Q(claimed_until__lt=Now()))

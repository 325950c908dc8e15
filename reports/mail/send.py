"""Sending what is due: compose once for each recipient, put it into the outbox, hand it over.

Safe when it runs twice or in several processes at once: a due instant is claimed by a conditional update, a delivery
exists once for each period and recipient, and the outbox takes a reference once.
"""

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from portal.audit.record import record
from portal.outbox import rounds
from portal.outbox.models import Message, State
from portal.tenants import wall
from reports.mail import deliveries, links
from reports.mail.content import NotOpen, rest
from reports.mail.cupboard import Cupboard
from reports.mail.making import Made, make
from reports.mail.models import Delivery, DeliveryState, Edition
from reports.mail.rights import NotAllowed, RightsSeen, scope_of
from reports.queries.run import NotNow, patient
from reports.queries.scope import Scope

logger = logging.getLogger("ringbook.mail")
HandOver = Callable[[int, int], object]  # (tenant, message)
_ENDS: dict[str, str] = {State.SENT: "sent", State.SUPPRESSED: "held back"}  # others: not sent, or not surely


@dataclass(frozen=True, slots=True)
class SendSummary:
    """``due`` counts subscriptions; ``sent`` mails that left; ``failed`` those that did not, or not surely; ``held``
    those that wait: for complete data, for figures that cannot be computed at the moment, or for their turn."""

    due: int = 0
    sent: int = 0
    failed: int = 0
    held: int = 0

    def __add__(self, other: "SendSummary") -> "SendSummary":
        return SendSummary(
            self.due + other.due, self.sent + other.sent, self.failed + other.failed, self.held + other.held
        )


def send_due(at: datetime) -> SendSummary:
    """Send what is due at an instant, for all tenants, each behind its wall: over as few connections and at the pace
    that workers keep. What a domain has no room for now waits in the outbox."""
    total = SendSummary()
    for tenant_id in deliveries.tenants_with_work(at):
        with wall.tenant(tenant_id):
            total += _send_here(at)
    return total


def _send_here(at: datetime) -> SendSummary:
    made: list[int] = []
    total = send_tenant(at, lambda _tenant, message_id: made.append(message_id))
    states = rounds.finish_round()
    ours = Delivery.objects.filter(message__in=states).values_list("message_id", flat=True)
    ends = Counter(_ENDS.get(states[message_id], "failed") for message_id in set(ours))
    untried = Message.objects.filter(pk__in=made, attempts=0, state=State.PENDING).count()
    return total + SendSummary(sent=ends["sent"], failed=ends["failed"], held=untried)


def send_tenant(at: datetime, hand_over: HandOver) -> SendSummary:
    """Make what is due for the tenant whose wall is open, and hand each mail over."""
    total = SendSummary(due=deliveries.open_due(at))
    waiting = deliveries.waiting(at)
    cupboard, seen = Cupboard(at), RightsSeen([delivery.recipient for delivery in waiting])
    for delivery in waiting:
        try:
            with patient():
                total += _make(delivery, at, cupboard=cupboard, seen=seen, hand_over=hand_over)
        except NotNow as reason:
            logger.warning("delivery %s waits: %r", delivery.pk, reason)
            deliveries.later(delivery, DeliveryState(delivery.state))
            total += SendSummary(held=1)
        except Exception:  # one recipient's trouble is not the others'
            logger.exception("delivery %s could not be made", delivery.pk)
            deliveries.failed(delivery, "could not be made")
            total += SendSummary(failed=1)
    return total


def _make(
    delivery: Delivery, at: datetime, *, cupboard: Cupboard, seen: RightsSeen, hand_over: HandOver
) -> SendSummary:
    if not deliveries.claim(delivery):
        return SendSummary()
    try:
        scope = scope_of(delivery.recipient, delivery.subscription, seen)
        cupboard.demand_something(delivery, scope)
    except NotAllowed as reason:
        if isinstance(reason, NotOpen):
            rest(delivery.subscription, reason)
        if deliveries.settle(delivery, DeliveryState.SUPPRESSED, reason=str(reason)):
            record("mail.suppressed", tenant_id=delivery.tenant_id, about={"delivery": delivery.pk})
        return SendSummary()
    asked = delivery.edition != Edition.SCHEDULED  # by somebody, who need not wait
    waits = not asked and (at < delivery.held_until or delivery.subscription.holds)
    if waits and not cupboard.complete(delivery, scope):
        deliveries.later(delivery, DeliveryState.HELD)
        return SendSummary(held=1)
    message_id = _post(delivery, at, cupboard=cupboard, scope=scope)
    if message_id is None:
        return SendSummary()
    hand_over(delivery.tenant_id, message_id)
    return SendSummary()


def _post(delivery: Delivery, at: datetime, *, cupboard: Cupboard, scope: Scope) -> int | None:
    """Compose and put; None when somebody else has done so, or there is nothing to tell and the mail is to be skipped
    then. The figures and the message are written together."""
    made = make(delivery, scope, at, cupboard=cupboard, leave_url=links.address(delivery.recipient, links.LEAVE))
    skips = delivery.subscription.skips_empty and delivery.edition == Edition.SCHEDULED
    if made.empty and made.complete and skips:
        deliveries.settle(delivery, DeliveryState.SUPPRESSED, reason="no calls", **_facts(made))
        return None
    with transaction.atomic():
        message = made.put(delivery, reference=f"report:{delivery.public_id}", rule="report")
        mine = deliveries.settle(delivery, DeliveryState.POSTED, message=message, reason="", **_facts(made))
        if not mine:
            transaction.set_rollback(True)
    return message.pk if mine else None


def _facts(made: Made) -> dict[str, Any]:
    """What a delivery keeps of the figures."""
    return {
        "snapshot": made.snapshot,
        "rights": made.rights,
        "as_of": made.as_of,
        "complete": made.complete,
        "late": made.late,
    }

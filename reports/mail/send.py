"""Sending what is due: compose once for each recipient, put it into the outbox, hand it over.

Safe when it runs twice or in several processes at once: a due instant is claimed by a conditional update, a delivery
exists once for each period and recipient, and the outbox takes a reference once.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from portal.audit.record import record
from portal.outbox import post
from portal.outbox.models import State
from portal.tenants import wall
from reports.mail import deliveries, links
from reports.mail.cupboard import Cupboard
from reports.mail.facts import snapshot
from reports.mail.making import Made, make
from reports.mail.models import Delivery, DeliveryState, Edition
from reports.mail.rights import NotAllowed, scope_of
from reports.queries.run import NotNow, patient
from reports.queries.scope import Scope

logger = logging.getLogger("ringbook.mail")
HandOver = Callable[[int, int], str]  # (tenant, message) -> the state the message is in


@dataclass(frozen=True, slots=True)
class SendSummary:
    """``due`` counts subscriptions; ``sent`` mails that left; ``failed`` those that did not, or not surely; ``held``
    those that wait: for complete data, or for figures that cannot be computed at the moment."""

    due: int = 0
    sent: int = 0
    failed: int = 0
    held: int = 0

    def __add__(self, other: "SendSummary") -> "SendSummary":
        return SendSummary(
            self.due + other.due, self.sent + other.sent, self.failed + other.failed, self.held + other.held
        )


def send_due(at: datetime) -> SendSummary:
    """Send what is due at an instant, for all tenants, each behind its wall."""
    total = SendSummary()
    for tenant_id in deliveries.tenants_with_work(at):
        with wall.tenant(tenant_id):
            total += send_tenant(at, deliver_now)
    return total


def send_tenant(at: datetime, hand_over: HandOver) -> SendSummary:
    """Send what is due for the tenant whose wall is open."""
    total = SendSummary(due=deliveries.open_due(at))
    cupboard = Cupboard(at)
    for delivery in deliveries.waiting():
        try:
            with patient():
                total += _send(delivery, at, cupboard=cupboard, hand_over=hand_over)
        except NotNow as reason:
            logger.warning("delivery %s waits: %r", delivery.pk, reason)
            deliveries.later(delivery, DeliveryState(delivery.state))
            total += SendSummary(held=1)
        except Exception:  # one recipient's trouble is not the others'
            logger.exception("delivery %s could not be made", delivery.pk)
            deliveries.failed(delivery, "could not be made")
            total += SendSummary(failed=1)
    return total


def deliver_now(tenant_id: int, message_id: int) -> str:
    return post.deliver(message_id)


def _send(delivery: Delivery, at: datetime, *, cupboard: Cupboard, hand_over: HandOver) -> SendSummary:
    if not deliveries.claim(delivery):
        return SendSummary()
    try:
        scope = scope_of(delivery.recipient, delivery.subscription)
        if cupboard.cover(delivery, scope).nothing:
            raise NotAllowed("nothing to see")
    except NotAllowed as reason:
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
    state = hand_over(delivery.tenant_id, message_id)
    if state == State.SENT:
        return SendSummary(sent=1)
    return SendSummary() if state == State.SUPPRESSED else SendSummary(failed=1)


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
        "snapshot": snapshot(made.facts),
        "rights": made.rights,
        "as_of": made.facts.figures.completeness.as_of,
        "complete": made.complete,
        "late": made.late,
    }

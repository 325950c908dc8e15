"""Sending what is due: compose once for each recipient, put it into the outbox, hand it over.

Safe when it runs twice or in several processes at once: a due instant is claimed by a conditional update, a delivery
exists once for each period and recipient, and the outbox takes a reference once.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils import translation

from portal.audit.record import record
from portal.outbox import post
from portal.outbox.models import State
from portal.tenants import wall
from portal.tenants.models.people import Membership, Role
from reports.mail import consent, deliveries, links
from reports.mail.compose import compose
from reports.mail.cupboard import Cover, Cupboard
from reports.mail.facts import Facts, Setting, covers, snapshot
from reports.mail.models import Delivery, DeliveryState, Subscription
from reports.mail.render import render
from reports.scope import Scope

logger = logging.getLogger("ringbook.mail")
HandOver = Callable[[int, int], str]  # (tenant, message) -> the state the message is in


@dataclass(frozen=True, slots=True)
class SendSummary:
    """``due`` counts subscriptions; ``sent`` mails that left; ``failed`` those that did not, or not surely; ``held``
    those that wait for complete data."""

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
            total += _send(delivery, at, cupboard=cupboard, hand_over=hand_over)
        except Exception:  # one recipient's trouble is not the others'
            logger.exception("delivery %s could not be made", delivery.pk)
            deliveries.failed(delivery, "could not be made")
            total += SendSummary(failed=1)
    return total


def deliver_now(tenant_id: int, message_id: int) -> str:
    return post.deliver(message_id)


def _send(delivery: Delivery, at: datetime, *, cupboard: Cupboard, hand_over: HandOver) -> SendSummary:
    try:
        scope = Scope.of(consent.grant_of(delivery.recipient))
        if not scope.environment_ids:
            raise consent.NotAllowed("nothing to see")
    except consent.NotAllowed as reason:
        if deliveries.settle(delivery, DeliveryState.SUPPRESSED, reason=str(reason)):
            record("mail.suppressed", tenant_id=delivery.tenant_id, about={"delivery": delivery.pk})
        return SendSummary()
    if at < delivery.held_until and not cupboard.complete(delivery, scope):
        deliveries.settle(delivery, DeliveryState.HELD)
        return SendSummary(held=1)
    if not deliveries.claim(delivery):
        return SendSummary()
    message_id = _post(delivery, at, cupboard=cupboard, scope=scope)
    if message_id is None:
        return SendSummary()
    state = hand_over(delivery.tenant_id, message_id)
    if state == State.SENT:
        return SendSummary(sent=1)
    return SendSummary() if state == State.SUPPRESSED else SendSummary(failed=1)


def _post(delivery: Delivery, at: datetime, *, cupboard: Cupboard, scope: Scope) -> int | None:
    """Compose and put; None when somebody else has done so. The figures and the message are written together."""
    recipient, late = delivery.recipient, delivery.late_at(at)
    with translation.override(recipient.language):
        facts = cupboard.facts(delivery, scope)
        complete = covers(facts.figures.completeness, facts.period, at)
        setting = _setting(delivery, facts, cover=cupboard.cover(delivery, scope), late=late, complete=complete)
        mail = render(compose(facts, setting), zone=delivery.zone)
        with transaction.atomic():
            message = post.put(
                tenant_id=delivery.tenant_id,
                to=recipient.email,
                subject=mail.subject,
                text=mail.text,
                html=mail.html,
                headers=_headers(delivery, setting),
                reference=f"report:{delivery.public_id}",
            )
            mine = deliveries.settle(
                delivery,
                DeliveryState.POSTED,
                message=message,
                snapshot=snapshot(facts),
                as_of=facts.figures.completeness.as_of,
                complete=complete,
                late=late,
                reason="",
            )
            if not mine:
                transaction.set_rollback(True)
    return message.pk if mine else None


def _setting(delivery: Delivery, facts: Facts, *, cover: Cover, late: bool, complete: bool) -> Setting:
    tenant = delivery.tenant
    return Setting(
        tenant=tenant.name,
        name=delivery.subscription.name,
        environments=cover.environments,
        agent_count=cover.agent_count,
        filters=facts.figures.question.filters,
        portal_url=f"{settings.BASE_URL}/t/{tenant.slug}/",
        leave_url=links.address(delivery.recipient, links.LEAVE),
        reply_to=_reply_to(delivery.subscription),
        due_at=delivery.due_at,
        late=late,
        complete=complete,
    )


def _headers(delivery: Delivery, setting: Setting) -> dict[str, str]:
    headers = {
        "List-Id": f"<{delivery.subscription.public_id}.mail.ringbook>",
        "List-Unsubscribe": f"<{setting.leave_url}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Auto-Submitted": "auto-generated",
        "Content-Language": translation.get_language() or "",
    }
    return headers | ({"Reply-To": setting.reply_to} if setting.reply_to else {})


def _reply_to(subscription: Subscription) -> str:
    """Who set the mail up, while a member; else the first owner."""
    members = Membership.objects.filter(user__is_active=True).order_by("id")
    if subscription.creator_id and members.filter(user_id=subscription.creator_id).exists():
        return str(subscription.creator.email)  # type: ignore[union-attr]
    return members.filter(role=Role.OWNER).values_list("user__email", flat=True).first() or ""

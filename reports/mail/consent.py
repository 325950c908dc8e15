"""Who agreed to be written to: confirming and leaving, and whether somebody may be written to now."""

from django.db import transaction
from django.utils import timezone

from portal.audit.record import record
from portal.outbox import post
from portal.tenants import wall
from portal.tenants.models.grants import Grant
from portal.tenants.models.people import Membership
from reports.mail.links import Pointer
from reports.mail.models import Delivery, DeliveryState, Recipient


class NotAllowed(Exception):
    """The recipient gets nothing now; the text says why, for the record."""


def grant_of(recipient: Recipient) -> Grant:
    """What the recipient may see at this moment; raises :class:`NotAllowed`. The tenant's wall must be open."""
    if recipient.left_at is not None:
        raise NotAllowed("left")
    if recipient.confirmed_at is None:
        raise NotAllowed("not confirmed")
    grant = recipient.grant
    if recipient.as_member:
        membership = (
            Membership.objects.select_related("grant")
            .filter(tenant_id=recipient.tenant_id, user=recipient.user, user__is_active=True)
            .first()
        )
        if membership is None:
            raise NotAllowed("no longer a member")
        grant = membership.grant
    if grant is None:
        raise NotAllowed("no rights left")
    return grant


def find(pointer: Pointer) -> Recipient | None:
    """Whom a link is about; None when the row is gone."""
    with wall.tenant(pointer.tenant_id):
        return (
            Recipient.objects.select_related("subscription", "tenant")
            .filter(pk=pointer.recipient_id, subscription_id=pointer.subscription_id)
            .first()
        )


def confirm(pointer: Pointer) -> bool:
    """Begin to write to the recipient; False for somebody who has left since, or is gone."""
    with wall.tenant(pointer.tenant_id), transaction.atomic():
        rows = Recipient.objects.filter(pk=pointer.recipient_id, subscription_id=pointer.subscription_id, left_at=None)
        if rows.filter(confirmed_at=None).update(confirmed_at=timezone.now()):
            _note("mail.confirmed", pointer)
        return rows.exists()


def leave(pointer: Pointer) -> None:
    """Write no more to the recipient, not even what is made or waiting already. Again and again changes nothing."""
    with wall.tenant(pointer.tenant_id), transaction.atomic():
        rows = Recipient.objects.filter(pk=pointer.recipient_id, subscription_id=pointer.subscription_id)
        if rows.filter(left_at=None).update(left_at=timezone.now()):
            _note("mail.left", pointer)
        deliveries = Delivery.objects.filter(recipient__in=rows)
        deliveries.filter(state__in=(DeliveryState.PENDING, DeliveryState.HELD)).update(
            state=DeliveryState.SUPPRESSED, reason="left", claimed_until=None
        )
        for message_id in deliveries.filter(message__state="pending").values_list("message_id", flat=True):
            post.withdraw(message_id)


def _note(action: str, pointer: Pointer) -> None:
    about = {"subscription": pointer.subscription_id, "recipient": pointer.recipient_id}
    record(action, tenant_id=pointer.tenant_id, about=about)

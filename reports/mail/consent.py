"""Who agreed to be written to: confirming and leaving, and holding back what waits for whoever did not."""

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from portal.audit.record import record
from portal.outbox import post
from portal.tenants import wall
from reports.mail.links import Pointer
from reports.mail.models import Delivery, DeliveryState, Recipient


def find(pointer: Pointer) -> Recipient | None:
    """Whom a link is about; None when the row is gone."""
    with wall.tenant(pointer.tenant_id):
        return (
            Recipient.objects.select_related("subscription", "tenant")
            .filter(pk=pointer.recipient_id, subscription_id=pointer.subscription_id)
            .first()
        )


def confirm(pointer: Pointer) -> bool:
    """Begin to write to the recipient; False for somebody who has left or was removed since, or is gone."""
    with wall.tenant(pointer.tenant_id), transaction.atomic():
        rows = Recipient.objects.filter(
            pk=pointer.recipient_id,
            subscription_id=pointer.subscription_id,
            left_at=None,
            removed_at=None,
            subscription__removed_at=None,
        )
        if rows.filter(confirmed_at=None).update(confirmed_at=timezone.now()):
            _note("mail.confirmed", pointer)
        return rows.exists()


def leave(pointer: Pointer) -> None:
    """Write no more to the recipient, not even what is made or waiting already. Again and again changes nothing."""
    with wall.tenant(pointer.tenant_id), transaction.atomic():
        rows = Recipient.objects.filter(pk=pointer.recipient_id, subscription_id=pointer.subscription_id)
        if rows.filter(left_at=None).update(left_at=timezone.now()):
            _note("mail.left", pointer)
        hold_back(Delivery.objects.filter(recipient__in=rows), "left")


def hold_back(deliveries: QuerySet[Delivery], reason: str) -> None:
    """Of these, write down that what is not made will not be, and withdraw what waits in the outbox."""
    deliveries.filter(state__in=(DeliveryState.PENDING, DeliveryState.HELD)).update(
        state=DeliveryState.SUPPRESSED, reason=reason, claimed_until=None
    )
    for message_id in deliveries.filter(message__state="pending").values_list("message_id", flat=True):
        post.withdraw(message_id)


def _note(action: str, pointer: Pointer) -> None:
    about = {"subscription": pointer.subscription_id, "recipient": pointer.recipient_id}
    record(action, tenant_id=pointer.tenant_id, about=about)

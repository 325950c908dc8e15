"""Who agreed to be written to: confirming and leaving, and holding back what waits for whoever did not."""

from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from portal.audit.record import record
from portal.outbox import post
from portal.tenants import wall
from reports.mail.links import Pointer, pointer_to
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


def places(pointer: Pointer) -> list[Recipient]:
    """All mails of the company to the address that a link was sent to, also those it has left, by name; none when the
    link's own row is gone. Two queries, however many there are."""
    with wall.tenant(pointer.tenant_id):
        return list(_beside(pointer).select_related("subscription", "tenant").order_by("subscription__name", "id"))


def leave_all(pointer: Pointer) -> None:
    """Leave every mail of the company that goes to the link's address."""
    for place in places(pointer):
        leave(pointer_to(place))


def leave_one(pointer: Pointer, public_id: UUID) -> None:
    """Leave one of the mails to the link's address; one that is none of them is left at that."""
    for place in places(pointer):
        if place.public_id == public_id:
            leave(pointer_to(place))


def speak(pointer: Pointer, language: str) -> None:
    """Have all mails of the company to the link's address come in a language; nothing for one that there is not."""
    if language not in dict(settings.LANGUAGES):
        return
    with wall.tenant(pointer.tenant_id), transaction.atomic():
        keys = list(_beside(pointer).exclude(language=language).values_list("pk", flat=True))
        if keys:
            Recipient.objects.filter(pk__in=keys).update(language=language)
            _note("mail.language", pointer)


def hold_back(deliveries: QuerySet[Delivery], reason: str) -> None:
    """Of these, write down that what is not made will not be, and withdraw what waits in the outbox."""
    deliveries.filter(state__in=(DeliveryState.PENDING, DeliveryState.HELD)).update(
        state=DeliveryState.SUPPRESSED, reason=reason, claimed_until=None
    )
    for message_id in deliveries.filter(message__state="pending").values_list("message_id", flat=True):
        post.withdraw(message_id)


def _beside(pointer: Pointer) -> QuerySet[Recipient]:
    own = Recipient.objects.filter(pk=pointer.recipient_id, subscription_id=pointer.subscription_id)
    rows: QuerySet[Recipient] = Recipient.objects.filter(email__in=own.values("email"))
    return rows.filter(removed_at=None, subscription__removed_at=None)


def _note(action: str, pointer: Pointer) -> None:
    about = {"subscription": pointer.subscription_id, "recipient": pointer.recipient_id}
    record(action, tenant_id=pointer.tenant_id, about=about)

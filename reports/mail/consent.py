"""Who agreed to be written to: confirming and leaving, and holding back what waits for whoever did not."""

from typing import Any
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
from reports.mail.readers import Reader, kinds


def find(pointer: Pointer) -> Reader | None:
    """Whom a link is about; None when the row is gone."""
    with wall.tenant(pointer.tenant_id):
        return _own(pointer).select_related(_kind(pointer).OF, "tenant", "user").first()


def confirm(pointer: Pointer) -> bool:
    """Begin to write to the reader; False for somebody who has left or was removed since, or is gone."""
    with wall.tenant(pointer.tenant_id), transaction.atomic():
        there = {"left_at": None, "removed_at": None, f"{_kind(pointer).OF}__removed_at": None}
        rows = _own(pointer).filter(**there)
        if rows.filter(confirmed_at=None).update(confirmed_at=timezone.now()):
            _note("mail.confirmed", pointer)
        return rows.exists()


def leave(pointer: Pointer) -> None:
    """Write no more to the reader, not even what is made or waiting already. Again and again changes nothing."""
    with wall.tenant(pointer.tenant_id), transaction.atomic():
        rows = _own(pointer)
        if rows.filter(left_at=None).update(left_at=timezone.now()):
            _note("mail.left", pointer)
        # What others have waiting asks its rule before it leaves, and finds that its reader is gone.
        if pointer.word == Recipient.WORD:
            hold_back(Delivery.objects.filter(recipient__in=rows), "left")


def places(pointer: Pointer) -> list[Reader]:
    """All that the company sends to the address that a link went to, also what it has left, by name; nothing when the
    link's own row is gone. Two queries for each kind, however many there are."""
    with wall.tenant(pointer.tenant_id):
        found = [
            place
            for kind in kinds().values()
            for place in _beside(pointer, kind).select_related(kind.OF, "tenant", "user").order_by("id")
        ]
    return sorted(found, key=lambda place: place.read.name)


def leave_all(pointer: Pointer) -> None:
    """Leave all of the company's that goes to the link's address."""
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
        changed = 0
        for kind in kinds().values():
            keys = list(_beside(pointer, kind).exclude(language=language).values_list("pk", flat=True))
            changed += kind.rows().filter(pk__in=keys).update(language=language) if keys else 0
        if changed:
            _note("mail.language", pointer)


def hold_back(deliveries: QuerySet[Delivery], reason: str) -> None:
    """Of these, write down that what is not made will not be, and withdraw what waits in the outbox."""
    deliveries.filter(state__in=(DeliveryState.PENDING, DeliveryState.HELD)).update(
        state=DeliveryState.SUPPRESSED, reason=reason, claimed_until=None
    )
    for message_id in deliveries.filter(message__state="pending").values_list("message_id", flat=True):
        post.withdraw(message_id)


def _kind(pointer: Pointer) -> type[Reader]:
    return kinds()[pointer.word]


def _own(pointer: Pointer) -> QuerySet[Any]:
    kind = _kind(pointer)
    return kind.rows().filter(**{"pk": pointer.reader_id, f"{kind.OF}_id": pointer.read_id})


def _beside(pointer: Pointer, kind: type[Reader]) -> QuerySet[Any]:
    there = {"removed_at": None, f"{kind.OF}__removed_at": None}
    return kind.rows().filter(email__in=_own(pointer).values("email"), **there)


def _note(action: str, pointer: Pointer) -> None:
    about = {_kind(pointer).OF: pointer.read_id, "recipient": pointer.reader_id}
    record(action, tenant_id=pointer.tenant_id, about=about)

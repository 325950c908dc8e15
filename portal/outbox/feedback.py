"""What is heard of a message after it was sent: that it came back, for good or not, or that its reader complains.

Nothing is believed but which message it is about and which kind of word it is; whom it went to, and whose it is, our
own rows tell. Said again, it changes nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now

from portal.outbox.models import Cause, Feedback, FeedbackKind, Message, Suppression
from portal.tenants import wall

SOFT_MOST = 5  # messages to one address that came back for the time being within SOFT_WITHIN, before it is paused
SOFT_WITHIN = timedelta(days=30)
_CAUSES = {FeedbackKind.HARD: Cause.BOUNCED, FeedbackKind.COMPLAINT: Cause.COMPLAINED}


@dataclass(frozen=True, slots=True)
class Word:
    """One thing that was heard. ``code`` is the enhanced status, such as 5.1.1, where one was told."""

    message_id: str
    kind: FeedbackKind
    code: str = ""


def hear(words: Iterable[Word]) -> int:
    """Write down what is about messages of ours, and pause their addresses where they ask for it; how many were new."""
    return sum(_hear(word) for word in words)


def lift(address: str) -> bool:
    """Write to an address again, from the next mail on; False when it was not paused. The wall must be open."""
    with transaction.atomic():
        Feedback.objects.filter(message__to=address, kind=FeedbackKind.SOFT).update(forgiven=True)
        deleted, _rows = Suppression.objects.filter(address=address).delete()
    return bool(deleted)


def _hear(word: Word) -> bool:
    with wall.every_tenant("whose message is spoken of"):
        rows = Message.objects.filter(message_id=word.message_id, attempts__gt=0)
        found = rows.values_list("tenant_id", "pk").first()
    if found is None:
        return False
    tenant_id, key = found
    with wall.tenant(tenant_id), transaction.atomic():
        message = Message.objects.get(pk=key)
        _row, is_new = Feedback.objects.get_or_create(
            tenant_id=tenant_id, message=message, kind=word.kind, defaults={"code": word.code}
        )
        if is_new and (cause := _cause(message, word.kind)):
            Suppression.objects.get_or_create(
                tenant_id=tenant_id, address=message.to, defaults={"cause": cause, "reason": word.code}
            )
    return is_new


def _cause(message: Message, kind: FeedbackKind) -> Cause | None:
    if kind != FeedbackKind.SOFT:
        return _CAUSES[kind]
    counting = Feedback.objects.filter(kind=kind, message__to=message.to, forgiven=False)
    recent = counting.filter(created_at__gte=Now() - SOFT_WITHIN)
    return Cause.PUT_OFF if recent.count() >= SOFT_MOST else None

"""What is heard of a message after it was sent: that it came back, for good or not, or that its recipient complains.

A notification that arrives as a mail may be forged, so it has to name the Message-ID, the recipient of that very
message, and come within days of the hand-over; an owner's address is not paused by one such notification alone. What a
provider or the operator's own program reports is ``vouched`` for. Whose the message is, our own rows say. Heard again,
it changes nothing.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Lower, Now

from portal.outbox.models import Cause, Feedback, FeedbackKind, Message, State, Suppression
from portal.outbox.post import KEYED
from portal.tenants import wall
from portal.tenants.models.people import Membership, Role

logger = logging.getLogger("ringbook.outbox")

SOFT_MOST = 5  # messages to one address that came back for the time being within SOFT_WITHIN, before it is paused
SOFT_WITHIN = timedelta(days=30)
PLAUSIBLE = timedelta(days=14)  # after the hand-over: servers try for five days, and providers repeat for three
APART = timedelta(days=1)  # between two notifications that together pause an owner's address
_CAUSES = {FeedbackKind.HARD: Cause.BOUNCED, FeedbackKind.COMPLAINT: Cause.COMPLAINED}


@dataclass(frozen=True, slots=True)
class Word:
    """One thing that was heard. ``code`` is the enhanced status, such as 5.1.1, where there is one; ``recipients`` are
    the addresses that it names."""

    message_id: str
    kind: FeedbackKind
    code: str = ""
    recipients: frozenset[str] = frozenset()


def hear(words: Iterable[Word], *, vouched: bool) -> int:
    """Write down what is about messages of ours, and pause their addresses where they ask for it; how many were new."""
    return sum(_hear(word, vouched=vouched) for word in words)


def lift(address: str) -> bool:
    """Write to an address again, from the next mail on; False when it was not paused. The wall must be open."""
    with transaction.atomic():
        Feedback.objects.filter(message__to=address).update(forgiven=True)
        deleted, _rows = Suppression.objects.filter(address=address).delete()
    return bool(deleted)


def paused_owners() -> list[str]:
    """The addresses of owners that get no mail. The wall must be open."""
    owners = Membership.objects.filter(role=Role.OWNER, user__is_active=True)
    emails = owners.annotate(email=Lower("user__email")).values("email")
    return list(Suppression.objects.filter(address__in=emails).order_by("address").values_list("address", flat=True))


def _hear(word: Word, *, vouched: bool) -> bool:
    with wall.every_tenant("whose message is spoken of"):
        rows = Message.objects.filter(message_id=word.message_id, attempts__gt=0)
        found = rows.values_list("tenant_id", "pk").first()
    if found is None:
        return False
    tenant_id, key = found
    with wall.tenant(tenant_id), transaction.atomic():
        message = Message.objects.get(pk=key)
        if doubt := _doubt(message, word, vouched=vouched):
            logger.warning("what was heard of message %s is ignored: %s", key, doubt)
            return False
        _row, is_new = Feedback.objects.get_or_create(
            tenant_id=tenant_id, message=message, kind=word.kind, defaults={"code": word.code}
        )
        if is_new and (cause := _cause(message, word.kind)) and (vouched or _is_proven(message, word.kind)):
            Suppression.objects.get_or_create(
                tenant_id=tenant_id, address=message.to, defaults={"cause": cause, "reason": word.code}
            )
    return is_new


def _doubt(message: Message, word: Word, *, vouched: bool) -> str:
    """Why a word about a message is not believed, or ""."""
    begun = message.tries.filter(outcome__in=("", State.SENT, State.UNKNOWN), started_at__gte=Now() - PLAUSIBLE)
    if not begun.exists():
        return "it was not handed over within the last days"
    if not vouched and not message.message_id.startswith(KEYED):
        return "anybody can compute its Message-ID"
    named = {address.strip().lower() for address in word.recipients}
    if message.to.lower() not in named and (named or not vouched):
        return "its recipient is another one"
    return ""


def _is_proven(message: Message, kind: FeedbackKind) -> bool:
    """Whether a notification that nobody vouches for may pause its address: an owner's only if another message to it
    came back, or was reported, a day or more ago."""
    if not Membership.objects.filter(role=Role.OWNER, user__email__iexact=message.to).exists():
        return True
    others = Feedback.objects.filter(message__to=message.to, forgiven=False).exclude(message=message)
    if kind != FeedbackKind.SOFT:
        others = others.exclude(kind=FeedbackKind.SOFT)
    return others.filter(created_at__gte=Now() - SOFT_WITHIN, created_at__lte=Now() - APART).exists()


def _cause(message: Message, kind: FeedbackKind) -> Cause | None:
    if kind != FeedbackKind.SOFT:
        return _CAUSES[kind]
    counting = Feedback.objects.filter(kind=kind, message__to=message.to, forgiven=False)
    recent = counting.filter(created_at__gte=Now() - SOFT_WITHIN)
    return Cause.PUT_OFF if recent.count() >= SOFT_MOST else None

"""Sending the report of a period once more: as it was, byte by byte, or computed anew. The wall must be open.

What is asked for is a row for each reader before anything is sent, one for each press of the button: the key that came
with the press is part of what makes it one, so a press that comes twice sends once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from portal.outbox import post
from portal.outbox.models import Letter, Message
from reports.definitions.periods import Period
from reports.files.rights import covers
from reports.mail.log import REASONS
from reports.mail.models import Delivery, DeliveryState, Edition, Recipient, Subscription
from reports.mail.plans import readers_of
from reports.mail.preview import TooMany
from reports.mail.rights import Author, NotAllowed, scope_of
from reports.mail.subscriptions import about
from reports.queries.question import QuestionError

LONGEST_PRESS = 64
MOST_AGAIN, AGAIN_WITHIN = 200, timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Press:
    """What somebody asks for: which period, in which edition, to whom. ``key`` tells one press from the next."""

    period: Period
    edition: Edition
    to: tuple[Recipient, ...]
    key: str


def chosen_readers(subscription: Subscription, addresses: Sequence[str] | None) -> tuple[Recipient, ...]:
    """Readers by their addresses, by default all who get the mail now; raises QuestionError for one who is none."""
    readers = {reader.email: reader for reader in readers_of(subscription)}
    if addresses is None:
        return tuple(reader for reader in readers.values() if reader.confirmed_at and reader.left_at is None)
    wanted = [str(address).strip().lower() for address in addresses]
    if not wanted or not set(wanted) <= set(readers):
        raise QuestionError({"to": _("Name readers of this mail.")})
    return tuple(readers[address] for address in dict.fromkeys(wanted))


def send_period(
    subscription: Subscription, press: Press, author: Author, hint: Callable[[int, int], object]
) -> list[Delivery]:
    """Ask for the report of a period once more, for all the readers of a press or none; one row for each of them.

    Raises QuestionError where one of them may not have it, or has none that could be sent as it was; and TooMany.
    """
    before = list(_rows(subscription, press).filter(press=press.key))
    if before:
        return before
    now = timezone.now()
    _demand_room(len(press.to), now)
    copies = _copies(subscription, press)
    with transaction.atomic():
        rows = [_row(subscription, press, reader, copies.get(reader.pk), now) for reader in press.to]
        made = [(row, message) for row, message, is_new in rows if is_new]
        for _row_made, message in made:
            if message is not None:
                transaction.on_commit(partial(hint, subscription.tenant_id, message.pk))
        if made:
            facts: dict[str, str | int] = {"period": press.period.start.isoformat(), "edition": press.edition.value}
            author.note("period.sent_again", {**about(subscription, readers=len(made)), **facts})
    return list(_rows(subscription, press).filter(press=press.key))


def has_copy(subscription: Subscription, period: Period) -> bool:
    """Whether anybody has a mail of the period, which could be sent as it was."""
    return _of_period(subscription, period).exclude(message=None).exists()


def _copies(subscription: Subscription, press: Press) -> dict[int, Delivery]:
    """What each reader has of the period, the newest of it, if that is to be sent; raises QuestionError.

    A mail that shows more than its reader may see by now is not sent to him once more.
    """
    copies: dict[int, Delivery] = {}
    errors = []
    for delivery in _of_period(subscription, press.period).exclude(message=None).order_by("id"):
        copies[delivery.recipient_id] = delivery
    for reader in press.to:
        try:
            scope = scope_of(reader, subscription)
        except NotAllowed as reason:
            errors.append(f"{reader.email}: {REASONS[str(reason)]}")
            continue
        if press.edition != Edition.SAME:
            continue
        copy = copies.get(reader.pk)
        if copy is None or copy.message is None or not copy.message.text:
            errors.append(_("%(email)s has no mail of this period: have it computed anew.") % {"email": reader.email})
        elif not covers(scope, copy.rights):
            errors.append(
                _("%(email)s may not see all that this mail showed: have it computed anew.") % {"email": reader.email}
            )
    if errors or not press.to:
        raise QuestionError({"to": " ".join(map(str, errors)) or _("Name readers of this mail.")})
    return copies if press.edition == Edition.SAME else {}


def _row(
    subscription: Subscription, press: Press, reader: Recipient, copy: Delivery | None, now: datetime
) -> tuple[Delivery, Letter | None, bool]:
    """The row of one reader; with the message, where it is one that was made before."""
    row, is_new = Delivery.objects.get_or_create(
        tenant_id=subscription.tenant_id,
        subscription=subscription,
        recipient=reader,
        period_start=press.period.start,
        period_end=press.period.end,
        press=press.key,
        defaults={"zone": press.period.zone, "due_at": now, "held_until": now, "edition": press.edition},
    )
    if not is_new or copy is None or copy.message is None:
        return row, None, is_new
    message = _put_copy(row, copy.message)
    Delivery.objects.filter(pk=row.pk).update(
        state=DeliveryState.POSTED,
        message=message,
        snapshot=copy.snapshot,
        rights=copy.rights,
        as_of=copy.as_of,
        complete=copy.complete,
        late=copy.late,
    )
    return row, message, True


def _put_copy(row: Delivery, message: Message) -> Letter:
    """The same mail as a message of its own: its texts and files byte by byte."""
    with translation.override(message.language or None):
        return post.put(
            tenant_id=row.tenant_id,
            to=message.to,
            subject=_("Sent again: %(subject)s") % {"subject": message.subject},
            text=message.text,
            html=message.html,
            headers=message.headers,
            reference=f"report:{row.public_id}",
            attachments=[
                post.Attachment(each.name, each.content_type, bytes(each.content))
                for each in message.enclosures.order_by("id")
            ],
            conduct=post.Conduct(rule="report"),
        )


def _demand_room(readers: int, now: datetime) -> None:
    recent = Delivery.objects.exclude(edition=Edition.SCHEDULED).filter(created_at__gt=now - AGAIN_WITHIN)
    if recent.count() + readers > MOST_AGAIN:
        raise TooMany(_("%(most)s reports were sent again within the hour. Wait a little.") % {"most": MOST_AGAIN})


def _rows(subscription: Subscription, press: Press) -> "QuerySet[Delivery]":
    return _of_period(subscription, press.period).exclude(edition=Edition.SCHEDULED).order_by("id")


def _of_period(subscription: Subscription, period: Period) -> "QuerySet[Delivery]":
    rows: QuerySet[Delivery] = Delivery.objects.filter(
        subscription=subscription, period_start=period.start, period_end=period.end
    )
    return rows.select_related("message", "recipient", "subscription")

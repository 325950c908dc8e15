"""What became of each delivery, in the words that readers get, and sending one again. The wall must be open."""

from collections.abc import Callable
from dataclasses import dataclass

from django.db import models, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from portal.outbox import post
from portal.outbox.models import State
from reports.mail.models import Delivery, DeliveryState
from reports.mail.rights import Author, NotAllowed, scope_of
from reports.queries.cursor import NotACursor, opened, sealed


class Outcome(models.TextChoices):
    DUE = "due", pgettext_lazy("of a delivery", "due")
    SENDING = "sending", _("being sent")
    SENT = "sent", _("sent")
    UNKNOWN = "unknown", _("unknown")
    FAILED = "failed", _("failed")
    HELD = "held", _("waiting for data")
    SKIPPED = "skipped", _("not sent")


REASONS = {
    "left": _("The recipient has left this mail."),
    "removed": _("The mail or its recipient was removed."),
    "paused": _("The mail was paused."),
    "not confirmed": _("The recipient has not agreed yet."),
    "no longer a member": _("The recipient is no longer a member."),
    "no rights left": _("The recipient may see nothing any more."),
    "nothing to see": _("The recipient may see nothing of what this mail shows."),
    "more than you see": _("This reader may see more than you do."),
    "domain not allowed": _("The company has no mails sent to this domain."),
    "nobody vouches": _("Whoever added this address may not have mails sent to others any more."),
    "no calls": _("There were no calls, and then it is not sent."),
    "could not be made": _("The mail could not be made. It is tried again, five times in all."),
}
_MADE = {
    DeliveryState.PENDING: Outcome.DUE,
    DeliveryState.HELD: Outcome.HELD,
    DeliveryState.SUPPRESSED: Outcome.SKIPPED,
    DeliveryState.FAILED: Outcome.FAILED,
}
_SENT = {
    State.PENDING: Outcome.DUE,
    State.SENDING: Outcome.SENDING,
    State.SENT: Outcome.SENT,
    State.UNKNOWN: Outcome.UNKNOWN,
    State.FAILED: Outcome.FAILED,
    State.SUPPRESSED: Outcome.SKIPPED,
}
AGAIN = (Outcome.FAILED, Outcome.UNKNOWN)


class NoCursor(ValueError):
    """A text that names no place in the list of deliveries."""


class NotAgain(Exception):
    """It cannot be sent again as it stands; the text says why."""


@dataclass(frozen=True, slots=True)
class Page:
    """``next`` and ``previous`` are cursors, empty where there is no further page."""

    rows: list[Delivery]
    next: str
    previous: str


def outcome(delivery: Delivery) -> Outcome:
    if delivery.message is not None:
        return _SENT[State(delivery.message.state)]
    return _MADE[DeliveryState(delivery.state)]


def reply(delivery: Delivery) -> str:
    """What the mail server answered last, or why nothing was sent."""
    if delivery.message is not None and delivery.message.last_reply:
        return str(REASONS.get(delivery.message.last_reply, delivery.message.last_reply))
    if delivery.message is not None and delivery.message.state == State.SUPPRESSED and not delivery.reason:
        return str(_("Its server refused this address before, so nothing is sent to it."))
    return str(REASONS.get(delivery.reason, delivery.reason))


def page(rows: QuerySet[Delivery], cursor: str, size: int) -> Page:
    """Some of the rows, newest first, from where a cursor says; raises :class:`NoCursor`."""
    way, key = _read_cursor(cursor)
    if way == "back":
        page = list(rows.filter(pk__gt=key).order_by("id")[: size + 1])
        more, page = len(page) > size, page[:size][::-1]
        return Page(page, _cursor("on", page), _cursor("back", page) if more else "")
    page = list((rows.filter(pk__lt=key) if cursor else rows)[: size + 1])
    more, page = len(page) > size, page[:size]
    return Page(page, _cursor("on", page) if more else "", _cursor("back", page) if cursor else "")


def send_again(delivery: Delivery, author: Author, hint: Callable[[int, int], object]) -> None:
    """One more try for a mail that failed, or of which nobody knows: the same bytes if it was made, made anew if not.

    Its reader must still be allowed to have it. Raises :class:`NotAgain`.
    """
    if outcome(delivery) not in AGAIN:
        raise NotAgain(str(_("Only a mail that failed, or of which nobody knows whether it arrived, is sent again.")))
    try:
        scope_of(delivery.recipient, delivery.subscription)
    except NotAllowed as reason:
        raise NotAgain(str(REASONS[str(reason)])) from reason
    with transaction.atomic():
        if delivery.message_id is not None:
            done = post.send_again(delivery.message_id)
            message_id = delivery.message_id
            transaction.on_commit(lambda: hint(delivery.tenant_id, message_id))
        else:
            failed = Delivery.objects.filter(pk=delivery.pk, state=DeliveryState.FAILED)
            done = bool(failed.update(state=DeliveryState.PENDING, attempts=0, claimed_until=None, reason=""))
        if done:
            author.note("delivery.sent_again", {"delivery": str(delivery.public_id)})


def _cursor(way: str, rows: list[Delivery]) -> str:
    if not rows:
        return ""
    key = rows[-1].pk if way == "on" else rows[0].pk
    return sealed(f"{way}:{key}")


def _read_cursor(text: str) -> tuple[str, int]:
    """The way and the key that a cursor says."""
    if not text:
        return "on", 0
    try:
        way, _colon, key = opened(text).partition(":")
    except NotACursor as error:
        raise NoCursor from error
    if way not in ("on", "back") or not key.isdecimal() or len(key) > 18:
        raise NoCursor
    return way, int(key)

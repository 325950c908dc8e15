"""What became of each delivery, in the words that readers get, and sending one again. The wall must be open."""

from collections.abc import Callable

from django.db import models, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, pgettext_lazy

from portal.formats import figures
from portal.outbox import post, server
from portal.outbox.models import State
from reports.mail.models import Delivery, DeliveryState
from reports.mail.rights import Author, NotAllowed, scope_of
from reports.queries.cursor import KeyPage, page_by_key


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
    "report gone": _("The saved report or board that it showed was deleted. Choose another one."),
    "report not shared": _("The saved report or board that it showed is not shared any more. Choose another one."),
    "about one person": _("The saved report is about one phone number or one contact, which is not mailed."),
    "report empty": _("No report is left on the board that it showed."),
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


class NotAgain(Exception):
    """It cannot be sent again as it stands; the text says why."""


def outcome(delivery: Delivery) -> Outcome:
    if delivery.message is not None:
        return _SENT[State(delivery.message.state)]
    return _MADE[DeliveryState(delivery.state)]


def reply(delivery: Delivery) -> str:
    """What the mail server answered last, or why nothing was sent."""
    if delivery.message is not None and delivery.message.last_reply:
        return str(REASONS.get(delivery.message.last_reply) or server.said(delivery.message.last_reply))
    if delivery.message is not None and delivery.message.state == State.SUPPRESSED and not delivery.reason:
        return str(_("Its server refused this address before, so nothing is sent to it."))
    return str(REASONS.get(delivery.reason, delivery.reason))


def passed(delivery: Delivery) -> str:
    """How many periods before it were due in a time of silence and are not sent; empty where none were."""
    if not delivery.passed_over:
        return ""
    text = ngettext(
        "%(count)s period before it was passed over after a time of silence",
        "%(count)s periods before it were passed over after a time of silence",
        delivery.passed_over,
    )
    return text % {"count": figures.decimal(delivery.passed_over)}


def page(rows: QuerySet[Delivery], cursor: str, size: int) -> KeyPage[Delivery]:
    """Some of the rows, newest first, from where a cursor says; raises CursorError."""
    return page_by_key(rows, cursor, size, of="deliveries")


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

"""Putting messages in and getting them out: at most once each, and what is uncertain stays visible.

The order is what makes a crash harmless. A message is *claimed* and the claim committed; the connection is opened; the
row becomes ``sending`` and that is committed too; only then do the message's bytes leave. A process that dies before
``sending`` leaves a claim that runs out and is tried again; one that dies after it leaves a row that ends ``unknown``
and is sent again by a person only.
"""

import hashlib
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import translation

from portal.outbox.models import Attempt, Enclosure, Message, State, Suppression
from portal.outbox.refusals import NotTaken
from portal.outbox.text import normalised, one_line
from portal.work.leases import Lease

logger = logging.getLogger("ringbook.outbox")

LEASE = Lease(
    timedelta(minutes=6), until="claimed_until"
)  # longer than a task may run: a live sender is never taken for dead
DELAYS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 120, 240, 480))
OWN_HEADERS = frozenset({"from", "to", "cc", "bcc", "subject", "date", "message-id", "mime-version", "content-type"})
_TOKEN = re.compile(r"^[A-Za-z0-9-]{1,60}$")


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    content_type: str
    content: bytes


def put(  # noqa: PLR0913  # a message has this many parts, all by name
    *,
    tenant_id: int,
    to: str,
    subject: str,
    text: str,
    html: str,
    headers: Mapping[str, str],
    reference: str,
    attachments: Sequence[Attachment] = (),
) -> Message:
    """Write a message down for sending, in the active language. The wall of its tenant must be open.

    A second put with the same reference changes nothing and returns the first message.
    """
    for name in headers:
        if not _TOKEN.match(name) or name.lower() in OWN_HEADERS:
            raise ValueError(f"{one_line(name)!r} cannot be a header of a message.")
    with transaction.atomic():
        message, is_new = Message.objects.get_or_create(
            tenant_id=tenant_id,
            reference=reference,
            defaults={
                "to": normalised(to),
                "subject": one_line(subject),
                "text": text,
                "html": html,
                "headers": {name: one_line(value, limit=900) for name, value in headers.items()},
                "language": translation.get_language() or "",
                "message_id": _message_id(tenant_id, reference),
            },
        )
        if is_new and attachments:
            Enclosure.objects.bulk_create(
                Enclosure(
                    tenant_id=tenant_id, message=message, name=a.name, content_type=a.content_type, content=a.content
                )
                for a in attachments
            )
    return message


def deliver(message_id: int) -> str:
    """Send one message if it is due and nobody else is at it; the state it is in afterwards, '' if there is none.

    Never inside a transaction: each step has to be on disk before the next one begins.
    """
    message = _claim(message_id)
    if message is None:
        return _state(message_id)
    if Suppression.objects.filter(tenant_id=message.tenant_id, address=message.to).exists():
        return _settle(message, State.SUPPRESSED, "")
    connection = get_connection()
    try:
        mail = _mail(message, connection)
        mail.message()  # a header that cannot be written fails here, while nothing has left
        connection.open()
    except NotTaken as refusal:
        return _refused(message, refusal)
    except (ValueError, UnicodeError) as error:
        return _settle(message, State.FAILED, type(error).__name__)
    try:
        return _hand_over(message, mail)
    finally:
        _close(connection)


def withdraw(message_id: int) -> bool:
    """Hold a waiting message back for good; False when it is already on its way or has ended."""
    withdrawn = Message.objects.filter(pk=message_id, state=State.PENDING).update(
        state=State.SUPPRESSED, claimed_until=None
    )
    return bool(withdrawn)


def send_again(message_id: int) -> bool:
    """An operator's decision: one more try for a message that failed, or of which nobody knows. The same bytes, the
    same Message-ID."""
    return bool(
        Message.objects.filter(pk=message_id, state__in=(State.UNKNOWN, State.FAILED)).update(
            state=State.PENDING, next_attempt_at=None, claimed_until=None
        )
    )


def settle_lost() -> int:
    """Messages whose sender died in the act become ``unknown``; their number."""
    lost = Message.objects.filter(state=State.SENDING, claimed_until__lt=Now())
    return lost.update(state=State.UNKNOWN, claimed_until=None, last_reply="The sender ended before an answer came.")


def overdue(*, limit: int = 500) -> list[tuple[int, int]]:
    """(tenant, message) of what waits, is due and is claimed by nobody, oldest first."""
    return list(Message.objects.filter(_ready()).order_by("id").values_list("tenant_id", "id")[:limit])


def _state(message_id: int) -> str:
    return Message.objects.filter(pk=message_id).values_list("state", flat=True).first() or ""


def _ready() -> Q:
    due = Q(next_attempt_at=None) | Q(next_attempt_at__lte=Now())
    return Q(state=State.PENDING) & due & LEASE.free()


def _claim(message_id: int) -> Message | None:
    with transaction.atomic(durable=True):
        if not LEASE.claim(Message.objects.filter(_ready(), pk=message_id)):
            return None
        message: Message = Message.objects.get(pk=message_id)
        Attempt.objects.create(tenant_id=message.tenant_id, message=message, number=message.attempts)
    return message


def _hand_over(message: Message, mail: EmailMultiAlternatives) -> str:
    mine = LEASE.held(Message.objects.all(), message)
    with transaction.atomic(durable=True):
        begun = mine.filter(state=State.PENDING, claimed_until__gt=Now()).update(state=State.SENDING)
    if not begun:  # withdrawn, or this process slept until its claim ran out
        return _state(message.pk)
    try:
        mail.send()
    except NotTaken as refusal:
        return _refused(message, refusal)
    except Exception as error:  # noqa: BLE001  # whatever it was, the message may have arrived
        logger.warning("message %s: no answer (%s)", message.pk, type(error).__name__)
        return _settle(message, State.UNKNOWN, type(error).__name__)
    return _settle(message, State.SENT, "")


def _refused(message: Message, refusal: NotTaken) -> str:
    if refusal.address_dead:
        Suppression.objects.get_or_create(
            tenant_id=message.tenant_id, address=message.to, defaults={"reason": one_line(refusal.reply)}
        )
    if refusal.permanent or message.attempts > len(DELAYS):
        return _settle(message, State.FAILED, refusal.reply)
    return _settle(message, State.PENDING, refusal.reply)


def _settle(message: Message, state: State, reply: str) -> str:
    """Write the end of this attempt; a newer attempt's word stands."""
    reply = one_line(reply, limit=300)
    changes: dict[str, object] = {"state": state, "last_reply": reply}
    if state == State.PENDING:
        changes["next_attempt_at"] = Now() + DELAYS[message.attempts - 1]
    if state == State.SENT:
        changes["sent_at"] = Now()
    with transaction.atomic(durable=True):
        unsettled = Message.objects.exclude(state__in=(State.SENT, State.SUPPRESSED))
        LEASE.settle(LEASE.held(unsettled, message), **changes)
        Attempt.objects.filter(message_id=message.pk, number=message.attempts).update(
            outcome=state, reply=reply, ended_at=Now()
        )
    return state


class _Mail(EmailMultiAlternatives):
    """Built once: what was found to be writable is what leaves."""

    _built: Any = None

    def message(self, **how: Any) -> Any:
        if self._built is None:
            self._built = super().message(**how)
        return self._built


def _mail(message: Message, connection: BaseEmailBackend) -> EmailMultiAlternatives:
    mail = _Mail(
        message.subject,
        message.text,
        settings.DEFAULT_FROM_EMAIL,
        [message.to],
        connection=connection,
        headers={**message.headers, "Message-ID": message.message_id},
    )
    if message.html:
        mail.attach_alternative(message.html, "text/html")
    for enclosure in message.enclosures.order_by("id"):
        mail.attach(enclosure.name, bytes(enclosure.content), enclosure.content_type)
    return mail


def _message_id(tenant_id: int, reference: str) -> str:
    """Always the same for a reference, so that a mail sent twice by hand is one mail to the reader's program."""
    host = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    return f"<{hashlib.sha256(f'{tenant_id}:{reference}'.encode()).hexdigest()[:40]}@{host}>"


def _close(connection: BaseEmailBackend) -> None:
    try:
        connection.close()
    except Exception as error:  # noqa: BLE001  # the message's fate is written down already
        logger.info("mail connection did not close: %s", type(error).__name__)

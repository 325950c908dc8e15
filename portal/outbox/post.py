"""Putting messages in and getting them out: at most once each, and what is uncertain stays visible.

The order is what makes a crash harmless. A message is *claimed* and the claim committed; the connection is opened; the
row becomes ``sending`` and that is committed too; only then do the message's bytes leave. A process that dies before
``sending`` leaves a claim that runs out and is tried again; one that dies after it leaves a row that ends ``unknown``
and is sent again by a person only.
"""

import logging
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parseaddr
from typing import Any, cast

from django.conf import settings
from django.db import transaction
from django.db.models import Min, Q
from django.db.models.functions import Now
from django.utils import translation
from django.utils.crypto import salted_hmac

from portal.outbox import pace, rules
from portal.outbox.line import Line
from portal.outbox.mail import Mail, is_shown
from portal.outbox.models import Enclosure, Letter, Message, PlatformMessage, State, Suppression
from portal.outbox.refusals import DIED, UNWRITABLE, NotTaken
from portal.outbox.text import normalised, one_line
from portal.tenants.brand import sender_of
from portal.tenants.models.tenants import Tenant
from portal.work.clock import AHEAD
from portal.work.leases import Lease

logger = logging.getLogger("ringbook.outbox")

LEASE = Lease(
    timedelta(minutes=6), until="claimed_until"
)  # longer than a task may run: a live sender is never taken for dead
DELAYS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 120, 240, 480))
OWN_HEADERS = frozenset({"from", "to", "cc", "bcc", "subject", "date", "message-id", "mime-version", "content-type"})
POSTMARK = ".postmarkapp.com"
KEYED = "<k."  # begins each Message-ID that nobody can compute; those of older rows can be computed
_TOKEN = re.compile(r"^[A-Za-z0-9-]{1,60}$")


ENDED = (State.SENT, State.UNKNOWN, State.FAILED, State.SUPPRESSED)
BLANK = {"text": "", "html": ""}
KEPT = timedelta(days=90)  # what was mailed to people, strangers' addresses among them


@dataclass(frozen=True, slots=True)
class Attachment:
    """A PNG that the HTML names as ``cid:<name>`` stands there; anything else goes beside the mail."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Conduct:
    """How a message is treated on its way: :class:`portal.outbox.models.Letter` tells what each means."""

    rule: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)
    holds_secret: bool = False
    urgent: bool = False


def put(  # noqa: PLR0913  # a message has this many parts, all by name
    *,
    tenant_id: int | None,
    to: str,
    subject: str,
    text: str,
    html: str,
    headers: Mapping[str, str],
    reference: str,
    attachments: Sequence[Attachment] = (),
    conduct: Conduct = Conduct(),
) -> Letter:
    """Write a message down for sending, in the active language. The wall of its tenant must be open; without a tenant
    it is the platform's own, which has no attachments.

    A second put with the same reference changes nothing and returns the first message.
    """
    for name in headers:
        if not _TOKEN.match(name) or name.lower() in OWN_HEADERS:
            raise ValueError(f"{one_line(name)!r} cannot be a header of a message.")
    rules.demand_known(conduct.rule)
    rows: Any = PlatformMessage.objects.all() if tenant_id is None else Message.objects.filter(tenant_id=tenant_id)
    whose = {} if tenant_id is None else {"tenant_id": tenant_id}
    wanted = rows.model(
        **whose,
        reference=reference,
        to=normalised(to),
        subject=one_line(subject),
        text=text,
        html=html,
        headers={name: one_line(value, limit=900) for name, value in headers.items()},
        language=translation.get_language() or "",
        message_id=_message_id(tenant_id or 0, reference),
        rule=conduct.rule,
        about=dict(conduct.about),
        holds_secret=conduct.holds_secret,
        urgent=conduct.urgent,
    )
    # A transaction around this one is not asked for savepoints: nothing fails here that anybody would go on after.
    with transaction.atomic(savepoint=False):
        rows.bulk_create([wanted], ignore_conflicts=True)
        there = rows.filter(reference=reference)
        if tenant_id is not None:  # what was just written is not read again: mails are long
            wanted.pk, public_id = there.values_list("pk", "public_id").get()
            if public_id == wanted.public_id:
                _enclose(wanted, attachments)
                return cast(Letter, wanted)
        return cast(Letter, there.get())


def _enclose(message: Message, attachments: Sequence[Attachment]) -> None:
    if attachments:
        ours = {"tenant_id": message.tenant_id, "message": message}
        Enclosure.objects.bulk_create(
            Enclosure(**ours, name=each.name, content_type=each.content_type, content=each.content)
            for each in attachments
        )


def deliver(message_id: int, kind: type[Letter] = Message, line: Line | None = None) -> str:
    """Send one message if it is due, still may leave and nobody else is at it; the state it is in afterwards, '' if
    there is none. ``line`` is the connection that it shares with others; by itself it has one of its own.

    Never inside a transaction: each step has to be on disk before the next one begins.
    """
    if line is None:
        with Line() as own:
            return deliver(message_id, kind, own)
    message = _claim(message_id, kind)
    if message is None:
        return _state(message_id, kind)
    line.brought.add(message_id)
    if reason := rules.objection(message):
        return _settle(message, State.SUPPRESSED, reason)
    if _is_struck_off(message):
        return _settle(message, State.SUPPRESSED, "")
    try:
        mail = _mail(message)
        mail.message()  # a header that cannot be written fails here, while nothing has left
        mail.connection = line.ready()
    except NotTaken as refusal:
        return _refused(message, refusal)
    except (ValueError, UnicodeError) as error:
        logger.warning("message %s cannot be written: %s", message.pk, type(error).__name__)
        return _settle(message, State.FAILED, UNWRITABLE)
    return _hand_over(message, mail)


def is_there(message_id: int) -> bool:
    """Whether the open wall has such a message."""
    return Message.objects.filter(pk=message_id).exists()


def withdraw(message_id: int) -> bool:
    """Hold a waiting message back for good; False when it is already on its way or has ended."""
    waiting = Message.objects.filter(pk=message_id, state=State.PENDING)
    withdrawn = bool(waiting.update(state=State.SUPPRESSED, claimed_until=None))
    forget_secrets(Message)
    return withdrawn


def forget_secrets(kind: type[Letter]) -> None:
    """Blank the text of what holds a secret and has ended, in whichever way."""
    kind._default_manager.filter(holds_secret=True, state__in=ENDED).exclude(text="").update(**BLANK)


def prune_platform() -> int:
    """Forget the platform's own that ended and are old; how many."""
    old = PlatformMessage.objects.filter(state__in=ENDED, created_at__lt=Now() - KEPT)
    return old.delete()[1].get("outbox.PlatformMessage", 0)


def send_again(message_id: int, kind: type[Letter] = Message) -> bool:
    """An operator's decision: one more try for a message that failed, or of which nobody knows. The same bytes, the
    same Message-ID. What held a secret has no text any more, and whoever waits for it asks anew; nor has what is old.
    """
    again = {"state__in": (State.UNKNOWN, State.FAILED), "holds_secret": False}
    ended = kind._default_manager.filter(pk=message_id, **again).exclude(text="")
    return bool(ended.update(state=State.PENDING, next_attempt_at=None, claimed_until=None))


def settle_lost(kind: type[Letter] = Message) -> int:
    """Messages whose sender died in the act become ``unknown``; their number."""
    lost = kind._default_manager.filter(LEASE.free(), state=State.SENDING)
    settled = lost.update(state=State.UNKNOWN, claimed_until=None, last_reply=DIED)
    forget_secrets(kind)
    return settled


def overdue() -> list[tuple[int, int]]:
    """(tenant, message) of each tenant's first message that waits, is due and is claimed by nobody: of those with an
    urgent one that, before the others. Whoever sends it goes on with the rest."""
    firsts: dict[int, int] = {}
    for rows in (Message.objects.filter(_ready(), urgent=True), Message.objects.filter(_ready())):
        for tenant_id, first in rows.order_by().values_list("tenant_id").annotate(first=Min("id")).order_by("first"):
            firsts.setdefault(tenant_id, first)
    return list(firsts.items())


def due_here(*, limit: int, but: Collection[str] = (), besides: Collection[int] = ()) -> list[tuple[int, str, bool]]:
    """(message, address, urgent) of what waits and is due behind the open wall, the urgent first, then the oldest; none
    of ``besides``, and of what is not urgent, nothing that goes to one of the domains ``but``."""
    rows = Message.objects.filter(_ready()).exclude(pk__in=besides)
    for domain in but:
        rows = rows.exclude(urgent=False, to__endswith=f"@{domain}")
    return list(rows.order_by("-urgent", "id").values_list("id", "to", "urgent")[:limit])


def overdue_of_platform(*, limit: int = 500) -> list[int]:
    """What waits of the platform's own and is due, the urgent first, then the oldest."""
    waiting = PlatformMessage.objects.filter(_ready()).order_by("-urgent", "id")
    return list(waiting.values_list("id", flat=True)[:limit])


def _is_struck_off(message: Letter) -> bool:
    """For a tenant's mails. The platform's are asked for by somebody each time, so each is tried."""
    if not isinstance(message, Message):
        return False
    return Suppression.objects.filter(tenant_id=message.tenant_id, address=message.to).exists()


def _state(message_id: int, kind: type[Letter]) -> str:
    return kind._default_manager.filter(pk=message_id).values_list("state", flat=True).first() or ""


def _ready() -> Q:
    """A try that is set for later than any delay reaches was set by a clock that was ahead, and is due."""
    ahead = Q(next_attempt_at__gt=Now() + DELAYS[-1] + AHEAD)
    due = Q(next_attempt_at=None) | Q(next_attempt_at__lte=Now()) | ahead
    return Q(state=State.PENDING) & due & LEASE.free()


def _claim(message_id: int, kind: type[Letter]) -> Any:
    with transaction.atomic(durable=True):
        if not LEASE.claim(kind._default_manager.filter(_ready(), pk=message_id)):
            return None
        message: Any = kind._default_manager.get(pk=message_id)
        whose = {"tenant_id": message.tenant_id} if isinstance(message, Message) else {}
        message.tries.create(number=message.attempts, **whose)
    return message


def _hand_over(message: Letter, mail: Mail) -> str:
    mine = LEASE.held(type(message)._default_manager.all(), message)
    with transaction.atomic(durable=True):
        begun = mine.filter(state=State.PENDING, claimed_until__gt=Now()).update(state=State.SENDING)
    if not begun:  # withdrawn, or this process slept until its claim ran out
        return _state(message.pk, type(message))
    try:
        mail.send()
    except NotTaken as refusal:
        return _refused(message, refusal)
    except Exception as error:  # noqa: BLE001  # whatever it was, the message may have arrived
        logger.warning("message %s: no answer (%s)", message.pk, type(error).__name__)
        return _settle(message, State.UNKNOWN, type(error).__name__)
    state = _settle(message, State.SENT, getattr(mail.connection, "reply", ""))
    pace.taken(pace.domain_of(message.to))
    return state


def _refused(message: Letter, refusal: NotTaken) -> str:
    if refusal.address_dead and isinstance(message, Message):
        Suppression.objects.get_or_create(
            tenant_id=message.tenant_id, address=message.to, defaults={"reason": one_line(refusal.reply)}
        )
    final = refusal.permanent or message.attempts > len(DELAYS)
    state = _settle(message, State.FAILED if final else State.PENDING, refusal.reply)
    if refusal.nobody_there:
        pace.nobody_there()
    if refusal.put_off:
        pace.put_off(pace.domain_of(message.to))
    return state


def _settle(message: Any, state: State, reply: str) -> str:
    """Write the end of this attempt; a newer attempt's word stands."""
    reply = one_line(reply, limit=300)
    changes: dict[str, object] = {"state": state, "last_reply": reply}
    if state == State.PENDING:
        changes["next_attempt_at"] = Now() + DELAYS[message.attempts - 1]
    if state == State.SENT:
        changes["sent_at"] = Now()
    if message.holds_secret and state in ENDED:
        changes |= BLANK
    with transaction.atomic(durable=True):
        unsettled = type(message)._default_manager.exclude(state__in=(State.SENT, State.SUPPRESSED))
        LEASE.settle(LEASE.held(unsettled, message), **changes)
        message.tries.filter(number=message.attempts).update(outcome=state, reply=reply, ended_at=Now())
    return state


def _mail(message: Letter) -> Mail:
    mail = Mail(
        message.subject,
        message.text,
        _sender(message),
        [message.to],
        headers={**message.headers, **_told_to_provider(message), "Message-ID": message.message_id},
    )
    if message.html:
        mail.attach_alternative(message.html, "text/html")
    for enclosure in message.enclosures.order_by("id") if isinstance(message, Message) else ():
        if is_shown(enclosure.name, enclosure.content_type, message.html):
            mail.show(enclosure.name, bytes(enclosure.content))
        else:
            mail.attach(enclosure.name, bytes(enclosure.content), enclosure.content_type)
    return mail


def _told_to_provider(message: Letter) -> dict[str, str]:
    """Postmark may replace the Message-ID; this it keeps to itself and repeats in its webhooks. It takes 80 letters."""
    told = message.message_id.strip("<>")
    ours = settings.EMAIL_HOST.lower().endswith(POSTMARK) and len(told) <= 80
    return {"X-PM-Metadata-message-id": told} if ours else {}


def _sender(message: Letter) -> str:
    """The tenant's, if the message is about one."""
    key = message.tenant_id if isinstance(message, Message) else message.about.get("tenant")
    tenant = Tenant.objects.filter(pk=key).first() if key else None
    return settings.DEFAULT_FROM_EMAIL if tenant is None else sender_of(tenant)


def _message_id(tenant_id: int, reference: str) -> str:
    """Always the same for a reference, so that a mail sent twice by hand is one mail to the reader's program. Only
    those who get the mail know it: with it a bounce can be forged."""
    host = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    name = salted_hmac("portal.outbox.message_id", f"{tenant_id}:{reference}", algorithm="sha256").hexdigest()[:40]
    return f"{KEYED}{name}@{host}>"

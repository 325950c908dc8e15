"""Reads what servers and providers say of messages: delivery status notifications (RFC 3464), feedback reports
(RFC 5965), and the webhooks of some providers. Pure: bytes in, words out.
"""

import re
from collections.abc import Callable, Iterator
from email import message_from_bytes, message_from_string
from email.message import Message as Mail
from email.utils import getaddresses
from typing import Any

import msgspec

from portal.outbox import sns
from portal.outbox.feedback import Word
from portal.outbox.models import FeedbackKind

LONGEST = 512 * 1024  # bytes; what comes back holds at most the head of what went, or the whole of it
MOST_WORDS = 1000
_CODE = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_MESSAGE_ID = re.compile(r"<?([^\s<>@]{1,120}@[^\s<>@]{1,120})>?")
_OURS = (("5", "7"), ("5", "2"))  # refused for who sends or what it says; or a full mailbox: not a dead address
_COMPLAINTS = {"abuse", "fraud"}
_NO_COMPLAINTS = {"not-spam", "auth-failure"}
METADATA = "message-id"
_POSTMARKS = {
    "HardBounce": FeedbackKind.HARD,
    "BadEmailAddress": FeedbackKind.HARD,
    "SpamComplaint": FeedbackKind.COMPLAINT,
    **dict.fromkeys(("Transient", "SoftBounce", "DnsError", "Blocked", "SpamNotification"), FeedbackKind.SOFT),
}  # of its kinds of bounces those that tell of the address: not an answer of somebody's holiday


class Unreadable(ValueError):
    """The body is not what its address takes."""


def words_of(form: str, body: bytes) -> list[Word]:
    """What a body says, in one of :data:`FORMS`. Raises :class:`Unreadable`, and KeyError for a form there is not."""
    reader = FORMS[form]
    if len(body) > LONGEST:
        raise Unreadable
    try:
        return [word for word, _place in zip(reader(body), range(MOST_WORDS), strict=False)]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise Unreadable from error


def _mail(body: bytes) -> Iterator[Word]:
    """A notification or a report, as it was delivered."""
    mail = message_from_bytes(body)
    if mail.get_content_type() != "multipart/report":
        raise Unreadable
    parts = list(mail.walk())
    original = next(filter(lambda quoted: _id(quoted.get("Message-ID")), map(_original, parts[1:])), None)
    if original is None:
        return
    message_id = _id(original.get("Message-ID"))
    for part in parts:
        if part.get_content_type() == "message/delivery-status":
            blocks: Any = part.get_payload() if part.is_multipart() else ()
            for block in blocks:
                if kind := _of_status(str(block.get("Action", "")), str(block.get("Status", ""))):
                    code = _code(str(block.get("Status", "")))
                    yield Word(message_id, kind, code, _recipients(block, "Final-Recipient", "Original-Recipient"))
        elif part.get_content_type() == "message/feedback-report":
            told: Any = part.get_payload(0) if part.is_multipart() else message_from_string(str(part.get_payload()))
            if str(told.get("Feedback-Type", "")).strip().lower() in _COMPLAINTS:
                named = _recipients(told, "Original-Rcpt-To") or _recipients(original, "To")
                yield Word(message_id, FeedbackKind.COMPLAINT, recipients=named)


def _original(part: Mail) -> Any:
    """The head of the message that a part quotes; one without fields where it quotes none."""
    kind = part.get_content_type()
    if kind in ("message/rfc822", "message/global") and part.is_multipart():
        return part.get_payload(0)
    content = part.get_payload(decode=True) if kind in ("text/rfc822-headers", "message/global-headers") else b""
    return message_from_bytes(content if isinstance(content, bytes) else b"")


def _recipients(head: Any, *names: str) -> frozenset[str]:
    """The addresses that fields of a report name, with or without a type in front: ``rfc822; ana@acme.example``."""
    values = (str(value).rpartition(";")[2] for name in names for value in head.get_all(name, ()))
    return frozenset(address for _name, address in getaddresses(list(values)) if address)


def _named(*addresses: Any) -> frozenset[str]:
    return frozenset(str(address) for address in addresses if address)


def _of_status(action: str, status: str) -> FeedbackKind | None:
    action = action.strip().lower()
    if action not in ("failed", "delayed"):
        return None
    found = _CODE.search(status)
    dead = action == "failed" and found is not None and found[1] == "5" and (found[1], found[2]) not in _OURS
    return FeedbackKind.HARD if dead else FeedbackKind.SOFT


def _events(body: bytes) -> Iterator[Word]:
    """Our own form, for any other program: ``{"events": [{"message_id", "kind", "code", "recipient"}]}``."""
    for event in _json(body)["events"]:
        if event["kind"] in FeedbackKind.values and (message_id := _id(event["message_id"])):
            kind, named = FeedbackKind(event["kind"]), _named(event.get("recipient"))
            yield Word(message_id, kind, _code(event.get("code")), named)


def _sendgrid(body: bytes) -> Iterator[Word]:
    """The event webhook of Twilio SendGrid: a list of events, each with ``smtp-id``."""
    for event in _json(body):
        name, message_id = event.get("event"), _id(event.get("smtp-id"))
        if not message_id:
            continue
        named = _named(event.get("email"))
        if name == "spamreport":
            yield Word(message_id, FeedbackKind.COMPLAINT, recipients=named)
        elif name == "bounce":  # "blocked" is refused for who sends, or for the time being
            hard = event.get("type", "bounce") == "bounce" and _of_status("failed", _status(event)) == FeedbackKind.HARD
            yield Word(message_id, FeedbackKind.HARD if hard else FeedbackKind.SOFT, _code(_status(event)), named)


def _status(event: Any) -> str:
    return str(event.get("status", ""))


def _mailgun(body: bytes) -> Iterator[Word]:
    """A webhook of Mailgun: one event, under ``event-data``."""
    event = _json(body)["event-data"]
    message_id, name = _id(event["message"]["headers"]["message-id"]), event.get("event")
    if not message_id:
        return
    named = _named(event.get("recipient"))
    if name == "complained":
        yield Word(message_id, FeedbackKind.COMPLAINT, recipients=named)
    elif name == "failed":
        code = _code((event.get("delivery-status") or {}).get("enhanced-code"))
        final = event.get("severity") == "permanent" and tuple(code.split(".")[:2]) not in _OURS
        yield Word(message_id, FeedbackKind.HARD if final else FeedbackKind.SOFT, code, named)


def _postmark(body: bytes) -> Iterator[Word]:
    """A webhook of Postmark, found by what was given along (``post.POSTMARK``): one event."""
    event = _json(body)
    given = {str(name).lower(): value for name, value in (event.get("Metadata") or {}).items()}
    message_id = _id(given.get(METADATA))
    if not message_id:
        return
    named = _named(event.get("Email"))
    if event.get("RecordType") == "SpamComplaint":
        yield Word(message_id, FeedbackKind.COMPLAINT, recipients=named)
    elif event.get("RecordType") == "Bounce" and event.get("Type") in _POSTMARKS:
        yield Word(message_id, _POSTMARKS[event["Type"]], recipients=named)


def _ses(body: bytes) -> Iterator[Word]:
    """What Amazon SES tells by SNS, as a notification or an event, with the headers of the mail along."""
    event = sns.message_of(body)
    if not isinstance(event, dict) or not (message_id := _id(_ses_id(event.get("mail") or {}))):
        return
    name = event.get("eventType") or event.get("notificationType")
    if name == "Complaint":
        if event["complaint"].get("complaintFeedbackType") not in _NO_COMPLAINTS:
            readers = event["complaint"].get("complainedRecipients") or ()
            named = _named(*(reader.get("emailAddress") for reader in readers))
            yield Word(message_id, FeedbackKind.COMPLAINT, recipients=named)
    elif name == "Bounce":
        bounce = event["bounce"]
        readers = bounce.get("bouncedRecipients") or ()
        code = next(filter(None, (_code(reader.get("status")) for reader in readers)), "")
        named = _named(*(reader.get("emailAddress") for reader in readers))
        final = bounce.get("bounceType") == "Permanent" and tuple(code.split(".")[:2]) not in _OURS
        yield Word(message_id, FeedbackKind.HARD if final else FeedbackKind.SOFT, code, named)


def _ses_id(mail: Any) -> Any:
    """Our own Message-ID: SES puts one of its own in its place."""
    told = (mail.get("commonHeaders") or {}).get("messageId")
    headers = (each["value"] for each in mail.get("headers") or () if str(each["name"]).lower() == "message-id")
    return told or next(headers, None)


def _json(body: bytes) -> Any:
    return msgspec.json.decode(body)


def _id(told: Any) -> str:
    """A Message-ID as our rows have it, or ""."""
    found = _MESSAGE_ID.fullmatch(told.strip()) if isinstance(told, str) else None
    return f"<{found[1]}>" if found else ""


def _code(told: Any) -> str:
    found = _CODE.search(told) if isinstance(told, str) else None
    return found[0] if found else ""


FORMS: dict[str, Callable[[bytes], Iterator[Word]]] = {
    "message": _mail,
    "events": _events,
    "sendgrid": _sendgrid,
    "mailgun": _mailgun,
    "postmark": _postmark,
    "ses": _ses,
}
FORGEABLE = {"message"}  # handed on from an address that anybody can write to

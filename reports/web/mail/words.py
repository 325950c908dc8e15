"""Mails, readers and deliveries as the lines of a page tell them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from portal.formats import figures
from portal.tenants.models.people import Membership
from reports.mail import log
from reports.mail.access import Shown
from reports.mail.due import Kind
from reports.mail.models import Delivery, Edition, Recipient, Subscription
from reports.mail.plans import readers_of
from reports.mail.rights import Author, stands
from reports.mail.words import title

MARKS = {
    log.Outcome.SENT: "good",
    log.Outcome.FAILED: "bad",
    log.Outcome.UNKNOWN: "warn",
    log.Outcome.SKIPPED: "off",
}


@dataclass(frozen=True, slots=True)
class MailLine:
    subscription: Subscription
    rhythm: str
    readers: str
    due: str


@dataclass(frozen=True, slots=True)
class ReaderLine:
    recipient: Recipient
    state: str
    mark: str


@dataclass(frozen=True, slots=True)
class DeliveryLine:
    delivery: Delivery
    period: str
    state: str
    mark: str
    at: str
    reply: str
    may_again: bool
    may_open: bool
    edition: str


def mail_line(visible: Shown, author: Author, now: datetime) -> MailLine:
    row = visible.subscription
    readers = [reader.email for reader in readers_of(row)] if visible.may_change else [author.email]
    shown = ", ".join(readers[:3])
    if len(readers) > 3:
        shown = _("%(names)s and %(count)s more") % {"names": shown, "count": len(readers) - 3}
    return MailLine(row, rhythm(row), shown, due(row, now))


def rhythm(row: Subscription) -> str:
    """``weekly, Monday, 08:00, São Paulo``."""
    parts = [row.get_kind_display()]
    if row.kind == Kind.WEEKLY:
        parts.append(str(row.get_weekday_display()))
    return ", ".join([*parts, f"{row.hour:02}:{row.minute:02}", figures.zone_name(row.zone)])


def due(row: Subscription, now: datetime) -> str:
    """When it goes out next, in its own zone; empty while it is paused."""
    return figures.moment(row.next_due, row.zone, now=now) if row.active and row.next_due else ""


def reader_lines(row: Subscription) -> list[ReaderLine]:
    readers = readers_of(row)
    users = [reader.user_id for reader in readers if reader.as_member]
    members = set(Membership.objects.filter(user__in=users, user__is_active=True).values_list("user_id", flat=True))
    return [_reader(reader, members) for reader in readers]


def _reader(reader: Recipient, members: set[int]) -> ReaderLine:
    if reader.left_at is not None:
        return ReaderLine(reader, _("has left this mail"), "off")
    if reader.as_member:
        here = reader.user_id in members
        return ReaderLine(
            reader, _("member") if here else _("no longer a member, gets nothing"), "good" if here else "bad"
        )
    if reader.confirmed_at is None:
        return ReaderLine(reader, _("asked by mail, has not agreed yet"), "wait")
    if not stands(reader):
        return ReaderLine(reader, _("gets nothing: nobody who may add addresses stands for this one"), "bad")
    return ReaderLine(reader, _("has agreed"), "good")


def delivery_lines(
    rows: Iterable[Delivery], author: Author, open_to: frozenset[int], now: datetime
) -> list[DeliveryLine]:
    """``open_to``: the mails that may be looked at."""
    return [_delivery(row, author, open_to, now) for row in rows]


def _delivery(row: Delivery, author: Author, open_to: frozenset[int], now: datetime) -> DeliveryLine:
    outcome = log.outcome(row)
    sent = row.message.sent_at if row.message is not None else None
    return DeliveryLine(
        delivery=row,
        period=title(row.kind, row.period),
        state=str(outcome.label),
        mark=MARKS.get(outcome, "wait"),
        at=figures.moment(sent or row.due_at, row.zone, now=now),
        reply=_waits(row, now) if outcome == log.Outcome.HELD else log.reply(row),
        may_again=outcome in log.AGAIN and author.manages,
        may_open=row.subscription_id in open_to,
        edition="" if row.edition == Edition.SCHEDULED else str(row.get_edition_display()),
    )


def _waits(row: Delivery, now: datetime) -> str:
    return _("until %(moment)s at the latest") % {"moment": figures.moment(row.held_until, row.zone, now=now)}

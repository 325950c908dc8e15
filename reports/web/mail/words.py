"""Mails, readers and deliveries as the lines of a page tell them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from portal.formats import figures
from portal.tenants.models.people import Membership
from reports.definitions.periods import local_date
from reports.mail import log
from reports.mail.access import Shown
from reports.mail.due import Kind
from reports.mail.models import Delivery, Edition, Subscription
from reports.mail.plans import readers_of
from reports.mail.readers import AddedBy, Reader
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
    recipient: Reader
    state: str
    mark: str
    added: str


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
    passed: str


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


def reader_lines(readers: Sequence[Reader], zone: str) -> list[ReaderLine]:
    """Those of a list: whether each gets anything, and who put him there when."""
    users = [reader.user_id for reader in readers if reader.as_member]
    members = set(Membership.objects.filter(user__in=users, user__is_active=True).values_list("user_id", flat=True))
    return [ReaderLine(reader, *_state(reader, members), added(reader, zone)) for reader in readers]


def added(reader: Reader, zone: str) -> str:
    """``added by Ana on 13 Jul 2026``."""
    day = figures.day(local_date(reader.created_at, zone))
    return _("added by %(who)s on %(day)s") % {"who": _who(reader), "day": day}


def _who(reader: Reader) -> str:
    if reader.added_as == AddedBy.MEMBER:
        return reader.added_by.name or reader.added_by.email if reader.added_by else _("somebody who is gone")
    if reader.added_as == AddedBy.KEY:
        return (
            _("API key %(name)s") % {"name": reader.added_key.name} if reader.added_key else _("somebody who is gone")
        )
    return _("an administrator")


def _state(reader: Reader, members: set[int]) -> tuple[str, str]:
    if reader.left_at is not None:
        return pgettext("of a recipient", "has left"), "off"
    if reader.as_member:
        if reader.user_id in members:
            return _("member"), "good"
        return _("no longer a member, gets nothing"), "bad"
    if reader.confirmed_at is None:
        return _("asked by mail, has not agreed yet"), "wait"
    if not stands(reader):
        return _("gets nothing: nobody who may add addresses stands for this one"), "bad"
    return _("has agreed"), "good"


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
        passed=log.passed(row),
    )


def _waits(row: Delivery, now: datetime) -> str:
    return _("until %(moment)s at the latest") % {"moment": figures.moment(row.held_until, row.zone, now=now)}

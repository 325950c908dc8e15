"""The last period as it would be mailed, to look at or to have sent to oneself; no delivery is counted for it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta

from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from portal.lib.ids import uuid7
from portal.outbox.models import Letter, Message
from portal.outbox.text import one_line
from portal.tenants.models.people import User
from reports.definitions.periods import Period
from reports.mail.cupboard import Cupboard
from reports.mail.due import Kind, holding, period_of
from reports.mail.making import Made, make, manage_url
from reports.mail.models import Delivery, Recipient, Subscription
from reports.mail.plans import plan_of
from reports.mail.rights import Author, NotAllowed, shown_to
from reports.mail.subscriptions import about
from reports.queries.scope import Scope

FIRST_DAY = date(2000, 1, 1)  # no calls of voice agents are older
MOST_TESTS, TESTS_WITHIN = 10, timedelta(hours=1)
_REFERENCE = "test:"


class NoPeriod(Exception):
    """No period that a mail could tell of; the text says why."""


class TooMany(Exception):
    """Somebody had as many tests as he may for now; the text says so."""


def preview(
    subscription: Subscription,
    reader: Recipient,
    at: datetime,
    period: Period | None = None,
    *,
    eyes: Scope | None = None,
    files: bool = False,
) -> Made:
    """The mail of a period, by default of the last whole one before ``at``, for a reader, as if it were due then and he
    had agreed.

    Only the link to leave it is another, so that who looks at it cannot leave for somebody else. A reader who may see
    nothing has no preview, nor has one who may see more than whoever looks with these ``eyes``: raises
    :class:`NotAllowed`. The wall must be open.
    """
    delivery, cupboard = _delivery(subscription, reader, at, period), Cupboard(at, files=files)
    scope = shown_to(reader, subscription)
    cupboard.demand_something(delivery, scope)
    if eyes is not None and not _sees(eyes, scope):
        raise NotAllowed("more than you see")
    return make(delivery, scope, at, cupboard=cupboard, leave_url=manage_url(delivery))


def _sees(eyes: Scope, scope: Scope) -> bool:
    both = scope.within(eyes)
    return (both.environment_ids, both.agent_ids) == (scope.environment_ids, scope.agent_ids)


def as_reader(subscription: Subscription, member: User) -> Recipient:
    """The reader that a member is or would be; nothing is saved."""
    own = [row for row in subscription.recipients.all() if row.user_id == member.pk and row.as_member]
    return Recipient(
        tenant=subscription.tenant,
        subscription=subscription,
        email=member.email,
        language=own[0].language if own else plan_of(subscription).language,
        as_member=True,
        user=member,
    )


def send_test(subscription: Subscription, member: User, author: Author, hint: Callable[[int, int], object]) -> Letter:
    """Put the preview of this moment into the outbox for one member, marked as a test; raises :class:`NotAllowed`,
    :class:`TooMany`."""
    now = timezone.now()
    recent = Message.objects.filter(reference__startswith=_REFERENCE, to=member.email.lower())
    if recent.filter(created_at__gt=now - TESTS_WITHIN).count() >= MOST_TESTS:
        raise TooMany(_("%(most)s tests went out within the hour. Wait a little.") % {"most": MOST_TESTS})
    reader = as_reader(subscription, member)
    made = preview(subscription, reader, now, files=True)
    with translation.override(reader.language):
        subject = _("Test: %(subject)s") % {"subject": made.rendered.subject}
    headers = {name: value for name, value in made.headers.items() if not name.startswith("List-Unsubscribe")}
    made = replace(made, rendered=replace(made.rendered, subject=subject), headers=headers)
    with transaction.atomic():
        reference = f"{_REFERENCE}{subscription.public_id}:{uuid7()}"
        message = made.put(_delivery(subscription, reader, now), reference=reference)
        author.note("subscription.tested", about(subscription))
        transaction.on_commit(lambda: hint(author.tenant.pk, message.pk))
    return message


def period_named(subscription: Subscription, day: str, at: datetime) -> Period:
    """The period of its rhythm in which a day lies, written 2026-07-13, or without one the last whole one; raises
    :class:`NoPeriod` for one that is not over."""
    last = period_of(subscription.rhythm, at)
    if not day:
        return last
    try:
        period = holding(Kind(subscription.kind), date.fromisoformat(day), subscription.zone)
    except (ValueError, OverflowError) as error:
        raise NoPeriod(_("“%(day)s” is not a day such as 2026-07-13.") % {"day": one_line(day, limit=40)}) from error
    if period.start < FIRST_DAY or period.end > last.end:
        raise NoPeriod(_("Only a period that is over can be told of."))
    return period


def _delivery(subscription: Subscription, reader: Recipient, at: datetime, period: Period | None = None) -> Delivery:
    """A delivery that is never saved: what the maker of mails works from."""
    period = period or period_of(subscription.rhythm, at)
    return Delivery(
        tenant=subscription.tenant,
        subscription=subscription,
        recipient=reader,
        period_start=period.start,
        period_end=period.end,
        zone=period.zone,
        due_at=at,
        held_until=at,
    )

"""Setting up scheduled mails and their readers, as audited acts. The wall must be open, unless said otherwise."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Manager
from django.utils import timezone, translation

from portal.audit.record import CHANGED, Changes
from portal.outbox.text import normalised
from portal.tenants import wall
from portal.tenants.models.grants import Grant
from portal.tenants.models.people import Membership
from portal.tenants.models.tenants import Tenant
from portal.tenants.rights import Rights
from reports.mail import lists
from reports.mail.consent import hold_back
from reports.mail.content import views_of
from reports.mail.due import Kind, next_due
from reports.mail.models import Recipient, Subscription
from reports.mail.plans import NAMES, Plan, plan_of
from reports.mail.rights import Author, at_the_console
from reports.mail.sections import SECTIONS
from reports.saved.models import Board, SavedView

UNTOLD = frozenset({"name", "filters", "subject", "note", "reply_to_id"})  # what a person wrote, or who he is
RHYTHM = frozenset({"kind", "weekday", "hour", "zone", "active"})


def create_weekly(
    tenant: Tenant, email: str, language: str, *, name: str = "", since: datetime | None = None
) -> Subscription:
    """A weekly mail on Mondays at 8 in the tenant's zone for one reader; opens the wall itself.

    It is due for the first time after ``since``, now by default: a time a week back makes last week's mail due. Called
    again for the same reader and name, it returns what is there.
    """
    with wall.tenant(tenant), translation.override(language), transaction.atomic():
        name = name or str(NAMES[Kind.WEEKLY])
        existing = Subscription.objects.filter(name=name, recipients__email=normalised(email)).first()
        if existing is not None:
            return existing
        subscription = Subscription(
            tenant=tenant, grant=Rights().make_grant(tenant), name=name, kind=Kind.WEEKLY.value, zone=tenant.zone
        )
        subscription.language = language
        subscription.next_due = next_due(subscription.rhythm, since or timezone.now())
        subscription.save()
        add_recipient(subscription, email, language=language)
        return subscription


def create(plan: Plan, author: Author) -> Subscription:
    """A new mail. What it may show is fixed now: as much as its author sees, without numbers."""
    with transaction.atomic():
        subscription = Subscription(
            tenant=author.tenant,
            grant=author.rights.make_grant(author.tenant),
            creator=author.user if author.key is None else None,
            key=author.key,
            **_columns(plan, ""),
        )
        subscription.next_due = next_due(subscription.rhythm, timezone.now()) if subscription.active else None
        subscription.save()
        _set_readers(subscription, plan, author)
        author.note("subscription.added", about(subscription, readers=len(plan.to)), _moved({}, _columns(plan, "")))
    return subscription


def change(subscription: Subscription, plan: Plan, author: Author) -> None:
    """Make a mail what the plan says. A new rhythm, and going on after a pause, count from now; what is due in the
    old rhythm and not made yet stays due, but for a pause.
    """
    columns = _columns(plan, subscription.filters)
    was = {name: getattr(subscription, name) for name in columns}
    changed = {name: value for name, value in columns.items() if was[name] != value}
    with transaction.atomic():
        for name, value in changed.items():
            setattr(subscription, name, value)
        if changed.keys() & RHYTHM:
            after = next_due(subscription.rhythm, timezone.now()) if subscription.active else None
            subscription.next_due = changed["next_due"] = after
        # Only what changed is written: a sender may be moving the due time along at this moment.
        if changed:
            Subscription.objects.filter(pk=subscription.pk, removed_at=None).update(**changed)
        if changed.get("active"):
            Subscription.objects.filter(pk=subscription.pk).update(rests="", rested_at=None)
        if changed.get("active") is False:
            hold_back(subscription.deliveries.all(), "paused")
        readers = _set_readers(subscription, plan, author)
        if changed or readers:
            author.note(_act(changed), about(subscription, readers=len(plan.to)), _moved(was, columns))


def set_paused(subscription: Subscription, author: Author, *, on: bool) -> None:
    """Pause a mail, or go on with it: then it is due next as counted from now. Raises NotOpen where it can't go on, as
    what it shows is not there for it."""
    if not on:
        views_of(subscription)
    change(subscription, replace(plan_of(subscription), paused=on), author)


def remove(subscription: Subscription, author: Author) -> None:
    """Send nothing more, not even what waits. What was sent stays known."""
    with transaction.atomic():
        rows = Subscription.objects.filter(pk=subscription.pk, removed_at=None)
        if rows.update(removed_at=timezone.now(), active=False, next_due=None):
            author.note("subscription.removed", about(subscription))
        hold_back(subscription.deliveries.all(), "removed")


def add_recipient(
    subscription: Subscription,
    email: str,
    *,
    language: str,
    grant: Grant | None = None,
    name: str = "",
    author: Author | None = None,
) -> Recipient:
    """Add a reader, as :func:`reports.mail.lists.add` does: by an administrator unless somebody is named."""
    author = author or at_the_console(subscription.tenant)
    place = lists.Place(Recipient, subscription)
    recipient: Any = lists.add(place, email, author, language=language, grant=grant, name=name)
    return recipient  # type: ignore[no-any-return]


def _set_readers(subscription: Subscription, plan: Plan, author: Author) -> bool:
    """Make the readers those of the plan; whether that changed anything."""
    place = lists.Place(Recipient, subscription)
    gone, changed = lists.keep(
        place, plan.to, author, language_of=lambda email: plan.languages.get(email, plan.language)
    )
    hold_back(subscription.deliveries.filter(recipient__in=gone), "removed")
    return _set_languages(subscription, plan) or changed


def _set_languages(subscription: Subscription, plan: Plan) -> bool:
    """Give each reader the language of the plan; whether that changed anything."""
    rows, changed = Recipient.objects.filter(subscription=subscription, removed_at=None), 0
    for language in {plan.language, *plan.languages.values()}:
        readers = [email for email in plan.to if plan.languages.get(email, plan.language) == language]
        changed += rows.filter(email__in=readers).exclude(language=language).update(language=language)
    return bool(changed)


def about(subscription: Subscription, **counts: int) -> dict[str, str | int]:
    return {"subscription": str(subscription.public_id), **counts}


def _columns(plan: Plan, filters: str) -> dict[str, Any]:
    return {
        "name": plan.name,
        "kind": plan.kind.value,
        "weekday": plan.weekday - 1,
        "hour": plan.hour,
        "zone": plan.zone,
        "filters": plan.filters(filters),
        "hold_hours": plan.wait_hours,
        "holds": plan.then == "hold",
        "skips_empty": plan.empty == "skip",
        "shows": plan.shows,
        "view_id": _key(SavedView.objects, plan.report),
        "board_id": _key(Board.objects, plan.board),
        "compares": plan.compare == "previous",
        "chart": plan.chart,
        "sections": [] if plan.sections == SECTIONS else list(plan.sections),
        "attachments": list(plan.attachments),
        "subject": plan.subject,
        "note": plan.note,
        "missed": plan.missed,
        "language": plan.language,
        "reply_to_id": _member(plan.reply_to),
        "active": not plan.paused,
    }


def _moved(was: Mapping[str, Any], now: Mapping[str, Any]) -> Changes:
    """Before and after, as the audit keeps it: not what a person wrote, nor whom a question is about."""
    pairs = {name: (was.get(name), now[name]) for name in now if was.get(name) != now[name]}
    return {name: (None, CHANGED) if name in UNTOLD else pair for name, pair in pairs.items()}


def _member(email: str) -> int | None:
    """The user of a plan's member."""
    rows = Membership.objects.filter(user__email=email, user__is_active=True)
    return rows.values_list("user_id", flat=True).first() if email else None


def _key(kept: Manager[Any], public_id: UUID | None) -> int | None:
    if public_id is None:
        return None
    key: int | None = kept.filter(public_id=public_id).values_list("pk", flat=True).first()
    return key


def _act(changed: Mapping[str, Any]) -> str:
    if "active" in changed:
        return "subscription.resumed" if changed["active"] else "subscription.paused"
    return "subscription.changed"

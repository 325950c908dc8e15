"""Setting up scheduled mails and their readers, as audited acts. The wall must be open, unless said otherwise."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from portal.audit.record import CHANGED, Changes
from portal.outbox import post
from portal.outbox.models import Letter
from portal.outbox.render import Button, letter
from portal.outbox.text import normalised
from portal.tenants import wall
from portal.tenants.brand import look_of
from portal.tenants.models.grants import Grant
from portal.tenants.models.people import Membership
from portal.tenants.models.tenants import Tenant
from portal.tenants.rights import Rights
from reports.mail import links
from reports.mail.consent import hold_back
from reports.mail.due import Kind, next_due
from reports.mail.models import Recipient, Subscription
from reports.mail.plans import NAMES, Plan, plan_of
from reports.mail.rights import Author, at_the_console, stands
from reports.mail.sections import SECTIONS

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
        if changed.get("active") is False:
            hold_back(subscription.deliveries.all(), "paused")
        readers = _set_readers(subscription, plan, author)
        if changed or readers:
            author.note(_act(changed), about(subscription, readers=len(plan.to)), _moved(was, columns))


def set_paused(subscription: Subscription, author: Author, *, on: bool) -> None:
    """Pause a mail, or go on with it: then it is due next as counted from now."""
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
    """Add a reader. A member counts as confirmed and reads by the membership; anybody else is asked first by mail, and
    reads by ``grant``: as much as the author sees, no numbers, unless another is given. Somebody who left is not added
    back, but by himself."""
    email = normalised(email)
    author = author or at_the_console(subscription.tenant)
    membership = Membership.objects.select_related("user").filter(user__email=email, user__is_active=True).first()
    standing: dict[str, Any] = {
        "as_member": membership is not None,
        "user": membership.user if membership else None,
        "added_as": author.added_as,
        "added_by": author.user,
        "added_key": author.key,
    }
    with transaction.atomic():
        if membership is None:
            standing["grant"] = grant or author.rights.make_grant(author.tenant)
        recipient, is_new = Recipient.objects.get_or_create(
            tenant_id=subscription.tenant_id,
            subscription=subscription,
            email=email,
            defaults={
                "name": name or (membership.user.name if membership else ""),
                "language": language,
                "confirmed_at": timezone.now() if membership else None,
                **standing,
            },
        )
        if not is_new:
            _take_back(recipient, standing | {"language": language}, author)
        if recipient.confirmed_at is None:
            invite(recipient)
    return recipient


def _take_back(recipient: Recipient, standing: dict[str, Any], author: Author) -> None:
    """A reader who was there before: with the standing of today. An outside address that agreed has agreed."""
    changes = standing | {"removed_at": None}
    if recipient.email == author.email:
        changes["left_at"] = None
    if standing["as_member"]:
        changes["confirmed_at"] = timezone.now()
    elif recipient.as_member:  # a member then, a stranger now
        changes["confirmed_at"] = None
    for name, value in changes.items():
        setattr(recipient, name, value)
    recipient.save(update_fields=list(changes))


def _set_readers(subscription: Subscription, plan: Plan, author: Author) -> bool:
    """Make the readers those of the plan; whether that changed anything."""
    rows = {row.email: row for row in Recipient.objects.filter(subscription=subscription, removed_at=None)}
    gone = [row.pk for email, row in rows.items() if email not in plan.to]
    Recipient.objects.filter(pk__in=gone).update(removed_at=timezone.now())
    hold_back(subscription.deliveries.filter(recipient__in=gone), "removed")
    # An outside address whose voucher has gone is vouched for by whoever keeps it on the list now.
    stale = [email for email, row in rows.items() if email in plan.to and not row.as_member and not stands(row)]
    back = [email for email, row in rows.items() if email == author.email and row.left_at is not None]
    new = [email for email in plan.to if email not in rows]
    for email in dict.fromkeys((*new, *stale, *back)):
        if email in plan.to:
            add_recipient(subscription, email, language=plan.languages.get(email, plan.language), author=author)
    return _set_languages(subscription, plan) or bool(gone or new or stale or back)


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


def _act(changed: Mapping[str, Any]) -> str:
    if "active" in changed:
        return "subscription.resumed" if changed["active"] else "subscription.paused"
    return "subscription.changed"


def invite(recipient: Recipient) -> Letter:
    """Put the question whether the recipient agrees into the outbox; once, however often it is called."""
    subscription, tenant = recipient.subscription, recipient.tenant
    with translation.override(recipient.language):
        names = {"tenant": tenant.name, "name": subscription.name}
        mail = letter(
            _("%(tenant)s: confirm “%(name)s”") % names,
            [_("%(tenant)s wants to send you “%(name)s” by mail. It is sent only if you agree.") % names],
            Button(_("Yes, send it to me"), links.address(recipient, links.CONFIRM)),
            small=[_("If you do nothing, you get no further mail. The link is good for thirty days.")],
            look=look_of(tenant),
        )
        return post.put(
            tenant_id=recipient.tenant_id,
            to=recipient.email,
            subject=mail.subject,
            text=mail.text,
            html=mail.html,
            headers={"Auto-Submitted": "auto-generated"},
            reference=f"invitation:{recipient.public_id}",
        )

"""Owners, and the person who created the schedule, get a mail when a file was not handed over for good, and when the
schedule is suspended: once each."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from functools import partial

from django.db import transaction
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from portal.formats import figures
from portal.outbox import post
from portal.outbox.models import Letter
from portal.outbox.render import Button, Rendered, letter
from portal.outbox.tasks import enqueue
from portal.tenants.brand import address_of, look_of
from portal.tenants.models.people import Membership, Role
from portal.tenants.rights import Holding, may_act_on
from reports.handover import words
from reports.handover.by_mail import RULE, objection_to_file
from reports.handover.models import ExportSchedule, Handover, HandoverState


def tell_of_failure(handover: Handover, reason: str) -> None:
    """Inside the transaction that ends the handover."""
    for membership in _told(handover.schedule):
        _write_failure(handover, membership, reason)


def tell_of_suspension(schedule: ExportSchedule) -> None:
    """Inside the transaction that suspends the schedule."""
    for membership in _told(schedule):
        _write_suspension(schedule, membership)


def objection(message: Letter) -> str:
    """Why a mail of a handover that waits in the outbox may not leave any more, or "": of a failure or a suspension,
    because it is over, or its reader is not to be told now."""
    if "suspended" in message.about:
        suspended = ExportSchedule.objects.filter(pk=message.about["suspended"], removed_at=None)
        schedule = suspended.exclude(suspended_at=None).select_related("grant").first()
        return _objection_to(message, schedule)
    if "failed" not in message.about:
        return objection_to_file(message)
    rows = Handover.objects.select_related("schedule__grant", "schedule__creator")
    handover = rows.filter(pk=message.about.get("handover"), state=HandoverState.FAILED).first()
    return _objection_to(message, handover.schedule if handover else None)


def _objection_to(message: Letter, schedule: ExportSchedule | None) -> str:
    if schedule is None:
        return "removed"
    told = {membership.user_id for membership in _told(schedule)}
    return "" if message.about.get("user") in told else "no longer an owner"


def page_of(schedule: ExportSchedule) -> str:
    path = reverse("reports_web:schedule_one", args=[schedule.tenant.slug, schedule.public_id])
    return address_of(schedule.tenant) + path


def _told(schedule: ExportSchedule) -> Iterable[Membership]:
    """Owners who may act on it, and its maker while a member."""
    rows = Membership.objects.filter(user__is_active=True).select_related("user", "tenant", "grant")
    found = [row for row in rows.order_by("id") if row.role == Role.OWNER or row.user_id == schedule.creator_id]
    effects = Holding.by_grant([schedule.grant]).values()
    held = Holding.by_grant((row.grant for row in found), Role.OWNER)
    return [row for row in found if row.user_id == schedule.creator_id or may_act_on(held[row.grant_id], effects)]


def _write_failure(handover: Handover, membership: Membership, reason: str) -> None:
    with _in_words_of(membership):
        names = {
            "name": handover.schedule.name,
            "period": figures.days(handover.period.start, handover.period.last_day),
            "tenant": membership.tenant.name,
        }
        mail = letter(
            _("%(tenant)s: “%(name)s” was not handed over") % names,
            [_("The file of “%(name)s” for %(period)s was not handed over.") % names, words.reason(reason)],
            Button(_("See the schedule"), page_of(handover.schedule)),
            small=[_("It is not tried again by itself. Later periods are, each at its time.")],
            look=look_of(membership.tenant),
        )
        reference = f"handover-failed:{handover.public_id}:{handover.round}"
        _put(membership, mail, reference, {"handover": handover.pk, "failed": True})


def _write_suspension(schedule: ExportSchedule, membership: Membership) -> None:
    with _in_words_of(membership):
        names = {"name": schedule.name, "tenant": membership.tenant.name}
        mail = letter(
            _("%(tenant)s: the export schedule “%(name)s” is suspended") % names,
            [words.suspended(schedule)],
            Button(_("See the schedule"), page_of(schedule)),
            look=look_of(membership.tenant),
        )
        reference = f"schedule-suspended:{schedule.public_id}:{schedule.suspended_at:%Y%m%d%H%M%S%f}"
        _put(membership, mail, reference, {"suspended": schedule.pk})


def _in_words_of(membership: Membership) -> AbstractContextManager[None]:
    return translation.override(membership.user.language or membership.tenant.language)


def _put(membership: Membership, mail: Rendered, reference: str, about: dict[str, int | bool]) -> None:
    tenant, user = membership.tenant, membership.user
    message = post.put(
        tenant_id=tenant.pk,
        to=user.email,
        subject=mail.subject,
        text=mail.text,
        html=mail.html,
        headers={"Auto-Submitted": "auto-generated"},
        reference=f"{reference}:{user.pk}",
        conduct=post.Conduct(rule=RULE, about={"user": user.pk, **about}),
    )
    transaction.on_commit(partial(enqueue, tenant.pk, message.pk))

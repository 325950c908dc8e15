"""Owners, and whoever set the schedule up, are told by mail when a file was not handed over for good: once each."""

from collections.abc import Iterable
from functools import partial

from django.db import transaction
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from portal.formats import figures
from portal.outbox import post
from portal.outbox.models import Letter
from portal.outbox.render import Button, letter
from portal.outbox.tasks import enqueue
from portal.tenants.brand import address_of, look_of
from portal.tenants.models.people import Membership, Role
from portal.tenants.rights import Rights
from reports.handover import words
from reports.handover.by_mail import RULE, objection_to_file
from reports.handover.models import ExportSchedule, Handover, HandoverState


def tell_of_failure(handover: Handover, reason: str) -> None:
    """Inside the transaction that ends the handover."""
    for membership in _told(handover.schedule):
        _write(handover, membership, reason)


def objection(message: Letter) -> str:
    """Why a mail of a handover that waits in the outbox may not leave any more, or "": of a failure, because it went
    well since, or its reader is not to be told now."""
    if "failed" not in message.about:
        return objection_to_file(message)
    rows = Handover.objects.select_related("schedule__grant", "schedule__creator")
    handover = rows.filter(pk=message.about.get("handover"), state=HandoverState.FAILED).first()
    if handover is None:
        return "removed"
    told = {membership.user_id for membership in _told(handover.schedule)}
    return "" if message.about.get("user") in told else "no longer an owner"


def page_of(schedule: ExportSchedule) -> str:
    path = reverse("reports_web:schedule_one", args=[schedule.tenant.slug, schedule.public_id])
    return address_of(schedule.tenant) + path


def _told(schedule: ExportSchedule) -> Iterable[Membership]:
    """Owners who see as much, and its maker while a member."""
    rows = Membership.objects.filter(user__is_active=True).select_related("user", "tenant", "grant")
    found = [row for row in rows.order_by("id") if row.role == Role.OWNER or row.user_id == schedule.creator_id]
    rights = Rights.by_grant([schedule.grant, *(row.grant for row in found)])
    shown = rights[schedule.grant_id]
    return [row for row in found if row.user_id == schedule.creator_id or rights[row.grant_id].covers(shown)]


def _write(handover: Handover, membership: Membership, reason: str) -> None:
    tenant, user = membership.tenant, membership.user
    with translation.override(user.language or tenant.language):
        names = {
            "name": handover.schedule.name,
            "period": figures.days(handover.period.start, handover.period.last_day),
            "tenant": tenant.name,
        }
        mail = letter(
            _("%(tenant)s: “%(name)s” was not handed over") % names,
            [_("The file of “%(name)s” for %(period)s was not handed over.") % names, words.reason(reason)],
            Button(_("See the schedule"), page_of(handover.schedule)),
            small=[_("It is not tried again by itself. Later periods are, each at its time.")],
            look=look_of(tenant),
        )
        message = post.put(
            tenant_id=tenant.pk,
            to=user.email,
            subject=mail.subject,
            text=mail.text,
            html=mail.html,
            headers={"Auto-Submitted": "auto-generated"},
            reference=f"handover-failed:{handover.public_id}:{handover.round}:{user.pk}",
            conduct=post.Conduct(rule=RULE, about={"handover": handover.pk, "user": user.pk, "failed": True}),
        )
    transaction.on_commit(partial(enqueue, tenant.pk, message.pk))

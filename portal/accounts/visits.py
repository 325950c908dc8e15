"""Visits: how a platform administrator who is no member sees a tenant's pages, for a stated reason and an hour.

He reads as an owner would, without full numbers, and changes nothing; no API. The tenant's owners are told by mail, and
find the visit, its reason and each page that was opened in their audit. See portal/decisions/0047-visits-and-alarms.md.
"""

import re
from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from portal.audit.models import Entry, Visit
from portal.audit.record import address_of, record
from portal.formats import figures
from portal.outbox import post
from portal.outbox.models import Letter
from portal.outbox.render import Button, letter
from portal.outbox.tasks import enqueue
from portal.tenants import wall
from portal.tenants.guards import is_administrator
from portal.tenants.models.grants import Grant
from portal.tenants.models.people import Membership, Role
from portal.tenants.models.tenants import Tenant

LASTS = timedelta(hours=1)
LONGEST_REASON = 300
SHORTEST_REASON = 10
_NUMBER = re.compile(r"(?:\d[ ().+-]*){8,}")


class NoReason(ValueError):
    """Not a reason that a tenant may be shown; the text says why in the active language."""


def begin(tenant: Tenant, reason: str, *, user: Any, address: str | None) -> Visit:
    """Open the tenant's pages to an administrator, and tell its owners. One that is open already goes on. Raises
    NoReason.
    """
    clean = " ".join(reason.split())
    if len(clean) < SHORTEST_REASON:
        raise NoReason(_("Say why in a few words: the company reads it."))
    if len(clean) > LONGEST_REASON or _NUMBER.search(clean):
        raise NoReason(_("A short reason without phone numbers, please: it is kept and mailed."))
    with wall.tenant(tenant), transaction.atomic():
        Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)  # pressed twice, it is one visit
        visit = _open_ones(user).first()
        if visit is None:
            visit = Visit(tenant=tenant, user=user, reason=clean, until=timezone.now() + LASTS)
            visit.save()
            record("visit.begun", tenant_id=tenant.pk, user=user, about=_about(visit), address=address)
            _tell_owners(visit)
    return visit


def end(tenant: Tenant, *, user: Any, address: str | None) -> bool:
    """End an administrator's visit; False where there is none."""
    with wall.tenant(tenant), transaction.atomic():
        visit = _open_ones(user).first()
        if visit is None or not _open_ones(user).filter(pk=visit.pk).update(ended_at=timezone.now()):
            return False
        record("visit.ended", tenant_id=tenant.pk, user=user, about=_about(visit), address=address)
    return True


def is_visiting(user: Any, tenant_id: int) -> bool:
    with wall.tenant(tenant_id):
        return _open_ones(user).exists()


def place_of(request: HttpRequest, slug: str) -> Membership | None:
    """The place that an open visit gives in the active tenant of that address; none otherwise. ``settings.VISITS``.

    It is no row: an owner's role, a grant that opens every environment, and no numbers. The page is noted.
    """
    if not is_administrator(request):
        return None
    with wall.every_tenant("which tenants an administrator visits"):
        rows = _open_ones(request.user).filter(tenant__slug=slug, tenant__active=True)
        visit = rows.select_related("tenant").first()
    if visit is None:
        return None
    if request.method in ("GET", "HEAD"):
        _note_page(request, visit)
    visited: Any = request
    visited.visit, visited.visit_until = visit, _clock(visit)
    grant = Grant(tenant=visit.tenant, all_environments=True)
    return Membership(tenant=visit.tenant, user=visited.user, role=Role.OWNER, grant=grant)


def objection(message: Letter) -> str:
    """Why a mail about a visit may not leave any more: its reader owns nothing there."""
    owners = [owner.user.email.lower() for owner in _owners()]
    return "" if message.to in owners else "no longer an owner"


def _open_ones(user: Any) -> QuerySet[Visit]:
    rows: QuerySet[Visit] = Visit.objects.filter(user_id=user.pk, ended_at=None, until__gt=timezone.now())
    return rows


def _note_page(request: HttpRequest, visit: Visit) -> None:
    """Once for each page, and each thing that has one."""
    match = request.resolver_match
    about = _about(visit) | {"page": str(match.url_name if match else "")[:100]}
    for name, value in (match.kwargs if match else {}).items():
        text = str(value)
        if name != "tenant" and text.replace("-", "").isalnum() and len(text) <= 100:
            about[name] = text
    with wall.tenant(visit.tenant_id):
        same = {f"about__{name}": value for name, value in about.items()}
        if not Entry.objects.filter(at__gte=visit.begun_at, action="visit.page_opened", **same).exists():
            record(
                "visit.page_opened",
                tenant_id=visit.tenant_id,
                user=request.user,
                about=about,
                address=address_of(request),
            )


def _tell_owners(visit: Visit) -> None:
    tenant = visit.tenant
    page = f"{settings.BASE_URL}{reverse('reports_web:audit', args=[tenant.slug])}"
    for owner in _owners():
        with translation.override(owner.user.language or tenant.language):
            words = {"who": visit.user, "company": tenant.name, "until": _clock(visit)}
            mail = letter(
                _("An administrator visits %(company)s") % words,
                [
                    _("%(who)s, an administrator of the portal, looks at the pages of %(company)s until %(until)s.")
                    % words,
                    _("The reason given: %(reason)s") % {"reason": visit.reason},
                ],
                Button(_("See what was opened"), page),
                small=[_("A visit is for reading only, shows no full phone numbers, and ends after an hour.")],
            )
            message = post.put(
                tenant_id=tenant.pk,
                to=owner.user.email,
                subject=mail.subject,
                text=mail.text,
                html=mail.html,
                headers={"Auto-Submitted": "auto-generated"},
                reference=f"visit:{visit.public_id}:{owner.user_id}",
                conduct=post.Conduct(rule="visit"),
            )
            transaction.on_commit(partial(enqueue, tenant.pk, message.pk))


def _clock(visit: Visit) -> str:
    zone = visit.tenant.zone
    return f"{figures.moment(visit.until, zone, now=timezone.now())} ({figures.zone_name(zone)})"


def _owners() -> list[Membership]:
    rows = Membership.objects.filter(role=Role.OWNER, user__is_active=True)
    return list(rows.select_related("user").order_by("pk"))


def _about(visit: Visit) -> dict[str, str | int]:
    return {"visit": str(visit.public_id)}

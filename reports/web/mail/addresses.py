"""The owner's page of addresses: those that are paused, the domains that mails may go to, and who was added by whom."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_http_methods

from portal.audit.record import record
from portal.formats import figures
from portal.outbox import domains
from portal.outbox.feedback import lift
from portal.outbox.models import Suppression
from portal.outbox.pace import domain_of
from portal.outbox.text import one_line
from portal.tenants.guards import TenantRequest, tenant_view
from portal.tenants.models.people import Role
from reports.mail.models import AddedBy, Recipient

SHOWN = 200  # of each list, the newest


@dataclass(frozen=True, slots=True)
class PausedLine:
    address: str
    why: str
    since: str


@dataclass(frozen=True, slots=True)
class ReaderLine:
    address: str
    mail: str
    added: str
    state: str


@require_http_methods(["GET", "HEAD", "POST"])
@tenant_view(Role.OWNER)
def mail_addresses(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """Shows them; lifts a pause or names the domains, by ``act``."""
    written = "\n".join(domains.domains())
    error = ""
    if request.method == "POST":
        written = request.POST.get("domains", "")
        error = _act(request)
        if not error:
            return HttpResponseRedirect(reverse("reports_web:mail_addresses", args=[tenant]))
    context: dict[str, Any] = {
        "page": "mail",
        "paused": list(_paused(request)),
        "readers": list(_readers(request)),
        "domains": written,
        "error": error,
        "shown": SHOWN,
    }
    return TemplateResponse(request, "reports/mail_addresses.html", context, status=400 if error else 200)


def _act(request: TenantRequest) -> str:
    """What is wrong with what was sent, or ""."""
    act = request.POST.get("act", "")
    if act == "lift":
        address = request.POST.get("address", "")
        if lift(address):
            about: dict[str, str | int] = {"domain": domain_of(address)[:200]}
            record("mail.address_lifted", tenant_id=request.tenant.pk, user=request.user, about=about)
            messages.success(request, _("%(address)s is written to again.") % {"address": address})
        return ""
    if act != "domains":
        raise Http404
    names = request.POST.get("domains", "").replace(",", " ").split()
    try:
        was, now = domains.keep(request.tenant.pk, names)
    except domains.NoDomain as wrong:
        return _("“%(text)s” is no domain, such as example.com.") % {"text": one_line(str(wrong), limit=80)}
    if was != now:
        changes = {"domains": (was, now)}
        record("mail.domains", tenant_id=request.tenant.pk, user=request.user, changes=changes)
        messages.success(request, _("Saved."))
    return ""


def _paused(request: TenantRequest) -> Iterable[PausedLine]:
    for row in Suppression.objects.order_by("-id")[:SHOWN]:
        why = " ".join(filter(None, (str(row.get_cause_display()), row.reason)))
        yield PausedLine(row.address, why, _day(request, row.created_at))


def _readers(request: TenantRequest) -> Iterable[ReaderLine]:
    """Addresses without an account that stand on a mail."""
    rows = Recipient.objects.filter(as_member=False, removed_at=None, subscription__removed_at=None)
    for row in rows.select_related("subscription", "added_by", "added_key").order_by("-id")[:SHOWN]:
        day = _day(request, row.created_at)
        added = _("added by %(who)s on %(day)s") % {"who": _who(row), "day": day}
        yield ReaderLine(row.email, row.subscription.name, added, _state(row))


def _who(row: Recipient) -> str:
    if row.added_as == AddedBy.MEMBER:
        return row.added_by.name or row.added_by.email if row.added_by else _("somebody who is gone")
    if row.added_as == AddedBy.KEY:
        return _("API key %(name)s") % {"name": row.added_key.name} if row.added_key else _("somebody who is gone")
    return _("an administrator")


def _state(row: Recipient) -> str:
    if row.left_at is not None:
        return pgettext("of a recipient", "has left")
    return _("has agreed") if row.confirmed_at is not None else _("has not agreed yet")


def _day(request: TenantRequest, when: Any) -> str:
    return figures.moment(when, request.tenant.zone, now=timezone.now())

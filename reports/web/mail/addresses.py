"""The owner's page of addresses: those that are paused, the domains that mails may go to, and who was added by whom."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext
from django.views.decorators.http import require_http_methods

from portal.audit.record import record
from portal.formats import figures
from portal.outbox import domains, server
from portal.outbox.feedback import lift
from portal.outbox.models import Suppression
from portal.outbox.pace import domain_of
from portal.outbox.tasks import enqueue
from portal.outbox.text import one_line
from portal.tenants.guards import TenantRequest, tenant_view
from portal.tenants.models.people import Role
from reports.alerts.models import Watcher
from reports.mail.models import Recipient
from reports.mail.readers import Reader
from reports.queries.cursor import CursorError, KeyPage, page_by_key
from reports.web.mail.words import added

SHOWN = 50  # of each list on one page
OUTSIDERS: dict[str, type[Reader]] = {"readers": Recipient, "watchers": Watcher}
TITLES = {
    "readers": gettext_lazy("People without an account"),
    "watchers": gettext_lazy("People without an account, told by alerts"),
}
EMPTY = {"readers": gettext_lazy("Mails go to members only."), "watchers": gettext_lazy("Alerts tell members only.")}


@dataclass(frozen=True, slots=True)
class PausedLine:
    address: str
    why: str
    since: str


@dataclass(frozen=True, slots=True)
class TestLine:
    address: str
    since: str
    became: str


@dataclass(frozen=True, slots=True)
class OutsiderLine:
    address: str
    reads: str
    added: str
    state: str


@require_http_methods(["GET", "HEAD", "POST"])
@tenant_view(Role.OWNER)
def mail_addresses(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """Shows them; lifts a pause, names the domains or sends a test mail, by ``act``."""
    written = "\n".join(domains.domains())
    error = ""
    if request.method == "POST":
        written = request.POST.get("domains", "")
        error = _act(request)
        if not error:
            return HttpResponseRedirect(reverse("reports_web:mail_addresses", args=[tenant]))
    context: dict[str, Any] = {
        "page": "mail",
        "domains": written,
        "error": error,
        "tests": list(_tests(request)),
        **_lists(request),
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
    if act == "test":
        return _send_test(request)
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


def _send_test(request: TenantRequest) -> str:
    try:
        with transaction.atomic():
            message = server.send_test(request.user.email, request.tenant)
            record("mail.tested", tenant_id=request.tenant.pk, user=request.user)
            transaction.on_commit(partial(enqueue, request.tenant.pk, message.pk))
    except server.TooManyTests:
        return _("Enough test mails were sent within the hour. Wait a little.")
    return ""


def _tests(request: TenantRequest) -> Iterable[TestLine]:
    """What became of the newest, of every owner's."""
    for row in server.tests(request.tenant).order_by("-id")[: server.MOST_TESTS]:
        yield TestLine(row.to, _day(request, row.created_at), server.result(row))


def _lists(request: TenantRequest) -> dict[str, Any]:
    """The lists, each some at a time; turning the leaves of one leaves the others where they are."""
    cursors = {name: request.GET.get(name, "") for name in ("paused", *OUTSIDERS)}

    def page(name: str, rows: QuerySet[Any]) -> KeyPage[Any]:
        return page_by_key(rows, cursors[name], SHOWN, of=name)

    def leaves(name: str, page: KeyPage[Any]) -> dict[str, str]:
        ways = {"next": page.next, "previous": page.previous}
        return {way: f"?{urlencode({**cursors, name: key})}#{name}-title" if key else "" for way, key in ways.items()}

    try:
        paused = page("paused", Suppression.objects.all())
        outsiders = {name: page(name, _outsiders(kind)) for name, kind in OUTSIDERS.items()}
    except CursorError:
        raise Http404 from None
    return {
        "paused": list(_paused(request, paused.rows)),
        "paused_pages": leaves("paused", paused),
        "outsiders": [
            (name, TITLES[name], EMPTY[name], list(_readers(request, page.rows)), leaves(name, page))
            for name, page in outsiders.items()
        ],
    }


def _outsiders(kind: type[Reader]) -> QuerySet[Any]:
    """Addresses without an account that stand on a list."""
    rows = kind.rows().filter(as_member=False, removed_at=None, **{f"{kind.OF}__removed_at": None})
    return rows.select_related(kind.OF, "added_by", "added_key")


def _paused(request: TenantRequest, rows: Iterable[Suppression]) -> Iterable[PausedLine]:
    for row in rows:
        why = " ".join(filter(None, (str(row.get_cause_display()), row.reason)))
        yield PausedLine(row.address, why, _day(request, row.created_at))


def _readers(request: TenantRequest, rows: Iterable[Reader]) -> Iterable[OutsiderLine]:
    for row in rows:
        yield OutsiderLine(row.email, row.read.name, added(row, request.tenant.zone), _state(row))


def _state(row: Reader) -> str:
    if row.left_at is not None:
        return pgettext("of a recipient", "has left")
    return _("has agreed") if row.confirmed_at is not None else _("has not agreed yet")


def _day(request: TenantRequest, when: Any) -> str:
    return figures.moment(when, request.tenant.zone, now=timezone.now())

"""A scheduled mail of any period that is over, as it would be mailed now; and having it sent once more."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import ngettext
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST, require_safe

from portal.lib.ids import uuid7
from portal.outbox import server
from portal.outbox.tasks import enqueue
from portal.tenants.guards import TenantRequest, tenant_view
from reports.definitions.periods import Period
from reports.mail import access, again, log
from reports.mail.due import Kind, back, holding
from reports.mail.enclosed import LABELS
from reports.mail.models import Edition, Recipient, Subscription
from reports.mail.plans import readers_of
from reports.mail.preview import FIRST_DAY, NoPeriod, TooMany, as_reader, period_named, preview
from reports.mail.rights import NotAllowed
from reports.mail.words import title
from reports.queries.question import QuestionError
from reports.web.mail.views import author_of, demand_change, own_mail

SHOWN = {Kind.DAILY: 31, Kind.WEEKLY: 26, Kind.MONTHLY: 24}  # periods offered
# A mail has its styles in its text, as mail programs want it; nothing else of it may be loaded, run, sent or left.
OF_A_MAIL = {
    "default-src": [NONE],
    "style-src": [UNSAFE_INLINE],
    "img-src": ["data:"],
    "base-uri": [NONE],
    "form-action": [NONE],
    "frame-ancestors": [SELF],
    "sandbox": True,
}


@dataclass(frozen=True, slots=True)
class PeriodChoice:
    day: str
    label: str


@require_safe
@tenant_view()
def mail_preview(request: TenantRequest, tenant: str, mail: UUID) -> HttpResponseBase:
    """A period as it would be mailed: its subject, its text, a frame with the mail, and who may have it again."""
    visible, now = own_mail(request, mail), timezone.now()
    row = visible.subscription
    readers, reader = _readers(request, visible)
    files = [str(label) for key, label in LABELS.items() if key in row.attachments]
    context: dict[str, Any] = {"page": "mail", "mail": row, "readers": readers, "reader": reader, "files": files}
    status = 200
    try:
        period = period_named(row, request.GET.get("day", ""), now)
    except NoPeriod as error:
        period, status = period_named(row, "", now), 400
        context["refused"] = str(error)
    context |= _periods(row, period, now)
    if visible.may_change:
        context |= {
            "to_again": [each for each in readers if each.confirmed_at and each.left_at is None],
            "press": uuid7(),
            "has_copy": again.has_copy(row, period),
        }
    try:
        if status == 200:
            context["made"] = preview(row, reader, now, period, eyes=author_of(request).scope)
    except NotAllowed as reason:
        context["refused"] = log.REASONS[str(reason)]
    return TemplateResponse(request, "reports/mail_preview.html", context, status=status)


@require_safe
@xframe_options_sameorigin
@csp(OF_A_MAIL)
@tenant_view()
def mail_body(request: TenantRequest, tenant: str, mail: UUID) -> HttpResponseBase:
    """The mail itself, for the frame of the preview: as it leaves, but for its image, which stands in it."""
    visible, now = own_mail(request, mail), timezone.now()
    _all, reader = _readers(request, visible)
    try:
        period = period_named(visible.subscription, request.GET.get("day", ""), now)
        made = preview(visible.subscription, reader, now, period, eyes=author_of(request).scope)
    except (NotAllowed, NoPeriod) as reason:
        raise Http404 from reason
    return HttpResponse(made.shown)


@require_POST
@tenant_view()
def mail_again(request: TenantRequest, tenant: str, mail: UUID) -> HttpResponseBase:
    """The report of a period once more, to the readers chosen: as it was, or computed anew."""
    author, visible = author_of(request), own_mail(request, mail)
    row, day = visible.subscription, request.POST.get("day", "")
    demand_change(visible)
    try:
        period = period_named(row, day, timezone.now())
        edition = Edition.SAME if request.POST.get("edition") == Edition.SAME else Edition.CORRECTED
        to = again.chosen_readers(row, request.POST.getlist("to"))
        key = request.POST.get("press", "")[: again.LONGEST_PRESS] or str(uuid7())
        sent = again.send_period(row, again.Press(period, edition, to, key), author, enqueue)
    except QuestionError as error:
        messages.error(request, " ".join(error.errors.values()))
    except (NoPeriod, TooMany) as error:
        messages.error(request, str(error))
        day = ""
    else:
        text = ngettext("It is on its way to %(count)s reader.", "It is on its way to %(count)s readers.", len(sent))
        messages.success(request, server.promise(text % {"count": len(sent)}))
        return HttpResponseRedirect(reverse("reports_web:mail_one", args=[tenant, row.public_id]) + "#deliveries")
    query = f"?day={period.start.isoformat()}" if day else ""
    return HttpResponseRedirect(reverse("reports_web:mail_preview", args=[tenant, row.public_id]) + query)


def _periods(row: Subscription, period: Period, now: datetime) -> dict[str, Any]:
    """The periods to choose from by its rhythm, and those beside the one chosen."""
    kind, last = Kind(row.kind), period_named(row, "", now)
    listed = back(kind, last, SHOWN[kind])
    if period not in listed:
        listed.append(period)
    older = back(kind, period, 2)[1]
    newer = holding(kind, period.end, period.zone)
    return {
        "periods": [_choice(kind, each) for each in listed],
        "period": _choice(kind, period),
        "older": _choice(kind, older) if older.start >= FIRST_DAY else None,
        "newer": _choice(kind, newer) if newer.end <= last.end else None,
    }


def _choice(kind: Kind, period: Period) -> PeriodChoice:
    name = title(kind, period)
    return PeriodChoice(period.start.isoformat(), name[:1].upper() + name[1:])


def _readers(request: TenantRequest, visible: access.Shown) -> tuple[list[Recipient], Recipient]:
    """Whose mail may be looked at, and whose is: one's own, or for who may change the mail any reader's."""
    row = visible.subscription
    readers = readers_of(row) if visible.may_change else []
    wanted = request.GET.get("reader", "")
    chosen = next((reader for reader in readers if str(reader.public_id) == wanted), None)
    if wanted and chosen is None:
        raise Http404
    return readers, chosen or visible.place or next(iter(readers), None) or as_reader(row, request.user)

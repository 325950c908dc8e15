"""Export schedules of a company: set up, tried, changed, paused, removed; what was handed over, and the files."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.audit.record import address_of
from portal.tenants.guards import TenantRequest, tenant_view
from reports.files.downloads import Refused
from reports.handover import access, acts, files, log
from reports.handover.models import ExportSchedule, Handover
from reports.handover.tasks import enqueue_handover
from reports.handover.wishes import plan_of, read_plan
from reports.handover.words import goes_to, place, rhythm, suspended
from reports.mail.preview import TooMany
from reports.mail.rights import Author
from reports.queries.cursor import CursorError
from reports.queries.question import QuestionError
from reports.saved.keeping import Keeper
from reports.web.handover.form import (
    ScheduleForm,
    empty_schedule,
    schedule_form_of,
    schedule_wishes,
    sent_schedule,
)
from reports.web.handover.words import due, handover_lines, place_line, schedule_line
from reports.web.mail.views import author_of

SHOWN = 20


@require_safe
@tenant_view()
def schedules(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """The schedules that one may see, how each stands, and for managers the places that files are put into."""
    author, now = author_of(request), timezone.now()
    shown = access.schedules(author)
    last = access.latest([each.schedule for each in shown])
    context = {
        "page": "exports",
        "lines": [schedule_line(each, last.get(each.schedule.pk), now) for each in shown],
        "places": [place_line(row) for row in access.destinations(author)],
        "manages": author.manages,
    }
    return TemplateResponse(request, "reports/schedules.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@tenant_view(to_visits=False)
def schedule_new(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """The form of a new schedule, of the list or the answer that an address asks for if it names one; sent, it is set
    up."""
    author, keeper = author_of(request), Keeper.of(request.membership)
    posted = request.method == "POST"
    form = sent_schedule(request.POST, author, keeper) if posted else empty_schedule(author, keeper, request.GET)
    if posted:
        try:
            made = acts.create(read_plan(schedule_wishes(form), author), author)
        except QuestionError as error:
            form.errors = error.errors
        except TooMany as error:
            form.errors = {"": str(error)}
        else:
            messages.success(request, _("The export is scheduled."))
            return _to(tenant, made.public_id)
    context = {"page": "exports", "form": form}
    return TemplateResponse(request, "reports/schedule_new.html", context, status=400 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@tenant_view()
def schedule_one(request: TenantRequest, tenant: str, schedule: UUID) -> HttpResponseBase:
    """One schedule: when it is due, where it goes, what was handed over; and its form for who may change it."""
    author, keeper, shown = author_of(request), Keeper.of(request.membership), _own(request, schedule)
    row = shown.schedule
    form = schedule_form_of(row, author, keeper) if shown.may_change else None
    if request.method == "POST":
        _demand_change(shown)
        form = sent_schedule(request.POST, author, keeper, row)
        try:
            acts.change(row, read_plan(schedule_wishes(form), author, before=row), author)
        except QuestionError as error:
            form.errors = error.errors
        else:
            messages.success(request, _("The schedule is changed."))
            return _to(tenant, row.public_id)
    context = _one(request, shown, form, timezone.now())
    status = 400 if form is not None and form.errors else 200
    return TemplateResponse(request, "reports/schedule_one.html", context, status=status)


@require_POST
@tenant_view()
def schedule_act(request: TenantRequest, tenant: str, schedule: UUID) -> HttpResponseBase:
    """Pause, resume, confirm or remove a schedule, try it now, or have no more mail of it: as ``act`` says."""
    author, shown, act = author_of(request), _own(request, schedule), request.POST.get("act", "")
    row = shown.schedule
    if act == "leave":
        acts.leave(row, author)
        messages.success(request, _("Nothing of “%(name)s” is mailed to you any more.") % {"name": row.name})
        return _to_list(tenant)
    if act not in ("pause", "resume", "remove", "try", "confirm"):
        raise Http404
    _demand_change(shown)
    if act == "remove":
        acts.remove(row, author)
        messages.success(request, _("“%(name)s” is removed.") % {"name": row.name})
        return _to_list(tenant)
    if act == "try":
        _try(request, row, author)
    elif act == "confirm":
        _confirm(request, row, author)
    else:
        acts.set_paused(row, author, on=act == "pause")
    return _to(tenant, row.public_id)


@require_POST
@tenant_view()
def handover_again(request: TenantRequest, tenant: str, schedule: UUID, handover: UUID) -> HttpResponseBase:
    """Have the file of a period made anew and handed over once more."""
    shown = _own(request, schedule)
    _demand_change(shown)
    row = _handover(shown, handover)
    if acts.hand_over_again(row, author_of(request)):
        enqueue_handover(row.tenant_id, row.pk)
        messages.success(request, _("The file is made anew and handed over."))
    return _to(tenant, shown.schedule.public_id)


@require_safe
@tenant_view(to_visits=False)
def handover_file(request: TenantRequest, tenant: str, schedule: UUID, handover: UUID) -> HttpResponseBase:
    """The file of a handover, for a member who sees all that it shows."""
    row = _handover(_own(request, schedule), handover)
    try:
        return files.hand_out(row, request.user, address_of(request))
    except Refused as error:
        context = {"page": "exports", "reason": str(error)}
        return TemplateResponse(request, "reports/export_refused.html", context, status=error.status)


def _own(request: TenantRequest, schedule: UUID) -> access.ShownSchedule:
    try:
        return access.schedule(schedule, author_of(request))
    except ExportSchedule.DoesNotExist:
        raise Http404 from None


def _handover(shown: access.ShownSchedule, handover: UUID) -> Handover:
    rows = Handover.objects.select_related("schedule", "export", "tenant").filter(schedule=shown.schedule)
    row = rows.filter(public_id=handover).first()
    if row is None:
        raise Http404
    found: Handover = row
    return found


def _demand_change(shown: access.ShownSchedule) -> None:
    if not shown.may_change:
        raise PermissionDenied(_("This schedule is not yours to change."))


def _one(
    request: TenantRequest, shown: access.ShownSchedule, form: ScheduleForm | None, now: datetime
) -> dict[str, Any]:
    row = shown.schedule
    rows = access.handovers_of(row)
    try:
        page = log.page(rows, request.GET.get("cursor", ""), SHOWN)
    except CursorError:
        raise Http404 from None
    pages = {
        way: f"?cursor={key}#log" if key else "" for way, key in (("next", page.next), ("previous", page.previous))
    }
    return {
        "page": "exports",
        "schedule": row,
        "rhythm": rhythm(row),
        "due": due(row, now),
        "goes_to": goes_to(row),
        "suspended": suspended(row),
        "place": place(row.destination) if row.destination else "",
        "form": form,
        "is_read": shown.is_read,
        "readers": plan_of(row).to if shown.may_change else (),
        "lines": handover_lines(page.rows, log.mails(page.rows), request.user.pk, whole=shown.may_change, now=now),
        "pages": pages,
    }


def _try(request: TenantRequest, row: ExportSchedule, author: Author) -> None:
    try:
        trial = acts.try_now(row, author)
    except TooMany as error:
        messages.error(request, str(error))
    else:
        enqueue_handover(trial.tenant_id, trial.pk)
        messages.success(request, _("The file is being made, and handed over as the schedule says."))


def _confirm(request: TenantRequest, row: ExportSchedule, author: Author) -> None:
    since = parse_datetime(request.POST.get("suspended_at", ""))
    if since is not None and acts.confirm(row, since, author):
        messages.success(request, _("The schedule is confirmed. Its files go to the new place."))
    else:
        messages.error(request, _("The destination was changed again. Check where the files go now."))


def _to(tenant: str, schedule: UUID) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("reports_web:schedule_one", args=[tenant, schedule]))


def _to_list(tenant: str) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("reports_web:schedules", args=[tenant]))

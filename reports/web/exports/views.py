"""The exports page: ask for a file of a list or of a report, watch it being made, have it, ask for it again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.audit.record import address_of
from portal.formats import figures
from portal.tenants.guards import TenantRequest, tenant_view
from portal.tenants.models.people import Role
from reports.files import jobs
from reports.files.caps import OPEN, TooMany
from reports.files.downloads import Refused, hand_out, may_have
from reports.files.formats import DIALECT_LABELS, HANDED_OUT
from reports.files.models import Export, State, What
from reports.files.orders import params_of, read_order, title_of
from reports.files.tasks import hint
from reports.queries.agents import agents
from reports.queries.completeness.freshness import behind
from reports.queries.environments import environments
from reports.queries.question import QuestionError
from reports.queries.scope import Scope
from reports.web.exports.form import CHOSEN_HERE, ExportForm, read_form
from reports.web.shared.completeness import completeness_line
from reports.web.shared.frame import Choices

SHOWN = 30


@dataclass(frozen=True, slots=True)
class Job:
    """An export as its line on the page tells it."""

    export: Export
    title: str
    format: str
    rows: str
    size: str
    asked: str
    expires: str
    lines: Sequence[Any]
    withheld: bool = False

    @property
    def open(self) -> bool:
        return self.export.state in OPEN

    @property
    def period(self) -> str:
        return str(self.lines[0][1]) if self.lines else ""


@require_http_methods(["GET", "HEAD", "POST"])
@tenant_view()
def exports(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """The form with what the address chooses, and one's own files; sent, it asks for a file."""
    scope, now = Scope.of(request.scope_grant), timezone.now()
    sent = request.method == "POST"
    form = read_form(request.POST if sent else request.GET, scope, sent=sent, now=now)
    if form.order is not None:
        try:
            jobs.ask(form.order, _asker(request), hint)
        except TooMany as error:
            form.errors = {"": str(error)}
        else:
            return HttpResponseRedirect(_back(request, tenant) + "#files")
    context = _context(request, tenant, now) | {"form": form, **_choices(form, scope, now)}
    return TemplateResponse(request, "reports/exports.html", context, status=400 if form.errors else 200)


@require_safe
@tenant_view()
def exports_list(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """The files alone, for a page that is open."""
    return TemplateResponse(request, "reports/_exports.html", _context(request, tenant, timezone.now()))


@require_safe
@tenant_view(to_visits=False)
def export_download(request: TenantRequest, tenant: str, export: UUID) -> HttpResponseBase:
    """The file, if its asker may still see what is in it."""
    try:
        return hand_out(_own(request, export), _asker(request), noted=request.method == "GET")
    except Refused as error:
        context = {"page": "exports", "sentence": str(error)}
        return TemplateResponse(request, "reports/export_refused.html", context, status=error.status)


@require_POST
@tenant_view()
def export_again(request: TenantRequest, tenant: str, export: UUID) -> HttpResponseBase:
    """The same question anew, with today's data and today's rights."""
    row = _own(request, export)
    params = params_of(row) | {"what": row.what, "format": row.format, "dialect": row.dialect}
    params |= {"title": row.title} if row.what == What.REPORT else {}
    try:
        order = read_order(params, Scope.of(request.scope_grant))
        jobs.ask(order, _asker(request), hint)
    except QuestionError as error:
        messages.error(request, " ".join(error.errors.values()))
    except TooMany as error:
        messages.error(request, str(error))
    return HttpResponseRedirect(_back(request, tenant) + "#files")


@require_POST
@tenant_view()
def export_delete(request: TenantRequest, tenant: str, export: UUID) -> HttpResponseBase:
    jobs.delete(_own(request, export), _asker(request))
    return HttpResponseRedirect(_back(request, tenant) + "#files")


def _context(request: TenantRequest, tenant: str, now: datetime) -> dict[str, Any]:
    place = _place(request)
    own = list(_asker(request).own()[place : place + SHOWN + 1])
    here = reverse("reports_web:exports", args=[tenant])
    context: dict[str, Any] = {
        "page": "exports",
        "jobs": [_job(row, request, now) for row in own[:SHOWN]],
        "older": f"{here}?from={place + SHOWN}#files" if len(own) > SHOWN else "",
        "newer": f"{here}#files" if place else "",
        "place": place,
    }
    context["open"] = sum(job.open for job in context["jobs"])
    if Role(request.membership.role).covers(Role.MANAGER):
        rows = (
            Export.objects.filter(grant=None)
            .exclude(user=request.user, key=None)
            .select_related("user", "key")
            .order_by("-id")
        )
        context["others"] = [_job(row, request, now, content=False) for row in rows[:SHOWN]]
    return context


def _rows(n: int) -> str:
    return ngettext("%(n)s row", "%(n)s rows", n) % {"n": figures.decimal(n)} if n else _("no rows")


def _job(row: Export, request: TenantRequest, now: datetime, *, content: bool = True) -> Job:
    ready, zone = row.state == State.READY, request.tenant.zone
    form = HANDED_OUT[row.format].label if row.format in HANDED_OUT else row.format
    if row.dialect not in ("", "csv"):
        form = f"{form} · {DIALECT_LABELS[row.dialect]}"
    rows = row.done if ready else row.expected
    return Job(
        export=row,
        title=title_of(row),
        format=form,
        rows="" if rows is None else _rows(rows),
        size=filesizeformat(row.bytes) if ready and row.bytes is not None else "",
        asked=figures.moment(row.created_at, zone, now=now),
        expires=figures.moment(row.expires_at, zone, now=now) if ready and row.expires_at else "",
        lines=row.facts.get("lines", []) if content else [],
        withheld=content and ready and not may_have(row),
    )


def _choices(form: ExportForm, scope: Scope, now: datetime) -> dict[str, Any]:
    """What the form chooses from, and how complete the calls behind its choice are: none are behind campaigns as of
    now, which the vendor counts itself.
    """
    chosen = form.chosen_ids("environment")
    among = [agent for agent in agents(scope) if not chosen or agent.environment.public_id in chosen]
    choices = Choices(list(environments(scope)), among)
    context: dict[str, Any] = {"environments": choices.environments, "agents": choices.grouped(())}
    for name in ("environment", "agent"):
        ids = form.chosen_ids(name)
        context[f"chosen_{name}"] = ids[0] if len(ids) == 1 else None
        context[f"several_{name}s"] = len(ids) > 1
    if form.question is not None:
        zone = form.question.zone or scope.zone
        if form.what != What.CAMPAIGNS or form.question.date_from or form.question.date_to:
            context["line"] = completeness_line(behind(form.question, scope, now=now), zone, now=now)
        context["zone"] = figures.zone_name(zone)
    return context


def _asker(request: TenantRequest) -> jobs.Asker:
    return jobs.Asker(request.tenant.pk, user=request.user, address=address_of(request))


def _own(request: TenantRequest, export: UUID) -> Export:
    row = _asker(request).own().filter(public_id=export).first()
    if row is None:
        raise Http404
    return row


def _place(request: TenantRequest) -> int:
    text = request.GET.get("from", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 0


def _back(request: TenantRequest, tenant: str) -> str:
    """The page with the choices that were sent, so that the next file is one press away. Numbers stay out of it."""
    params = {name: request.POST[name] for name in (*CHOSEN_HERE, "metrics", "by") if request.POST.get(name)}
    address = reverse("reports_web:exports", args=[tenant])
    return f"{address}?{urlencode(params)}" if params else address

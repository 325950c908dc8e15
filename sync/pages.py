"""Connections of a company in the browser: how they are doing, and what owners and managers do with them."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.audit.record import address_of
from portal.formats import figures
from portal.tenants.guards import TenantRequest, tenant_view
from portal.tenants.models.grants import opened
from portal.tenants.models.people import Role
from portal.tenants.rights import Holding, Rights, may_act_on
from sync import connection_acts as acts
from sync.budget import rate_of
from sync.connection_acts import By
from sync.connection_forms import ChangeForm, DaysForm, NewConnectionForm
from sync.connection_lines import connection_lines, open_gaps, progress_of, run_lines, vendor_name
from sync.connections import ChangedMeanwhile, ConnectionRefused, TokenSealed, explain, is_token_shared
from sync.history import WrongDay, check_day, estimate, today
from sync.models.connections import Connection, ConnectionState
from sync.providers import registry
from sync.providers.base import Provider
from sync.providers.errors import UpstreamError, WrongPath

SHARED_TOKEN = gettext_lazy("A connection uses this token already. Both share the vendor's limit of requests.")
_SEES_LESS = gettext_lazy("Connections are changed by managers and owners who see every agent of their environment.")
HISTORIES = (7, 30, 90, 365)  # days that the third step offers; any other first day can be typed


@require_safe
@tenant_view()
def connections(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """Every environment that one may see, with the standing of its connection."""
    environments = list(opened(request.scope_grant).filter(retired_at=None).order_by("name", "pk"))
    lines = connection_lines(environments, request.tenant.zone)
    context = {"page": "company", "lines": lines, "may_add": may_add(request), "zone": _zone(request)}
    return TemplateResponse(request, "sync/connections.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@tenant_view()
def connection_one(request: TenantRequest, tenant: str, connection: UUID) -> HttpResponseBase:
    """One connection: standing, progress, runs and gaps, and for who manages the form that changes it."""
    row = _own(request, connection)
    provider = registry.get(row.provider)
    form = None
    if _may_act(request, row):
        form = ChangeForm(provider, request.POST if request.method == "POST" else None, instance=row)
    if request.method == "POST":
        if form is None:
            raise PermissionDenied(_SEES_LESS)
        if _changed(request, provider, form):
            return _to(request, connection)
        row = _own(request, connection)  # as it stands: the form holds what was refused
    [line] = connection_lines([row.environment], request.tenant.zone)
    context = {
        "page": "company",
        "line": line,
        "connection": row,
        "progress": progress_of(row),
        "runs": run_lines(row, request.tenant.zone),
        "gaps": open_gaps(row),
        "form": form,
        "zone": _zone(request),
        "paused": row.state == ConnectionState.PAUSED,
        "removed": row.state == ConnectionState.REMOVED,
    }
    status = 400 if form is not None and form.errors else 200
    return TemplateResponse(request, "sync/connection.html", context, status=status)


@require_POST
@tenant_view(Role.MANAGER)
def connection_act(request: TenantRequest, tenant: str, connection: UUID) -> HttpResponseBase:
    """Pause, resume, test, read, read days again or remove, as ``act`` says."""
    row, act = _own(request, connection), _ACTS.get(request.POST.get("act", ""))
    if act is None:
        raise Http404
    if not _may_act(request, row):
        raise PermissionDenied(_SEES_LESS)
    act(request, row)
    return _to(request, connection)


@require_safe
@tenant_view(Role.MANAGER, to_visits=False)
def connection_vendors(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """The first step: which vendor."""
    demand_adding(request)
    context = {"page": "company", "vendors": registry.PROVIDERS}
    return TemplateResponse(request, "sync/connection_vendors.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@tenant_view(Role.MANAGER, to_visits=False)
def connection_new(request: TenantRequest, tenant: str, vendor: str) -> HttpResponseBase:
    """The second step: address and token. What the vendor answers decides whether anything is saved."""
    demand_adding(request)
    provider = _vendor(vendor)
    form = NewConnectionForm(provider, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and (made := _added(request, form)):
        return HttpResponseRedirect(reverse("connections:start", args=[tenant, made.public_id]))
    context = {"page": "company", "form": form, "vendor": provider}
    return TemplateResponse(request, "sync/connection_new.html", context, status=400 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@tenant_view(Role.MANAGER, to_visits=False)
def connection_start(request: TenantRequest, tenant: str, connection: UUID) -> HttpResponseBase:
    """The third step: from which day on. Reading begins with its answer."""
    row, wrong = _own(request, connection), ""
    if not _may_act(request, row):
        raise PermissionDenied(_SEES_LESS)
    if row.state != ConnectionState.PAUSED:
        return _to(request, connection)
    if request.method == "POST":
        try:
            since = _since(request.POST.get("days", ""), request.POST.get("since", ""))
            check_day(since)
        except WrongDay as error:
            wrong = str(error)
        except ValueError:
            wrong = _("Days are written as 2026-11-20.")
        else:
            acts.begin(row, since, by_of(request))
            messages.success(request, _("The first days are being read. This page tells how far it is."))
            return _to(request, connection)
    provider = registry.get(row.provider)
    choices = [(days, estimate(provider, row.settings, rate_of(row), days)) for days in HISTORIES]
    context = {"page": "company", "connection": row, "choices": choices, "wrong": wrong}
    return TemplateResponse(request, "sync/connection_start.html", context, status=400 if wrong else 200)


def may_add(request: TenantRequest) -> bool:
    """Whether a new environment would be in this person's sight, and is his to add."""
    return _manages_all(request, Rights())


def _since(days: str, typed: str) -> date:
    if days.isascii() and days.isdecimal() and int(days) in HISTORIES:
        return today() - timedelta(days=int(days) - 1)
    return date.fromisoformat(typed)


def _added(request: TenantRequest, form: NewConnectionForm) -> Connection | None:
    description = form.description()
    shared = is_token_shared(description.provider, description.token)
    try:
        made = acts.add(request.tenant, description, by_of(request))
    except ConnectionRefused as error:
        form.add_error(None, str(error))
    except UpstreamError as error:
        field = "base_url" if isinstance(error, WrongPath) else None
        form.add_error(field, _("Nothing was saved. %(why)s") % {"why": explain(error)})
    else:
        if shared:
            messages.warning(request, SHARED_TOKEN)
        vendor = {"vendor": vendor_name(made.provider)}
        messages.success(request, _("%(vendor)s was asked once, and accepted the token.") % vendor)
        return made
    return None


def _changed(request: TenantRequest, provider: Provider, form: ChangeForm) -> bool:
    """Whether the change was tested, where it has to be, and saved; else the form says why not."""
    if not form.is_valid():
        return False
    if form.needs_test and (refusal := form.tested()) is not None:
        form.tell(refusal)
        return False
    token = form.cleaned_data["new_token"]
    shared = "new_token" in form.changed_data and is_token_shared(provider.key, token)
    try:
        acts.change(form, by_of(request))
    except ChangedMeanwhile as error:
        form.tell(error)
        return False
    except ConnectionRefused as error:
        form.add_error("new_token", str(error))
        return False
    if shared:
        messages.warning(request, SHARED_TOKEN)
    messages.success(request, _("The connection is changed."))
    return True


def _pause(request: TenantRequest, row: Connection) -> None:
    acts.pause(row, by_of(request))


def _resume(request: TenantRequest, row: Connection) -> None:
    acts.resume(row, by_of(request))


def _remove(request: TenantRequest, row: Connection) -> None:
    acts.remove(row, by_of(request))
    messages.success(request, _("The connection is removed and its token forgotten. What was read stays."))


def _read(request: TenantRequest, row: Connection) -> None:
    if _is_read(request, row):
        acts.read(row, by_of(request))
        messages.success(request, _("%(name)s will be read again at once.") % {"name": row.environment})


def _reread(request: TenantRequest, row: Connection) -> None:
    form = DaysForm(request.POST)
    if not form.is_valid():
        messages.error(request, " ".join(map(str, form.non_field_errors())))
    elif _is_read(request, row):
        windows = acts.reread(row, form.cleaned_data["first"], form.cleaned_data["last"], by_of(request))
        sentence = ngettext("%(n)s part is read again.", "%(n)s parts are read again.", windows)
        messages.success(request, sentence % {"n": figures.decimal(windows)})


def _check(request: TenantRequest, row: Connection) -> None:
    if row.state == ConnectionState.REMOVED:
        messages.error(request, _("The connection was removed, and its token with it: enter one."))
        return
    try:
        acts.check(row, by_of(request))
    except TokenSealed as error:
        messages.error(request, str(error))
    except UpstreamError as error:
        messages.error(request, explain(error))
    else:
        messages.success(request, _("%(name)s works.") % {"name": row.environment})


def _is_read(request: TenantRequest, row: Connection) -> bool:
    reads = row.state in (ConnectionState.OK, ConnectionState.UNTESTED)
    if not reads:
        messages.error(request, _("Nothing is read now: the connection is paused, removed or rejected."))
    return reads


_ACTS: dict[str, Callable[[TenantRequest, Connection], None]] = {
    "pause": _pause,
    "resume": _resume,
    "remove": _remove,
    "read": _read,
    "reread": _reread,
    "test": _check,
}


def _own(request: TenantRequest, connection: UUID) -> Connection:
    rows = Connection.objects.defer("token").select_related("environment")
    row = rows.filter(public_id=connection, environment__in=opened(request.scope_grant)).first()
    if row is None:
        raise Http404
    return row


def _vendor(key: str) -> Provider:
    try:
        return registry.get(key)
    except KeyError:
        raise Http404 from None


def _may_act(request: TenantRequest, row: Connection) -> bool:
    """A connection fills its environment with the calls of every agent."""
    return _manages_all(request, Rights(frozenset({row.environment_id})))


def _manages_all(request: TenantRequest, rights: Rights) -> bool:
    own = Holding.of(request.membership.role, request.scope_grant)
    return may_act_on(own, [Holding(Role.MANAGER, rights, sees_numbers=False, looks_up=False)])


def demand_adding(request: TenantRequest) -> None:
    """Raise PermissionDenied for who may not add an environment."""
    if not may_add(request):
        raise PermissionDenied(_("Environments are added by who sees all of them."))


def by_of(request: TenantRequest) -> By:
    """Who acts, for the audit."""
    return By(request.user, address_of(request))


def _zone(request: TenantRequest) -> str:
    return figures.zone_name(request.tenant.zone)


def _to(request: TenantRequest, connection: UUID | Any) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("connections:one", args=[request.tenant.slug, connection]))

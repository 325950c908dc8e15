"""Saved views of the calls and saved reports are kept and changed here; every answer leads back to their page."""

from urllib.parse import parse_qsl
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.http import Http404, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from portal.tenants.guards import TenantRequest, tenant_view
from reports.queries.question import QuestionError
from reports.queries.scope import Scope
from reports.saved import keeping
from reports.saved.asked import question_of
from reports.saved.keeping import Keeper
from reports.saved.models import SavedView, ViewOf
from reports.web.shared.selection import written


@require_POST
@tenant_view()
def views(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """Keep the list's filters under a name."""
    query = request.POST.get("query", "")
    try:
        view = keeping.keep(Keeper.of(request.membership), request.POST.get("name", ""), query)
    except keeping.ViewRefused as error:
        messages.error(request, str(error))
        return _to_calls(tenant, query)
    messages.success(request, _("The view “%(name)s” is saved.") % {"name": view.name})
    return _to_calls(tenant, view.query, str(view.public_id))


@require_POST
@tenant_view()
def view(request: TenantRequest, tenant: str, view: UUID) -> HttpResponseBase:
    """Rename, share, unshare, delete a view, or have the list open with it: as ``act`` says."""
    act, member, query = request.POST.get("act", ""), Keeper.of(request.membership), request.POST.get("query", "")
    try:
        _own(member, view, ViewOf.CALLS)
        if act in ("default", "usual"):
            keeping.open_with(member, view if act == "default" else None)
        else:
            _act(request, member, view, act)
    except ObjectDoesNotExist:
        raise Http404 from None
    except PermissionError as error:
        raise PermissionDenied(str(error) or _("This view is not yours.")) from None
    except keeping.ViewRefused as error:
        messages.error(request, str(error))
    return _to_calls(tenant, query, "none" if act == "delete" else str(view))


@require_POST
@tenant_view()
def saved_reports(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """Keep a question under a name, for oneself or, where ``shared`` is on, for the company."""
    keeper, query, shared = Keeper.of(request.membership), request.POST.get("query", ""), "shared" in request.POST
    if shared and not keeper.manages:
        raise PermissionDenied(_("Reports of the company are for managers to save."))
    try:
        _demand_question(query, request)
        row = keeping.keep(keeper, request.POST.get("name", ""), query, ViewOf.REPORT)
        messages.success(request, _("The report “%(name)s” is saved.") % {"name": row.name})
        if shared:
            keeping.share(keeper, row.public_id, on=True)
    except keeping.ViewRefused as error:
        messages.error(request, str(error))
        return _to_report(tenant, query)
    return _to_report(tenant, row.query, str(row.public_id))


@require_http_methods(["GET", "HEAD", "POST"])
@tenant_view()
def saved_report(request: TenantRequest, tenant: str, view: UUID) -> HttpResponseBase:
    """Open it; or rename, replace, share, unshare or delete it, as ``act`` says."""
    keeper, act = Keeper.of(request.membership), request.POST.get("act", "")
    try:
        row = _own(keeper, view, ViewOf.REPORT)
        if request.method == "POST":
            if act == "replace":
                _demand_question(request.POST.get("query", ""), request)
            _act(request, keeper, view, act)
            if act == "delete":
                messages.success(request, _("The report “%(name)s” is deleted.") % {"name": row.name})
                return HttpResponseRedirect(reverse("reports_web:reports", args=[tenant]))
            row.refresh_from_db()
            if act == "replace":
                messages.success(request, _("“%(name)s” now asks this.") % {"name": row.name})
    except ObjectDoesNotExist:
        raise Http404 from None
    except PermissionError as error:
        raise PermissionDenied(str(error) or _("This report is not yours to change.")) from None
    except keeping.ViewRefused as error:
        messages.error(request, str(error))
        return _to_report(tenant, request.POST.get("query", "") or row.query, str(view))
    return _to_report(tenant, row.query, str(view))


def _own(keeper: Keeper, view: UUID, page: ViewOf) -> SavedView:
    return keeping.kept_for(keeper, page).get(public_id=view)


def _act(request: TenantRequest, keeper: Keeper, view: UUID, act: str) -> None:
    if act == "rename":
        keeping.rename(keeper, view, request.POST.get("name", ""))
    elif act == "replace":
        keeping.replace(keeper, view, request.POST.get("query", ""))
    elif act in ("share", "unshare"):
        keeping.share(keeper, view, on=act == "share")
    elif act == "delete":
        keeping.drop(keeper, view)
    else:
        raise Http404


def _demand_question(query: str, request: TenantRequest) -> None:
    """Raises ViewRefused for a query that is no question."""
    try:
        question_of(query.lstrip("?"), Scope.of(request.scope_grant))
    except QuestionError as error:
        raise keeping.ViewRefused(" ".join(error.errors.values())) from error


def _to_calls(tenant: str, query: str, view: str = "none") -> HttpResponseRedirect:
    """To the list as it was; the query is read and written anew, so that it leads nowhere else."""
    params = {name: value for name, value in parse_qsl(query.lstrip("?")) if name != "view"}
    return HttpResponseRedirect(f"{reverse('reports_web:calls', args=[tenant])}?{written(params | {'view': view})}")


def _to_report(tenant: str, query: str, saved: str = "") -> HttpResponseRedirect:
    """To the answer, in the same way."""
    params = {name: value for name, value in parse_qsl(query.lstrip("?")) if name != "saved"}
    address = reverse("reports_web:report", args=[tenant])
    return HttpResponseRedirect(f"{address}?{written(params | {'saved': saved})}")

"""Saved views are kept and changed here; every answer leads back to the list."""

from urllib.parse import parse_qsl
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.http import Http404, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from portal.tenants.guards import TenantRequest, tenant_view
from reports.web.calls import saved
from reports.web.shared.selection import written


@require_POST
@tenant_view()
def views(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """Keep the list's filters under a name."""
    query = request.POST.get("query", "")
    try:
        view = saved.keep(request.membership, request.POST.get("name", ""), query)
    except saved.ViewRefused as error:
        messages.error(request, str(error))
        return _back(tenant, query)
    messages.success(request, _("The view “%(name)s” is saved.") % {"name": view.name})
    return _back(tenant, view.query, str(view.public_id))


@require_POST
@tenant_view()
def view(request: TenantRequest, tenant: str, view: UUID) -> HttpResponseBase:
    """Rename, share, unshare, delete a view, or have the list open with it: as ``act`` says."""
    act, member, query = request.POST.get("act", ""), request.membership, request.POST.get("query", "")
    try:
        if act == "rename":
            saved.rename(member, view, request.POST.get("name", ""))
        elif act in ("share", "unshare"):
            saved.share(member, view, on=act == "share")
        elif act in ("default", "usual"):
            saved.open_with(member, view if act == "default" else None)
        elif act == "delete":
            saved.drop(member, view)
            return _back(tenant, query, "none")
        else:
            raise Http404
    except ObjectDoesNotExist:
        raise Http404 from None
    except PermissionError:
        raise PermissionDenied(_("This view is not yours.")) from None
    except saved.ViewRefused as error:
        messages.error(request, str(error))
    return _back(tenant, query, str(view))


def _back(tenant: str, query: str, view: str = "none") -> HttpResponseRedirect:
    """To the list as it was; the query is read and written anew, so that it leads nowhere else."""
    params = {name: value for name, value in parse_qsl(query.lstrip("?")) if name != "view"}
    return HttpResponseRedirect(f"{reverse('reports_web:calls', args=[tenant])}?{written(params | {'view': view})}")

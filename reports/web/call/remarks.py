"""Notes and flags of a call are written here; every answer leads back to the call's page."""

from uuid import UUID

from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.http import Http404, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from portal.tenants.guards import TenantRequest, tenant_view
from reports.annotations import notes
from reports.annotations.flags import set_flag
from reports.queries.scope import Scope
from reports.web.call.page import Draft, call_page


@require_POST
@tenant_view()
def call_notes(request: TenantRequest, tenant: str, call: UUID) -> HttpResponseBase:
    """Keep a new note."""
    text = request.POST.get("text", "")
    try:
        notes.write(call, text, Scope.of(request.scope_grant), request.membership)
    except ObjectDoesNotExist:
        raise Http404 from None
    except notes.NoteRefused as error:
        return call_page(request, call, Draft(text, str(error)))
    return _back(request, tenant, call, "notes")


@require_POST
@tenant_view()
def call_note(request: TenantRequest, tenant: str, call: UUID, note: UUID) -> HttpResponseBase:
    """Change a note, or delete it where ``act`` says so."""
    scope, text = Scope.of(request.scope_grant), request.POST.get("text", "")
    try:
        if request.POST.get("act") == "delete":
            notes.delete(call, note, scope, request.membership)
        else:
            notes.change(call, note, text, scope, request.membership)
    except ObjectDoesNotExist:
        raise Http404 from None
    except PermissionError:
        raise PermissionDenied(_("This note is not yours.")) from None
    except notes.NoteRefused as error:
        return call_page(request, call, Draft(text, str(error), str(note)))
    return _back(request, tenant, call, "notes")


@require_POST
@tenant_view()
def call_flags(request: TenantRequest, tenant: str, call: UUID) -> HttpResponseBase:
    """Hold up the flag named ``on``, or take down the one named ``off``."""
    scope = Scope.of(request.scope_grant)
    on, off = request.POST.get("on", ""), request.POST.get("off", "")
    try:
        set_flag(call, on or off, scope, request.membership, on=bool(on))
    except (ObjectDoesNotExist, ValueError):
        raise Http404 from None
    return _back(request, tenant, call, "flags")


def _back(request: TenantRequest, tenant: str, call: UUID, place: str) -> HttpResponseRedirect:
    """To the page the form was on, in the list it was opened from."""
    query = request.GET.urlencode()
    address = reverse("reports_web:call", args=[tenant, call])
    return HttpResponseRedirect(f"{address}{'?' if query else ''}{query}#{place}")

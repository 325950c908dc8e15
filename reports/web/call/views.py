"""One call: its page, and the vendor's element as a file."""

from uuid import UUID

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from portal.tenants.guards import TenantRequest, tenant_view
from reports.web.call.page import call_page, find


@require_safe
@tenant_view()
def call(request: TenantRequest, tenant: str, call: UUID) -> HttpResponseBase:
    """What happened in one call. The address carries the list it was opened from, as the list's own parameters."""
    return call_page(request, call)


@require_safe
@tenant_view(to_visits=False)
def call_payload(request: TenantRequest, tenant: str, call: UUID) -> HttpResponseBase:
    """The vendor's element whole: his own bytes, or with numbers masked for who may not see them."""
    call_detail, _scope = find(request, call)
    headers = {"Content-Disposition": f'attachment; filename="call-{call}.json"'}
    return HttpResponse(call_detail.payload.encode(), content_type="application/json", headers=headers)

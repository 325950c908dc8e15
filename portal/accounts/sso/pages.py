"""The owner's page of his company's sign-in: set up, try out, change, remove; and whom the provider knows."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth import logout
from django.http import Http404
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from portal.accounts.models import Identity
from portal.accounts.sso import acts, flow
from portal.accounts.sso.forms import ProviderForm
from portal.accounts.sso.refusals import Unusable
from portal.tenants.guards import TenantRequest, tenant_view
from portal.tenants.models.people import Role


@require_http_methods(["GET", "HEAD", "POST"])
@tenant_view(Role.OWNER, over_all=True)
def single_sign_on(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """Whatever is sent is tried out first; with ``act=test`` it is left at that."""
    provider = acts.provider_of(request.tenant)
    form = ProviderForm(request.POST if request.method == "POST" else None, provider, request.tenant)
    if form.is_bound and form.is_valid():
        try:
            if request.POST.get("act") == "test":
                messages.success(request, acts.try_out(request.tenant, form.cleaned_data["issuer"]))
            else:
                acts.save(request.tenant, form.wanted(), by=request.user)
                messages.success(request, _("Saved."))
                return _back(request, tenant)
        except Unusable as unusable:
            form.add_error(None, unusable.sentence)
    public_id = provider.public_id if provider is not None else acts.address_id(request.tenant)
    context = {
        "page": "company",
        "form": form,
        "provider": provider,
        "start_address": flow.start_address(public_id),
        "return_address": flow.return_address(public_id),
        "identities": list(Identity.objects.select_related("user").order_by("user__email")),
    }
    return TemplateResponse(request, "accounts/single_sign_on.html", context, status=400 if form.errors else 200)


@require_POST
@tenant_view(Role.OWNER, over_all=True)
def single_sign_on_act(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """Remove the provider, or forget an account that it named, as ``act`` says."""
    act = request.POST.get("act", "")
    if act == "remove" and acts.provider_of(request.tenant) is not None:
        acts.remove(request.tenant, by=request.user)
        messages.success(request, _("Removed. People sign in by password again."))
    elif act == "unbind":
        acts.unbind(_identity(request.POST.get("identity", "")), by=request.user)
        messages.success(request, _("Forgotten. The next sign-in binds anew."))
    else:
        raise Http404
    return _back(request, tenant)


def _back(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """To the page; who came by the provider himself may have ended his own session."""
    if not request.session.exists(request.session.session_key or ""):
        logout(request)
    return redirect("single_sign_on", tenant)


def _identity(public_id: str) -> Identity:
    try:
        return Identity.objects.get(public_id=UUID(public_id))
    except (ValueError, Identity.DoesNotExist):
        raise Http404 from None

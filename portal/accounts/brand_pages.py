"""A company's brand: the owner's page, and the stylesheet and the logo that its pages show."""

import base64
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from portal.accounts.brand_form import BrandForm
from portal.accounts.branding import save_brand
from portal.tenants import brand, wall
from portal.tenants.guards import TenantRequest, tenant_view
from portal.tenants.models.people import Role
from portal.tenants.models.tenants import Logo, Tenant, validate_accent

_KEPT = {"Cache-Control": "private, max-age=31536000, immutable"}  # its address changes with the brand
_ONLY_SHOWN = {"Content-Security-Policy": "default-src 'none'; sandbox", "X-Content-Type-Options": "nosniff"}


@require_http_methods(["GET", "HEAD", "POST"])
@tenant_view(Role.OWNER)
def brand_page(request: TenantRequest, tenant: str) -> HttpResponse:
    """Shows the brand, tries one out on this very page, or saves it."""
    kept = Tenant.objects.get(pk=request.tenant.pk)
    form = BrandForm(request.POST or None, request.FILES or None, instance=kept)
    context: dict[str, Any] = {"page": "company", "form": form, "sender": brand.sender_of(request.tenant)}
    if request.method == "POST" and form.is_valid():
        if request.POST.get("act") != "try":
            save_brand(form, by=request.user)
            messages.success(request, _("Saved."))
            return redirect("brand", tenant)
        context |= {"tried": True, "look": _tried(form), "sender": brand.sender_of(form.instance)}
    return render(request, "accounts/brand.html", context, status=400 if form.errors else 200)


def _tried(form: BrandForm) -> brand.Look:
    """How it would look. A new logo comes along in the page, since nothing of it is kept."""
    shown = brand.look_of(form.instance)
    accent, logo = form.instance.accent, shown.logo
    if picture := form.cleaned_data.get("logo"):
        logo = f"data:{picture[0]};base64,{base64.b64encode(picture[1]).decode('ascii')}"
    elif form.cleaned_data.get("without_logo"):
        logo = ""
    css = f"/t/{form.instance.slug}/brand.css?accent={accent[1:]}" if accent else ""
    return brand.Look(shown.name, shown.accent, shown.dark, css, logo)


@require_safe
@tenant_view()
def stylesheet(request: TenantRequest, tenant: str) -> HttpResponse:
    """Of the company's colour, or of one that its owner tries out."""
    accent = request.tenant.accent
    if "accent" in request.GET:
        accent = f"#{request.GET['accent']}"
        try:
            validate_accent(accent)
        except forms.ValidationError as error:
            raise Http404 from error
    return stylesheet_in(accent)


@require_safe
@tenant_view()
def logo(request: TenantRequest, tenant: str) -> HttpResponse:
    return logo_of(request.tenant)


@require_safe
def stylesheet_at_host(request: HttpRequest) -> HttpResponse:
    """For whoever is not signed in yet, under the company's own host name; nothing under any other."""
    return stylesheet_in(_at_host(request).accent)


@require_safe
def logo_at_host(request: HttpRequest) -> HttpResponse:
    tenant = _at_host(request)
    with wall.tenant(tenant):
        return logo_of(tenant)


def _at_host(request: HttpRequest) -> Tenant:
    tenant = brand.tenant_at(request)
    if tenant is None:
        raise Http404
    return tenant


def stylesheet_in(accent: str) -> HttpResponse:
    """Of a colour; 404 for none."""
    if not accent:
        raise Http404
    return HttpResponse(brand.stylesheet(accent), content_type="text/css; charset=utf-8", headers=_KEPT)


def logo_of(tenant: Tenant) -> HttpResponse:
    """Behind the tenant's open wall; 404 where it has none."""
    row = Logo.objects.order_by("-version").first()
    if row is None:
        raise Http404
    return HttpResponse(bytes(row.content), content_type=row.content_type, headers=_KEPT | _ONLY_SHOWN)

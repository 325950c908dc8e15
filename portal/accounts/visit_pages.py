"""The console's way into a tenant's pages: a visit is asked for with its reason, and ended."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import quote
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from portal.accounts import visits
from portal.audit.models import Visit
from portal.audit.record import address_of
from portal.tenants.admin import LedgerAdmin
from portal.tenants.guards import membership_of
from portal.tenants.models.tenants import Tenant


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        help_text=gettext_lazy("The company's owners read it in a mail and in their audit. No phone numbers."),
        max_length=visits.LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"}),
    )


def visit_urls(pages: Any) -> list[URLPattern]:
    def wrapped(view: Any) -> Any:
        return pages.admin_site.admin_view(view)

    return [
        path("<int:object_id>/visit/", wrapped(_Begin(pages)), name="tenants_tenant_visit"),
        path("<int:object_id>/visit/end/", wrapped(end), name="tenants_tenant_visit_end"),
    ]


class _Begin:
    def __init__(self, pages: Any) -> None:
        self.pages = pages

    def __call__(self, request: HttpRequest, object_id: int) -> HttpResponse:
        answer: HttpResponse = require_http_methods(["GET", "HEAD", "POST"])(self._answer)(request, object_id)
        return answer

    def _answer(self, request: HttpRequest, object_id: int) -> HttpResponse:
        tenant = get_object_or_404(Tenant, pk=object_id)
        if not tenant.active:
            messages.error(request, _("This company is closed: nobody reads its pages."))
            return redirect("admin:tenants_tenant_change", quote(tenant.pk))
        if membership_of(request.user, tenant.slug) is not None:
            return redirect(f"/t/{tenant.slug}/")
        form = ReasonForm(request.POST or None)
        if form.is_valid():
            try:
                visits.begin(tenant, form.cleaned_data["reason"], user=request.user, address=address_of(request))
            except visits.NoReason as error:
                form.add_error("reason", str(error))
            else:
                return redirect(f"/t/{tenant.slug}/")
        context = {
            **self.pages.admin_site.each_context(request),
            "title": _("Visit %(company)s") % {"company": tenant},
            "opts": self.pages.opts,
            "tenant": tenant,
            "form": form,
            "is_open": visits.is_visiting(request.user, tenant.pk),
        }
        return TemplateResponse(request, "admin/tenants/tenant/visit.html", context)


@require_POST
def end(request: HttpRequest, object_id: int) -> HttpResponse:
    tenant = Tenant.objects.filter(pk=object_id).first()
    if tenant is None:
        raise Http404
    if visits.end(tenant, user=request.user, address=address_of(request)):
        messages.success(request, _("The visit of %(company)s has ended.") % {"company": tenant})
    return redirect(reverse("admin:tenants_tenant_change", args=[object_id]))


@admin.register(Visit)
class VisitPages(LedgerAdmin):
    list_display = ("user", "reason", "begun_at", "until", "ended_at")
    fields = list_display
    search_fields = ("user__email",)
    date_hierarchy = "begun_at"

"""The account page: a person's own name, language, zone, factors and sessions; and the tenant's rule for factors."""

from typing import Any
from zoneinfo import available_timezones

from allauth.mfa.models import Authenticator
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import is_valid_path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.accounts.factors import due_for, set_rule
from portal.accounts.sessions import end_session, end_sessions, is_own, sessions_of
from portal.tenants.guards import TenantRequest, memberships_of, tenant_view
from portal.tenants.models.people import Role, User
from portal.tenants.models.tenants import SecondFactor, Tenant


class PersonForm(forms.ModelForm):  # type: ignore[type-arg]
    language = forms.ChoiceField(
        label=gettext_lazy("Language"),
        choices=[("", gettext_lazy("as the browser")), *settings.LANGUAGES],
        required=False,
    )

    zone = forms.ChoiceField(
        label=gettext_lazy("Time zone"),
        choices=[("", gettext_lazy("as the company")), *((zone, zone) for zone in sorted(available_timezones()))],
        widget=forms.Select(attrs={"translate": "no"}),
        required=False,
    )

    class Meta:
        model = User
        fields = ("name", "language", "zone")
        labels = {"name": gettext_lazy("Name")}


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
def account(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    form = PersonForm(request.POST or None, instance=User.objects.get(pk=user.pk))
    if request.method == "POST" and form.is_valid():
        form.save()
        return redirect("account")
    factors = list(Authenticator.objects.filter(user=user).order_by("created_at"))
    context = {
        "form": form,
        "app": next((factor for factor in factors if factor.type == Authenticator.Type.TOTP), None),
        "passkeys": [factor for factor in factors if factor.type == Authenticator.Type.WEBAUTHN],
        "codes": next((factor for factor in factors if factor.type == Authenticator.Type.RECOVERY_CODES), None),
        "keys": _pages_of_keys(user),
        "sessions": [(session, is_own(session, request)) for session in sessions_of(user)],
    }
    return render(request, "accounts/account.html", context)


def _pages_of_keys(user: User) -> list[tuple[Tenant, str]]:
    """Where the person's keys are looked after: in the tenants that he owns."""
    owned = [place.tenant for place in memberships_of(user) if Role(place.role).covers(Role.OWNER)]
    pages = [(tenant, f"/t/{tenant.slug}/keys/") for tenant in owned]
    return [(tenant, page) for tenant, page in pages if is_valid_path(page)]


@require_POST
@login_required
def end(request: HttpRequest) -> HttpResponse:
    """End one of one's own sessions, or all others."""
    user: Any = request.user
    key = request.POST.get("session", "")
    if not key:
        end_sessions(user, but=request)
    elif not end_session(user, key[:64]):
        raise Http404
    messages.success(request, _("Signed out there."))
    return redirect("account")


@require_safe
@never_cache
@login_required
def second_factor(request: HttpRequest) -> HttpResponse:
    """Where somebody is led who gets no further without a second factor."""
    return render(request, "accounts/second_factor.html", {"due": due_for(request)})


@require_http_methods(["GET", "HEAD", "POST"])
@tenant_view(Role.OWNER, over_all=True)
def sign_in_settings(request: TenantRequest, tenant: str) -> HttpResponse:
    rule = request.POST.get("second_factor", "")
    if request.method == "POST" and rule in SecondFactor.values:
        set_rule(request.tenant, SecondFactor(rule), by=request.user)
        messages.success(request, _("Saved."))
        return redirect("sign_in_settings", tenant)
    return render(request, "accounts/sign_in_settings.html", {"page": "company", "rules": SecondFactor.choices})

"""Signing in by one's company: the page that asks for an address, the way to the provider, and the way back."""

from typing import Any
from uuid import UUID

from allauth.account.internal.flows.login import perform_login
from allauth.account.models import Login
from allauth.mfa.stages import AuthenticateStage
from django import forms
from django.conf import settings
from django.contrib.auth import logout
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from portal.accounts.admissions import held_state, prove
from portal.accounts.factors import look_up_again
from portal.accounts.limits import Guess
from portal.accounts.models import IdentityProvider, Way
from portal.accounts.sessions import note_way
from portal.accounts.sso import flow
from portal.accounts.sso.claims import Claims
from portal.accounts.sso.known import address_for, provider_at, remember
from portal.accounts.sso.letters import send_addresses
from portal.accounts.sso.people import person_of
from portal.accounts.sso.refusals import SENTENCES, Refused, Why
from portal.accounts.too_many import too_many
from portal.audit.record import address_of, record
from portal.tenants.admission import Admission
from portal.tenants.models.people import User

_STATUS = {Why.UNREACHED: 503}
_NOTED = {Why.WRONG, Why.NO_PLACE, Why.OTHER}  # anybody may send the others, as often as he likes


class AddressForm(forms.Form):
    """Looks nobody up: the answer is the same for every address."""

    email = forms.EmailField(
        label=gettext_lazy("E-mail address"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def company(request: HttpRequest) -> HttpResponse:
    """Ask by mail for the address of one's company's sign-in."""
    form = AddressForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        email = form.cleaned_data["email"]
        guess = Guess(request, "company", email)
        if not guess.is_allowed():
            return too_many(request, guess.seconds_left())
        send_addresses(email)
        return render(request, "accounts/company.html", {"sent": True})
    known = address_for(request)
    return render(request, "accounts/company.html", {"form": form, "known": "" if known == request.path else known})


@require_GET
@never_cache
def company_start(request: HttpRequest, provider: UUID) -> HttpResponse:
    """To the provider. A browser that came by another name of this portal goes by its own first."""
    row, here = _found(provider), settings.BASE_URL.split("/")[2]
    if request.get_host() != here:
        return HttpResponseRedirect(f"{'/'.join(settings.BASE_URL.split('/')[:3])}{request.get_full_path()}")
    guess = Guess(request, "provider", "")
    if not guess.is_allowed():
        return too_many(request, guess.seconds_left())
    target = request.GET.get("next", "")
    if not url_has_allowed_host_and_scheme(target, allowed_hosts={here}, require_https=request.is_secure()):
        target = f"/t/{row.tenant.slug}/"
    try:
        return HttpResponseRedirect(flow.begin(request, row, target))
    except Refused as refused:
        return _refused(request, refused, row)


@require_GET
@never_cache
def company_return(request: HttpRequest, provider: UUID) -> HttpResponse:
    """Back from it, with a code or with a refusal."""
    row = _found(provider)
    try:
        claims, target = flow.finish(request, row)
        user = person_of(row, claims)
    except Refused as refused:
        if refused.why in _NOTED:
            about = {"why": str(refused.why), "fault": refused.fault}
            record("provider.refused", tenant_id=row.tenant_id, about=about, address=address_of(request))
        return _refused(request, refused, row)
    Guess(request, "provider", "").take_back()  # what the way there counted
    response = _signed_in(request, row, user, claims, target)
    remember(response, row)
    return response


def _signed_in(
    request: HttpRequest, provider: IdentityProvider, user: User, claims: Claims, target: str
) -> HttpResponse:
    """A session held to the provider's tenant; or, for who is here by his password, one company more."""
    reader: Any = request.user
    if reader.pk == user.pk and reader.admission.held_to is None:
        prove(request, provider.tenant)
        note_way(request, Way.PROVIDER)  # so that it ends along with the provider
        look_up_again(request)
        address = address_of(request)
        record("person.signed_in_by_provider", tenant_id=provider.tenant_id, user=user, address=address)
        return HttpResponseRedirect(target)
    if reader.is_authenticated:
        logout(request)
    factor = provider.factor_counts and claims.tells_of_factor(provider.factor_acr)
    state: dict[str, Any] = held_state(Admission(held_to=provider.tenant_id, factor=factor))
    if factor:
        state["stages"] = {AuthenticateStage.key: {"handled": True}}
    response: HttpResponse = perform_login(request, Login(user=user, redirect_url=target, state=state))
    return response


def _found(public_id: UUID) -> IdentityProvider:
    row = provider_at(public_id)
    if row is None:
        raise Http404
    return row


def _refused(request: HttpRequest, refused: Refused, provider: IdentityProvider) -> HttpResponse:
    context = {"sentence": SENTENCES[refused.why], "provider": provider, "again": refused.why != Why.NO_PLACE}
    return render(request, "accounts/company_refused.html", context, status=_STATUS.get(refused.why, 403))

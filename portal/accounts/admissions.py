"""Which companies a session opens, kept in it (:mod:`portal.tenants.admission`).

What a company's identity provider vouched for is another kind of session from the first: it has a backend of its own,
and one that has lost what it is held to is nobody's. It changes nothing of the account, which opens other companies.
"""

from typing import Any

from allauth.account.stages import LoginStage
from django.contrib.auth import BACKEND_SESSION_KEY, get_user
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import SimpleLazyObject

from portal.lib import turns
from portal.tenants.admission import Admission
from portal.tenants.models.tenants import Tenant

_BACKEND = "portal.accounts.admissions.ProviderBackend"
_KEPT = "admission"
_OF_THE_ACCOUNT = "/accounts/"
# What is open to a held session below it: to come, to go, to read in one's language, to prove oneself by mail.
_OPEN_WHEN_HELD = {
    *("account_login", "account_logout", "set_language", "company", "company_start", "company_return"),
    *("account_reset_password", "account_reset_password_done"),
    *("account_reset_password_from_key", "account_reset_password_from_key_done"),
}


class ProviderBackend(ModelBackend):
    """That of held sessions. It signs nobody in."""

    def authenticate(self, request: Any, **_credentials: Any) -> None:  # type: ignore[override]
        return None


class HoldStage(LoginStage):  # type: ignore[misc]
    """The last step of a sign-in: one that a provider began goes on as held, also after a second factor was asked."""

    key = "held"

    def handle(self) -> tuple[None, bool]:
        held = self.login.state.get(_KEPT)
        if held is not None:
            self.login.user.admission = Admission(held_to=held["to"], factor=held["factor"])
            self.login.user.backend = _BACKEND
        return None, True


def held_state(admission: Admission) -> dict[str, Any]:
    """What a sign-in carries from its first step on, to end as a session that is held."""
    return {_KEPT: {"to": admission.held_to, "factor": admission.factor}}


def keep(request: HttpRequest, user: Any) -> None:
    """Write down in the session what it opens, as its person signs in."""
    if user.admission is None:
        request.session.pop(_KEPT, None)
        user.admission = Admission()
    else:
        request.session[_KEPT] = {"to": user.admission.held_to, "factor": user.admission.factor}


def prove(request: HttpRequest, tenant: Tenant) -> None:
    """The person of a session that is not held has come by this tenant's provider as well."""
    proven = {*request.session.get(_KEPT, {}).get("proven", ()), tenant.pk}
    request.session[_KEPT] = {"proven": sorted(proven)}


class AdmissionMiddleware(AuthenticationMiddleware):
    """Whoever reads knows what his session opens."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: _reader(request))  # type: ignore[assignment]

    def process_view(self, request: HttpRequest, *_view: Any) -> HttpResponse | None:
        """A held session is led round what is the whole account's."""
        if not request.path.startswith(_OF_THE_ACCOUNT) or not request.user.is_authenticated:
            return None
        name = request.resolver_match.url_name if request.resolver_match else ""
        held_to = request.user.admission.held_to
        if held_to is None or name in _OPEN_WHEN_HELD:
            return None
        context = {"company": Tenant.objects.get(pk=held_to).name}
        return render(request, "accounts/held.html", context, status=200 if name == "account" else 403)


def _reader(request: HttpRequest) -> Any:
    user: Any = get_user(request)
    if not user.is_authenticated:
        return user
    kept = request.session.get(_KEPT, {})
    user.admission = Admission(kept.get("to"), frozenset(kept.get("proven", ())), kept.get("factor", False))
    if request.session[BACKEND_SESSION_KEY] == _BACKEND and user.admission.held_to is None:
        return AnonymousUser()
    turns.recognize(f"member {user.pk}", language=user.language)
    return user

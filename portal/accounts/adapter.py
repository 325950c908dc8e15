"""How sign-in behaves here: accounts are made by owners and administrators, nobody signs up."""

from typing import Any
from uuid import uuid4

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.mfa.webauthn.internal.flows import did_use_passwordless_login
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from portal.accounts.devices import remember_device
from portal.accounts.letters import put_letter
from portal.accounts.limits import Guess
from portal.accounts.models import Way
from portal.accounts.sessions import note_way
from portal.audit.record import address_of
from portal.outbox import post
from portal.outbox.render import Rendered


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Its limits are those of :mod:`portal.accounts.limits`; the library's own are set aside in the settings."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": _("Wrong e-mail address or password."),
        "too_many_login_attempts": _("Too many attempts. Wait some minutes, or use a browser that you signed in from."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def format_email_subject(self, subject: str) -> str:
        """As it is: the library puts the name of the host before it, which whoever asks may choose."""
        return subject

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Whatever mail the library sends is a row of the outbox first, and may hold a secret."""
        site = {"name": "Ringbook", "domain": settings.BASE_URL.partition("://")[2]}
        mail = self.render_mail(template_prefix, email, {**context, "email": email, "current_site": site})
        html = next((str(content) for content, kind in getattr(mail, "alternatives", ()) if kind == "text/html"), "")
        rendered = Rendered(str(mail.subject), str(mail.body), html)
        conduct = post.Conduct(holds_secret=True, urgent=True)
        put_letter(rendered, to=email, reference=f"account:{uuid4()}", conduct=conduct)

    def get_client_ip(self, request: HttpRequest) -> str:
        return address_of(request) or ""

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Any:
        """The person, or None. A refused attempt costs no hash, and says nothing about the account."""
        self._guess = Guess(request, "password", str(credentials.get("email", "")))
        user = super().authenticate(request, **credentials)
        if user is not None:
            self._guess.take_back()
        return user

    def reauthenticate(self, user: Any, password: str) -> bool:
        found = self.authenticate(context.request, email=user.email, password=password)
        return found is not None and found.pk == user.pk

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        if not self._guess.is_allowed():
            raise self.validation_error("too_many_login_attempts")

    def get_login_stages(self) -> list[str]:
        """The last one holds what a company's identity provider began to that company."""
        return [*super().get_login_stages(), "portal.accounts.admissions.HoldStage"]

    def post_login(self, request: HttpRequest, user: Any, **about: Any) -> HttpResponse:
        response: HttpResponse = super().post_login(request, user, **about)
        if user.admission is not None and user.admission.held_to is not None:  # a company's provider let him in
            note_way(request, Way.PROVIDER)
            return response
        passkey = did_use_passwordless_login(request, user)
        note_way(request, Way.PASSKEY if passkey else Way.PASSWORD)
        remember_device(request, response, user.email)
        return response

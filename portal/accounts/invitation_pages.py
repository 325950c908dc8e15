"""Where the link of an invitation leads: whoever signs in already joins, anybody else makes his account.

Every way of signing in may end here: the page joins whoever is signed in with the invited address.
"""

from typing import Any

from allauth.account.utils import perform_login
from django import forms
from django.contrib.auth.password_validation import validate_password
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from portal.accounts.invitations import accept, accept_as_new, find
from portal.accounts.limits import Guess
from portal.accounts.members import NotPossible, find_person
from portal.accounts.models import Invitation
from portal.accounts.too_many import too_many
from portal.tenants.models.people import User


class NewPersonForm(forms.Form):
    name = forms.CharField(
        label=_("Name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name", "autofocus": True})
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.email = email

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if "password" in values:
            try:
                validate_password(values["password"], User(email=self.email, name=values.get("name", "")))
            except forms.ValidationError as error:
                self.add_error("password", error)
        return values


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def accept_invitation(request: HttpRequest, secret: str) -> HttpResponse:
    """Reading it changes nothing: programs that look through mails follow its links."""
    invitation = find(secret)
    if invitation is None:
        # Only what is wrong is counted: nobody finds a right link by guessing, so a limit would close his neighbour's.
        guess = Guess(request, "invitation", "")
        return _closed(request) if guess.is_allowed() else too_many(request, guess.seconds_left())
    person = find_person(invitation.email)
    if person is not None and not person.is_active:
        return _closed(request)
    try:
        if request.user.is_authenticated:
            return _as_member(request, invitation)
        return _as_new(request, invitation) if person is None else _page(request, invitation, state="known")
    except NotPossible:  # withdrawn, or used, while it was read
        return _closed(request)


def _as_member(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    user: Any = request.user
    if user.email.lower() != invitation.email:
        return _page(request, invitation, state="other")
    if request.method != "POST":
        return _page(request, invitation, state="join")
    accept(invitation, user)
    return redirect(f"/t/{invitation.tenant.slug}/")


def _as_new(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    form = NewPersonForm(request.POST or None, email=invitation.email)
    if not form.is_valid():
        return _page(request, invitation, state="new", form=form)
    try:
        membership = accept_as_new(invitation, name=form.cleaned_data["name"], password=form.cleaned_data["password"])
    except IntegrityError:  # he was made at the same moment, by another invitation
        return redirect(request.path)
    answer: HttpResponse = perform_login(request, membership.user, redirect_url=f"/t/{invitation.tenant.slug}/")
    return answer


def _page(request: HttpRequest, invitation: Invitation, **context: Any) -> HttpResponse:
    return render(request, "accounts/accept_invitation.html", {"invitation": invitation, **context})


def _closed(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/accept_invitation.html", {"state": "closed"}, status=404)

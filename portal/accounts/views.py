"""Pages about the person who reads: which company to enter, which language to read."""

from typing import Any

from allauth.account.views import LoginView, PasswordResetView
from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import NON_FIELD_ERRORS
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from portal.accounts.limits import Guess
from portal.accounts.resets import send_reset
from portal.accounts.sso.known import addresses_of
from portal.accounts.too_many import too_many, too_many_sign_ins
from portal.tenants.brand import tenant_at
from portal.tenants.guards import asking_among, opened_among, places_of
from portal.tenants.models.people import User

_YEAR = 365 * 24 * 3600
_MANY = 8  # companies: more are found by typing


@require_safe
@never_cache
@login_required
def choose(request: HttpRequest) -> HttpResponse:
    """The start page: straight on for members of one company, a choice for members of several."""
    places = places_of(request.user)
    memberships = opened_among(request.user, places)
    closed = addresses_of(place.tenant for place in asking_among(request.user, places))
    if len(memberships) == 1 and not closed:
        return redirect(f"/t/{memberships[0].tenant.slug}/")
    return render(request, "accounts/choose.html", {"memberships": memberships, "closed": closed, "many": _MANY})


@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Keep the language with the person when signed in, in a cookie otherwise, and go back to where he was."""
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        back = "/"
    response = HttpResponseRedirect(back)
    language = request.POST.get("language", "")
    if language not in dict(settings.LANGUAGES):
        return response
    if request.user.is_authenticated:
        User.objects.filter(pk=request.user.pk).update(language=language)
    else:
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            language,
            max_age=_YEAR,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
    return response


class LimitedLoginView(LoginView):  # type: ignore[misc]
    """Whoever is over a limit is refused before anything is checked, looked up or written."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        seconds = self._seconds_left()
        if seconds:
            return too_many_sign_ins(request, seconds)
        answer: HttpResponse = super().post(request, *args, **kwargs)
        return answer

    def form_invalid(self, form: Any) -> HttpResponse:
        """Of attempts made at once some are refused only where they are counted."""
        if form.has_error(NON_FIELD_ERRORS, "too_many_login_attempts"):
            return too_many_sign_ins(self.request, self._seconds_left())
        answer: HttpResponse = super().form_invalid(form)
        return answer

    def _seconds_left(self) -> int:
        return Guess(self.request, "password", self.request.POST.get("login", "")).seconds_left()


class ResetForm(forms.Form):
    """Looks nobody up while it is checked: its answer is the same for every address."""

    email = forms.EmailField(
        label=gettext_lazy("E-mail address"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )

    def save(self, request: HttpRequest) -> None:
        send_reset(self.cleaned_data["email"], at=tenant_at(request))


class LimitedResetView(PasswordResetView):  # type: ignore[misc]
    """Asking for a link counts like guessing, right or wrong: each one is a mail to somebody."""

    form_class = ResetForm

    def form_valid(self, form: Any) -> HttpResponse:
        guess = Guess(self.request, "reset", form.cleaned_data["email"])
        if not guess.is_allowed():
            return too_many(self.request, guess.seconds_left())
        answer: HttpResponse = super().form_valid(form)
        return answer

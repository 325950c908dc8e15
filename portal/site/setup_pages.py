"""The page that an empty portal leads to: who sets it up, and for which company."""

from typing import Any
from zoneinfo import available_timezones

from allauth.account.utils import perform_login
from django import forms
from django.conf import settings
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from portal.accounts.invitation_pages import NewPersonForm
from portal.accounts.limits import Guess
from portal.accounts.too_many import too_many
from portal.site.setup import First, NotEmpty, begin, is_empty, opens
from portal.tenants.models.tenants import Tenant

_PLAIN = {"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false", "autofocus": True}


class FirstForm(NewPersonForm):
    """The code, the company, and the person who owns it."""

    code = forms.CharField(
        label=gettext_lazy("Code"),
        max_length=60,
        widget=forms.TextInput(attrs=_PLAIN),
        help_text=gettext_lazy("It stands where the portal was started: in the terminal, or in the log."),
    )
    company = forms.CharField(
        label=gettext_lazy("Company"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "organization"})
    )
    zone = forms.ChoiceField(
        label=gettext_lazy("Time zone"),
        choices=[(zone, zone) for zone in sorted(available_timezones())],
        initial=Tenant._meta.get_field("zone").default,
        widget=forms.Select(attrs={"translate": "no"}),
        help_text=gettext_lazy("Days and hours of every figure are counted in it."),
    )
    language = forms.ChoiceField(label=gettext_lazy("Language"), choices=settings.LANGUAGES)
    email = forms.EmailField(  # type: ignore[assignment]
        label=gettext_lazy("Your e-mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username"}),
        help_text=gettext_lazy("You sign in with it."),
    )
    administers = forms.BooleanField(
        label=gettext_lazy("Make me the administrator of this installation too"),
        required=False,
        initial=True,
        help_text=gettext_lazy("Who may add other companies, and sees in the administration how everything runs."),
    )
    field_order = ("code", "company", "zone", "language", "name", "email", "password", "administers")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, email="", **kwargs)
        self.fields["name"].label = _("Your name")
        del self.fields["name"].widget.attrs["autofocus"]
        self.fields["language"].initial = translation.get_language()

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        if not opens(code):
            raise forms.ValidationError(_("This is not the code. Starting the portal again tells a new one."))
        return code

    def clean(self) -> dict[str, Any]:
        self.email = self.cleaned_data.get("email", "")  # a password may not be like it
        return super().clean()


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def set_up(request: HttpRequest) -> HttpResponse:
    """Absent as soon as somebody has an account."""
    if not is_empty():
        raise Http404
    if request.method != "POST":
        return _page(request, FirstForm())
    form = FirstForm(request.POST)
    valid, guess = form.is_valid(), Guess(request, "setup", "")
    # Only a wrong code is counted: others' failures from the same address never refuse the right one.
    if "code" in form.errors and not guess.is_allowed():
        return too_many(request, guess.seconds_left())
    return _begun(request, form.cleaned_data) if valid else _page(request, form)


def _begun(request: HttpRequest, given: dict[str, Any]) -> HttpResponse:
    try:
        membership = begin(given.pop("code"), First(**given))
    except (NotEmpty, IntegrityError):  # somebody else was quicker
        return redirect("choose")
    vendors = reverse("connections:vendors", args=[membership.tenant.slug])
    answer: HttpResponse = perform_login(request, membership.user, redirect_url=vendors)
    return answer


def _page(request: HttpRequest, form: FirstForm) -> HttpResponse:
    status = 400 if form.errors else 200
    return render(request, "portal/set_up.html", {"form": form}, status=status)

"""The form of a company's identity provider."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.accounts.models import IdentityProvider
from portal.accounts.sso.acts import Wanted
from portal.tenants.models.tenants import Tenant

_MOST_DOMAINS = 20


class ProviderForm(forms.Form):
    issuer = forms.CharField(
        label=gettext_lazy("Issuer"),
        max_length=300,
        widget=forms.URLInput(attrs={"placeholder": "https://login.example.com", "spellcheck": "false"}),
        help_text=gettext_lazy("The address of your identity provider, as it names itself."),
    )
    client_id = forms.CharField(
        label=gettext_lazy("Client id"), max_length=200, widget=forms.TextInput(attrs={"spellcheck": "false"})
    )
    client_secret = forms.CharField(
        label=gettext_lazy("Client secret"),
        max_length=500,
        required=False,
        strip=True,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    domains = forms.CharField(
        label=gettext_lazy("Domains of your mail addresses"),
        max_length=2000,
        widget=forms.TextInput(attrs={"placeholder": "example.com, example.org", "spellcheck": "false"}),
        help_text=gettext_lazy("People with other addresses can't sign in this way."),
    )
    required = forms.BooleanField(
        label=gettext_lazy("Members have to sign in this way"),
        required=False,
        help_text=gettext_lazy("Owners can always sign in by password as well, so that nobody is locked out."),
    )
    takes_strangers = forms.BooleanField(
        label=gettext_lazy("Give a place to everybody whom the provider lets in"),
        required=False,
        help_text=gettext_lazy(
            "As a viewer of everything, without phone numbers. Otherwise only members get in. Who has an account here"
            " already is invited instead."
        ),
    )
    factor_counts = forms.BooleanField(
        label=gettext_lazy("A second factor that the provider asked for counts here"),
        required=False,
        help_text=gettext_lazy("If it tells of one. Otherwise ours is asked for as usual."),
    )
    factor_acr = forms.CharField(
        label=gettext_lazy("The provider's word for a second factor (acr)"),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"spellcheck": "false"}),
        help_text=gettext_lazy("Empty for most providers, which tell it by “amr”."),
    )

    def __init__(self, data: Any, provider: IdentityProvider | None, tenant: Tenant) -> None:
        super().__init__(data, initial=_initial(provider, tenant))
        secret = self.fields["client_secret"]
        if provider is None:
            secret.required = True
        else:
            secret.help_text = _("One is stored, and is never shown. Leave this empty to keep it.")

    def clean_domains(self) -> tuple[str, ...]:
        found = [word.removeprefix("@") for word in re.split(r"[\s,;]+", self.cleaned_data["domains"].lower()) if word]
        for domain in found:
            try:
                validate_email(f"name@{domain}")
            except ValidationError:
                raise ValidationError(_("“%(domain)s” is no domain.") % {"domain": domain}) from None
        if not 0 < len(found) <= _MOST_DOMAINS:
            raise ValidationError(_("Enter one to %(most)d domains.") % {"most": _MOST_DOMAINS})
        return tuple(dict.fromkeys(found))

    def wanted(self) -> Wanted:
        return Wanted(**self.cleaned_data)


def _initial(provider: IdentityProvider | None, tenant: Tenant) -> dict[str, Any]:
    if provider is None:
        return {}
    return {
        "issuer": provider.issuer,
        "client_id": provider.client_id,
        "domains": ", ".join(provider.domains),
        "required": tenant.requires_provider,
        "takes_strangers": provider.takes_strangers,
        "factor_counts": provider.factor_counts,
        "factor_acr": provider.factor_acr,
    }

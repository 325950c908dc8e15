"""How second factors behave here: their secrets sleep in the vault.

The library seals a secret before it says whose it is, so they are sealed for its table, and not for their rows.
"""

from typing import Any

from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from portal.accounts.limits import Guess
from portal.vault import seal, unseal

_PLACE = (Authenticator._meta.db_table, "data")
_SEALED = ("secret", "seed")  # what of a factor's data is: of an app, of recovery codes


class FactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    error_messages = DefaultMFAAdapter.error_messages | {"incorrect_code": _("This code is not right.")}

    def encrypt(self, text: str) -> str:
        return seal(text, *_PLACE)

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(encrypted_text, *_PLACE).reveal()


def seal_anew() -> int:
    """Seal the secrets of all factors under the newest key, in the caller's transaction; how many they are.

    Raises VaultError for one that does not open.
    """
    done = 0
    for factor in Authenticator.objects.select_for_update().order_by("pk"):
        held = [name for name in _SEALED if name in factor.data]
        for name in held:
            factor.data[name] = seal(unseal(factor.data[name], *_PLACE).reveal(), *_PLACE)
        if held:
            factor.save(update_fields=["data"])
        done += len(held)
    return done


class CountedCode(forms.Form):
    """For forms that take a code: wrong ones count as guesses at the account."""

    user: Any

    def clean_code(self) -> str:
        guess = Guess(context.request, "code", self.user.email)
        if not guess.is_allowed():
            raise ValidationError(_("Too many attempts. Wait some minutes and try again."))
        code: str = super().clean_code()  # type: ignore[misc]
        guess.take_back()
        return code


class CodeForm(CountedCode, AuthenticateForm):  # type: ignore[misc]
    """The code at signing in."""


class CodeAgainForm(CountedCode, ReauthenticateForm):  # type: ignore[misc]
    """The code before something that matters."""

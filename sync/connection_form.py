"""The console's form of a connection: a token that goes in and never comes out, and a test before anything is saved."""

from datetime import date
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.lib.outward.trials import TESTS
from sync.connections import (
    TRIAL_SECONDS,
    ChangedMeanwhile,
    ConnectionRefused,
    TokenSealed,
    access_unsaved,
    access_with,
    check_access,
    destination,
    explain,
    refuse_elsewhere,
    test,
)
from sync.history import WrongDay, check_day, days_to_read, estimate
from sync.models.connections import Connection, ConnectionState
from sync.providers import registry
from sync.providers.errors import UpstreamError, WrongPath
from sync.taxonomy import Fault

Refusal = UpstreamError | TokenSealed | ChangedMeanwhile


class ConnectionForm(forms.ModelForm):  # type: ignore[type-arg]
    """The token goes in and never comes out: an empty field keeps the one there is.

    What has to be tested is tested by the page before its transaction begins; ``refusal`` is what came of it.
    """

    refusal: ClassVar[Refusal | None] = None

    base_url = forms.URLField(label=gettext_lazy("Base address"), max_length=300, assume_scheme="https")
    new_token = forms.CharField(
        label=gettext_lazy("Token"),
        required=False,
        strip=True,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("Never shown again. Left empty, the present token stays."),
    )
    paused = forms.BooleanField(
        label=gettext_lazy("Paused"), required=False, help_text=gettext_lazy("Nothing is read while this is on.")
    )
    untested = forms.BooleanField(
        label=gettext_lazy("Save without testing"),
        required=False,
        help_text=gettext_lazy("Otherwise the vendor is asked once, and nothing is saved when that fails."),
    )

    sure = forms.BooleanField(label=gettext_lazy("Read so much"), required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.was_paused = self.instance.state == ConnectionState.PAUSED
        self.fields["paused"].initial = self.was_paused

    @property
    def needs_test(self) -> bool:
        """Whether what is saved must prove first that it serves."""
        return self._is_in_question and not self.cleaned_data.get("untested")

    @property
    def is_proven(self) -> bool | None:
        """True or False when what is saved was, or was not, tested; None when there was nothing to test."""
        return self.needs_test if self._is_in_question else None

    @property
    def _is_in_question(self) -> bool:
        cleaned = self.cleaned_data
        changed = [name for name in ("base_url", "settings") if cleaned[name] != self.initial.get(name)]
        resumed = self.was_paused and not cleaned.get("paused", True)
        return bool(changed or resumed or cleaned["new_token"])

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.instance.pk and not cleaned.get("new_token"):
            self.add_error("new_token", _("A new connection needs a token."))
        environment = cleaned.get("environment") or (self.instance.pk and self.instance.environment)
        if environment:
            self.instance.provider = environment.provider
            self._clean_settings(environment.provider, cleaned)
            if not self.errors:
                self._clean_token(environment.provider, cleaned)
            if not self.errors and "since" in self.changed_data:
                self._agree(environment.provider, cleaned)
        if self.refusal is not None:
            self.tell(self.refusal)
        return cleaned

    def _clean_token(self, provider: str, cleaned: dict[str, Any]) -> None:
        """One that another company uses is refused; one that would go elsewhere than before has to be given anew."""
        token = cleaned["new_token"]
        try:
            refuse_elsewhere(self.instance.tenant_id, provider, token)
        except ConnectionRefused as error:
            self.add_error("new_token", str(error))
        if token or not self.instance.pk:
            return
        if self.instance.state == ConnectionState.REMOVED:
            self.add_error("new_token", _("The connection was removed, and its token with it: enter one."))
        elif self.moves:
            sentence = _("The token goes to another address, or in another form: enter it again.")
            self.add_error("new_token", sentence)

    @property
    def moves(self) -> dict[str, tuple[str, str]]:
        """What changes of where the token goes: before and after, as the audit keeps it."""
        provider = registry.get(self.instance.provider)
        was = destination(provider, self.initial["base_url"], self.initial["settings"])
        now = destination(provider, self.cleaned_data["base_url"], self.cleaned_data["settings"])
        return {name: (was[name], now[name]) for name in now if was[name] != now[name]}

    def clean_since(self) -> date:
        since: date = self.cleaned_data["since"]
        if "since" in self.changed_data:
            try:
                check_day(since)
            except WrongDay as error:
                raise ValidationError(str(error)) from error
        return since

    def _agree(self, provider: str, cleaned: dict[str, Any]) -> None:
        """A long history is asked for twice: the box that agrees to it appears with what it would ask."""
        rate = cleaned.get("rate_per_minute") or settings.UPSTREAM_RATE_PER_MINUTE
        days = days_to_read(cleaned["since"], self.instance if self.instance.pk else None)
        needed = estimate(registry.get(provider), cleaned["settings"], rate, days)
        if needed.is_long:
            self.fields["sure"].widget = forms.CheckboxInput()
            if not cleaned.get("sure"):
                sentence = _("This history asks for %(needed)s. Tick the box and save again, or choose a later day.")
                self.add_error("sure", sentence % {"needed": needed})

    def clean_base_url(self) -> str:
        address = str(self.cleaned_data["base_url"]).rstrip("/")
        if not settings.UPSTREAM_ALLOW_PRIVATE and not address.startswith("https://"):
            raise ValidationError(_("The base address must begin with https://."))
        return address

    def _clean_settings(self, provider: str, cleaned: dict[str, Any]) -> None:
        try:
            cleaned["settings"] = registry.get(provider).check_settings(cleaned.get("settings") or {})
        except KeyError:
            self.add_error("environment", _("Nothing here reads that vendor."))
        except (ValueError, TypeError, AttributeError) as error:
            self.add_error("settings", str(error))

    def tell(self, refusal: Refusal) -> None:
        """Say at the field in question why nothing was saved."""
        if isinstance(refusal, ChangedMeanwhile):
            self.add_error(None, str(refusal))
            return
        nothing = _("Nothing was saved.")
        if isinstance(refusal, WrongPath):
            self.add_error("base_url", f"{nothing} {explain(refusal)}")
            return
        if isinstance(refusal, TokenSealed):
            self.add_error("new_token", f"{nothing} {refusal}")
            return
        field = {Fault.REJECTED: "new_token", Fault.FORBIDDEN: "new_token", Fault.REFUSED: "settings"}
        self.add_error(field.get(refusal.fault, "base_url"), f"{nothing} {explain(refusal)}")

    def tested(self) -> Refusal | None:
        """What speaks against saving: the vendor's answer to one request, or that the present token does not open, or
        that it is for another address by now.
        """
        connection: Connection = self.instance  # as it would be saved
        token = self.cleaned_data["new_token"]
        try:
            access = access_with(connection, token) if token else access_unsaved(connection)
            with TESTS.take(connection.tenant_id, seconds=TRIAL_SECONDS):
                if connection.pk:
                    test(connection, access)
                else:
                    check_access(registry.get(connection.provider), access)
        except (UpstreamError, TokenSealed, ChangedMeanwhile) as error:
            return error
        return None

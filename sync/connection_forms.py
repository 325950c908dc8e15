"""The forms of the pages of connections. Each setting that a vendor declares is a field; the rest is the console's."""

from typing import Any

from django import forms
from django.utils.functional import lazystr
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from portal.lib.times import parse_day
from sync.connection_form import ConnectionForm
from sync.connections import Description
from sync.history import WrongDay, check_day, today
from sync.models.connections import Connection
from sync.providers.base import FormField, Provider

# The words of the vendors' settings, whose modules are plain Python.
_WORDS = (
    gettext_noop("Agents"),
    gettext_noop("Numbers and names, such as 7:Reception,8:Sales"),
    gettext_noop("Header"),
    gettext_noop("Name of the header that carries the token"),
    gettext_noop("Prefix"),
    gettext_noop("What stands before the token in that header; may be empty"),
    gettext_noop("Organisation"),
    gettext_noop("If filled, calls that carry another organisation's number are set aside"),
    gettext_noop("Hosts of recordings"),
    gettext_noop("Hosts whose recordings may be opened from a call's page, such as media.example.com; none by default"),
    gettext_noop("Largest answer"),
    gettext_noop("Bytes; a longer one fails and changes nothing"),
    gettext_noop("In Talkover, open the environment's settings and copy its API token. It begins with talq_."),
    gettext_noop("Ask OriginsAI's support for the token of your host. Leave it empty if your host needs none."),
)
_PREFIX = "setting_"
_TOKEN = {"autocomplete": "off", "spellcheck": "false"}


def setting_fields(provider: Provider) -> dict[str, forms.Field]:
    """A form's field for each setting of a vendor."""
    return {f"{_PREFIX}{each.key}": _field(each) for each in provider.fields}


def _field(each: FormField) -> forms.Field:
    hint = _(each.help) if each.help else ""
    if each.many:
        hint = f"{hint}. {_('One a line.')}" if hint else _("One a line.")
    widget = forms.Textarea(attrs={"rows": 3}) if each.many else forms.TextInput()
    return forms.CharField(
        label=_(each.label), help_text=hint, required=each.required, initial=each.default, widget=widget, strip=True
    )


def address_hint(provider: Provider) -> str:
    """What a base address of this vendor looks like."""
    if provider.base_url:
        return _("Change it only if your vendor told you another address. It ends with %(path)s.") % {
            "path": provider.base_path
        }
    return _("The https address of your host, with %(path)s at the end.") % {"path": provider.base_path}


def settings_sent(provider: Provider, cleaned: dict[str, Any]) -> dict[str, str]:
    """What the fields say, as a vendor takes it."""
    return {each.key: _value(each, str(cleaned.get(f"{_PREFIX}{each.key}", ""))) for each in provider.fields}


def _value(each: FormField, text: str) -> str:
    return ",".join(filter(None, map(str.strip, text.splitlines()))) if each.many else text


class NewConnectionForm(forms.Form):
    """The second step: what the new environment is called, where its vendor is, and the token."""

    name = forms.CharField(label=gettext_lazy("Name of the environment"), max_length=120)
    base_url = forms.URLField(label=gettext_lazy("Base address"), max_length=300, assume_scheme="https")
    token = forms.CharField(
        label=gettext_lazy("Token"),
        required=False,
        widget=forms.PasswordInput(render_value=False, attrs=_TOKEN),
    )

    def __init__(self, provider: Provider, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.provider = provider
        self.fields["base_url"].initial = provider.base_url
        self.fields["base_url"].help_text = address_hint(provider)
        hint = _(provider.credential_hint) if provider.credential_hint else ""
        self.fields["token"].help_text = f"{hint} {_('It is kept encrypted and never shown again.')}".strip()
        self.fields.update(setting_fields(provider))

    def description(self) -> Description:
        """What a valid form describes; the history begins today until the third step says when."""
        cleaned = self.cleaned_data
        return Description(
            name=cleaned["name"],
            provider=self.provider.key,
            base_url=cleaned["base_url"],
            since=today(),
            token=cleaned["token"],
            settings=settings_sent(self.provider, cleaned),
        )


class SettingsForm(ConnectionForm):
    """A form of a connection with a field for each setting that its vendor has."""

    provider: Provider

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["settings"].required = False
        self.fields["settings"].widget = forms.HiddenInput()
        self.fields["rate_per_minute"].help_text = lazystr(_("Empty: the usual limit of this portal."))
        self.fields["since"].help_text = _("UTC day. What was read from before it stays.")
        self.fields.update(setting_fields(self.provider))
        for each in self.provider.fields:
            text = str((self.instance.settings or {}).get(each.key, each.default))
            self.fields[f"{_PREFIX}{each.key}"].initial = text.replace(",", "\n") if each.many else text

    def clean_settings(self) -> dict[str, str]:
        # Django cleans fields in their order, and this one may come before those that it is made of.
        for name in setting_fields(self.provider):
            value = self.fields[name].widget.value_from_datadict(self.data, self.files, self.add_prefix(name))
            self.cleaned_data.setdefault(name, str(value or "").strip())
        return settings_sent(self.provider, self.cleaned_data)


class ChangeForm(SettingsForm):
    """The console's form as a company's page has it; pausing is a button of its own here."""

    class Meta:
        model = Connection
        fields = ("base_url", "since", "rate_per_minute", "settings")

    def __init__(self, provider: Provider, *args: Any, **kwargs: Any) -> None:
        self.provider = provider
        super().__init__(*args, **kwargs)
        del self.fields["paused"], self.fields["untested"]
        self.fields["since"].widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        self.order_fields(["base_url", "new_token", *setting_fields(provider), "since", "rate_per_minute", "sure"])

    @property
    def shown(self) -> list[Any]:
        """The fields as the page shows them; the agreement to a long history once it is asked for."""
        return [field for field in self if field.name != "settings" and not field.is_hidden]

    @property
    def is_reset(self) -> bool:
        """Whether anything but the token changes."""
        names = ("base_url", "since", "rate_per_minute", "settings")
        return any(self.cleaned_data[name] != self.initial.get(name) for name in names)


def console_form(provider: Provider) -> type[SettingsForm]:
    """The administrators' form of that vendor's connections: Django's console asks a class for its fields."""
    return type("ConsoleForm", (_ConsoleForm,), {**setting_fields(provider), "provider": provider})


class _ConsoleForm(SettingsForm):
    def add_error(self, field: str | None, error: Any) -> None:
        """What speaks against the settings together belongs to the whole form: their own field is hidden."""
        super().add_error(None if field == "settings" else field, error)


class DaysForm(forms.Form):
    """A span of UTC days to be read again."""

    first = forms.CharField(required=False)
    last = forms.CharField(required=False)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        try:
            first, last = parse_day(cleaned.get("first", "")), parse_day(cleaned.get("last", ""))
            check_day(first)
        except WrongDay as error:
            raise forms.ValidationError(str(error)) from error
        except ValueError as error:
            raise forms.ValidationError(_("Days are written as 2026-11-20.")) from error
        if first > last:
            raise forms.ValidationError(_("The first day lies after the last."))
        return {"first": first, "last": last}

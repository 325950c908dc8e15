"""The forms of a brand: the owner's, and with the host name the console's."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.lib.pictures import MOST_BYTES, NotAPicture, rebuilt
from portal.tenants.models.tenants import Tenant


class LogoField(forms.FileField):
    """A picture, rebuilt: the cleaned value is its media type and content."""

    widget = forms.FileInput(attrs={"accept": "image/png,image/jpeg,image/webp"})

    def clean(self, data: Any, initial: Any = None) -> Any:
        file = super().clean(data, initial)
        if not isinstance(file, UploadedFile):
            return None
        try:
            return rebuilt(file.read(MOST_BYTES + 1))
        except NotAPicture as error:
            sentence = _("A logo is a PNG, JPEG or WebP of up to 200 kB and 2,000 pixels on a side.")
            raise forms.ValidationError(sentence) from error


class LogoForm(forms.ModelForm):  # type: ignore[type-arg]
    """Of a tenant with its logo. As it is, the console's, with every field: administrators alone give host names."""

    logo = LogoField(
        label=gettext_lazy("Logo"),
        required=False,
        help_text=gettext_lazy("PNG, JPEG or WebP of up to 200 kB. Shown 28 pixels high."),
    )
    without_logo = forms.BooleanField(label=gettext_lazy("Take the logo away"), required=False)

    def clean_accent(self) -> str:
        return str(self.cleaned_data["accent"]).lower()


class BrandForm(LogoForm):
    """The owner's."""

    class Meta:
        model = Tenant
        fields = ("brand_name", "accent", "sender_name", "sender_address", "language")
        help_texts = {"language": gettext_lazy("Of mails to people who have not chosen one.")}

    field_order = ("brand_name", "logo", "without_logo", "accent", "sender_name", "sender_address", "language")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance.has_logo:
            del self.fields["without_logo"]

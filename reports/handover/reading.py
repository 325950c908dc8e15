"""Reading what somebody wishes, from a form or a JSON object alike: each bad value with a sentence of its own."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from portal.outbox.text import one_line
from portal.tenants.models.tenants import validate_zone
from reports.definitions.filters import whole_number


class WishReader:
    """``values`` are what is wished, ``stands`` what counts where they say nothing; ``errors`` gathers sentences by the
    names of values."""

    def __init__(self, values: Mapping[str, Any], stands: Any, fields: Sequence[str]) -> None:
        self.values, self.stands = values, stands
        self.errors = {name: _("This parameter is not known here.") for name in values if name not in fields}

    def given(self, name: str) -> Any:
        return self.values.get(name, getattr(self.stands, name))

    def line(self, name: str, longest: int, *, needed: str = "") -> str:
        """One line of text; ``needed`` is the sentence for none."""
        text = one_line(str(self.given(name) or ""), limit=longest + 1).strip()
        if not text and needed:
            self.errors[name] = needed
        elif len(text) > longest:
            self.errors[name] = _("This has at most %(most)s characters.") % {"most": longest}
        return text[:longest]

    def choice(self, name: str, choices: Sequence[str]) -> str:
        word = str(self.given(name) or "")
        if word not in choices:
            self.errors.setdefault(
                name,
                _("“%(word)s” is none of %(choices)s.")
                % {"word": one_line(word, limit=40), "choices": ", ".join(filter(None, choices))},
            )
            return choices[0]
        return word

    def whole(self, name: str, first: int, last: int) -> int:
        value = self.given(name)
        number = whole_number("" if isinstance(value, bool) else str(value), first, last)
        if number is None:
            self.errors.setdefault(
                name,
                _("“%(word)s” is no whole number from %(first)s to %(last)s.")
                % {"word": one_line(str(value), limit=40), "first": first, "last": last},
            )
            return first
        return number

    def flag(self, name: str) -> bool:
        value = self.given(name)
        if not isinstance(value, bool):
            self.errors[name] = _("This is “true” or “false”.")
        return value is True

    def zone(self, name: str = "zone") -> str:
        zone = str(self.given(name) or "")
        try:
            validate_zone(zone)
        except ValidationError:
            self.errors[name] = _("“%(zone)s” is not a time zone such as America/Sao_Paulo.") % {"zone": zone}
        return zone

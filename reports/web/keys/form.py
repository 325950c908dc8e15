"""The form of a new API key: what it offers of what its maker has, and the key that it asks for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from portal.accounts.keys import NewKey
from portal.tenants.models.people import Role
from portal.tenants.models.tenants import Environment
from portal.tenants.rights import Holding

LONGEST_NAME = 120
LONGEST_DAYS = 365
NEVER = "never"
DEFAULTS = {"name": "", "role": Role.VIEWER.value, "environment": "", "lasts": str(LONGEST_DAYS)}


@dataclass(slots=True)
class KeyForm:
    """``values`` as the form shows them; ``errors`` sentences by field. What ``maker`` lacks is not offered."""

    maker: Holding
    environments: Sequence[Environment]
    values: Mapping[str, str] = field(default_factory=lambda: dict(DEFAULTS))
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def roles(self) -> list[tuple[str, Any]]:
        return [(value, label) for value, label in Role.choices if self.maker.role.covers(Role(value))]

    @property
    def spans(self) -> list[tuple[str, str]]:
        """An owner alone makes a key without an end: it outlives whoever made it unless somebody remembers it."""
        offered = [("30", _("30 days")), ("90", _("90 days")), (str(LONGEST_DAYS), _("1 year"))]
        return [*offered, (NEVER, _("no end"))] if self.maker.role == Role.OWNER else offered


def sent_form(data: QueryDict, maker: Holding, environments: Sequence[Environment]) -> KeyForm:
    names = (*DEFAULTS, "numbers", "look_up")
    return KeyForm(maker, environments, {name: data.get(name, DEFAULTS.get(name, "")) for name in names})


def wished(form: KeyForm, now: datetime) -> NewKey | None:
    """The key that the form asks for, within what its maker has; None when it asks for anything else: the form then
    says why.
    """
    values, maker = form.values, form.maker
    name = " ".join(values["name"].split())
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        form.errors["name"] = _("Say in up to %(n)s characters what the key is for.") % {"n": LONGEST_NAME}
    environment = next((row for row in form.environments if str(row.public_id) == values["environment"]), None)
    if values["environment"] and environment is None:
        form.errors["environment"] = _("Choose one of the environments.")
    for field_name, offered in (("role", form.roles), ("lasts", form.spans)):
        if values[field_name] not in dict(offered):
            form.errors[field_name] = _("Choose one of the list.")
    numbers, look_up = bool(values["numbers"]), bool(values["look_up"])
    if numbers > maker.sees_numbers or look_up > maker.may_look_up:
        form.errors["numbers"] = _("Nobody can give more rights than he has.")
    if form.errors:
        return None
    return NewKey(
        name=name,
        role=Role(values["role"]),
        environment=environment,
        sees_numbers=numbers,
        looks_up=look_up,
        expires_at=None if values["lasts"] == NEVER else now + timedelta(days=int(values["lasts"])),
        rights=maker.rights,
    )

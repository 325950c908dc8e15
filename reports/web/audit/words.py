"""What changed, in words of the reader's language: a label for each name, and for values that are keys of something."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.utils import formats
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.accounts.members import EVERY
from portal.audit.record import CHANGED
from portal.formats import figures
from portal.tenants.models.people import Role
from portal.tenants.models.tenants import Environment
from reports.definitions.periods import moment_of_asking

# Names of our own; others are columns of the first of _TABLES that has them, or of the table an entry is about.
FIELDS: dict[str, str | Promise] = {
    "agents": gettext_lazy("Agents"),
    "environment": gettext_lazy("Environment"),
    "environments": gettext_lazy("Environments"),
    "expires_at": gettext_lazy("Expires"),
    "filters": gettext_lazy("Filters"),
    "host": gettext_lazy("Address"),
    "looks_up": gettext_lazy("May look up numbers"),
    "new_token": gettext_lazy("Token"),
    "paused": gettext_lazy("Paused"),
    "role": gettext_lazy("Role"),
    "sees_numbers": gettext_lazy("Sees full numbers"),
    "since": gettext_lazy("History since"),
    "sure": gettext_lazy("Read so much"),
    "untested": gettext_lazy("Save without testing"),
}
_TABLES = ("tenants.Tenant", "sync.Connection", "reports_mail.Subscription")


class Words:
    """Of one page: ids of environments are looked up once. The wall must be open."""

    def __init__(self, zone: str) -> None:
        self._zone, self._now = zone, moment_of_asking()

    def change(self, name: str, pair: Sequence[Any], about: Mapping[str, Any]) -> str:
        """``Role: Viewer → Manager``."""
        field = _column(name, about)
        label = FIELDS.get(name) or (field.verbose_name if field is not None else name.replace("_", " "))
        label = str(label)[:1].upper() + str(label)[1:]
        if pair[1] == CHANGED and pair[0] is None:
            return _("%(field)s: changed") % {"field": label}
        was, now = (self._said(name, value, field) for value in pair)
        return f"{label}: {was} → {now}"

    def _said(self, name: str, value: Any, field: Any) -> str:
        if isinstance(value, bool):
            return _("yes") if value else _("no")
        if isinstance(value, list):
            return ", ".join(self._said(name, each, field) for each in value) or "–"
        if value is None or value == "":
            return "–"
        if name in ("agents", "environments") and value == EVERY:
            return _("all")
        if name == "role" and value in Role.values:
            return str(Role(value).label)
        if name in ("environment", "environments"):
            return self._environments.get(str(value), str(value))
        if name == "agents":
            return unquote(str(value).removeprefix("agent:"))
        choices = dict(field.flatchoices) if field is not None else {}
        return str(choices[value]) if value in choices else self._moment(value)

    def _moment(self, value: Any) -> str:
        """A day or a moment as people write it; anything else as it is."""
        try:
            if len(str(value)) == 10:
                return str(formats.date_format(date.fromisoformat(str(value)), "SHORT_DATE_FORMAT"))
            return figures.moment(datetime.fromisoformat(str(value)), self._zone, now=self._now)
        except ValueError:
            return str(value)

    @cached_property
    def _environments(self) -> dict[str, str]:
        rows = Environment.objects.values_list("pk", "public_id", "name")
        return {str(key): name for pk, public_id, name in rows for key in (pk, public_id)}


def _column(name: str, about: Mapping[str, Any]) -> Any:
    tables: list[type[models.Model]] = [apps.get_model(label) for label in _TABLES]
    with suppress(LookupError, ValueError):
        tables.insert(0, apps.get_model(str(about.get("table", ""))))
    for table in tables:
        try:
            return table._meta.get_field(name)
        except FieldDoesNotExist:
            continue
    return None

"""Times of the administrators' console, each with the zone that it is in: UTC, whoever's row it is."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.contrib.admin.options import BaseModelAdmin
from django.db import models
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _


class TimesInUtc(BaseModelAdmin):  # type: ignore[type-arg]
    """For pages and their inlines: each time that is shown names its zone, and each that is asked for as well."""

    def in_utc(self, names: Iterable[Any]) -> tuple[Any, ...]:
        """Names of what a page shows, each time among them as one that says its zone."""
        return tuple(_named(self.opts.model, name) for name in names)

    def get_list_display(self, request: HttpRequest) -> Any:
        return self.in_utc(super().get_list_display(request))  # type: ignore[misc]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        shown = set(self.get_readonly_fields(request, obj))
        may_write = obj is None or self.has_change_permission(request, obj)
        fields: Iterable[Any] = super().get_fields(request, obj)
        told = [name if may_write and name not in shown else _named(self.opts.model, name) for name in fields]
        return list(dict.fromkeys(told))  # where a page names no fields, Django names both kinds of the read-only ones

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """By both: Django looks for the names among its model's fields, and for what a page shows among these."""
        names = tuple(super().get_readonly_fields(request, obj))
        return (*names, *(told for told in self.in_utc(names) if told not in names))

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if isinstance(db_field, models.DateTimeField) and field is not None:
            field.help_text = _("In UTC.")
            # Django asks for day and time in two fields, and its label belongs to neither.
            for part, words in zip(getattr(field.widget, "widgets", ()), (_("Date"), _("Time")), strict=False):
                part.attrs["aria-label"] = f"{field.label}: {words}"
        return field


@cache
def _named(model: type[models.Model], name: Any) -> Any:
    """What shows a time of a row with its zone; anything else as it is. The same for the same name."""
    fields = {field.name: field for field in model._meta.concrete_fields}
    if not isinstance(name, str) or not isinstance(fields.get(name), models.DateTimeField):
        return name

    def told(row: Any) -> str:
        moment: datetime | None = getattr(row, name)
        return "-" if moment is None else f"{date_format(moment.astimezone(UTC), 'DATETIME_FORMAT')} UTC"

    shown: Callable[[Any], str | None] = told
    shown.__name__ = name
    shown.short_description = fields[name].verbose_name  # type: ignore[attr-defined]
    shown.admin_order_field = name  # type: ignore[attr-defined]
    return shown

"""What the console's form changed of a row, as the audit may keep it: before and after of what is chosen, ticked or
counted, and of other things that they changed. A secret, an address or what a person wrote is never told.
"""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.exceptions import FieldDoesNotExist
from django.db import models

CHANGED = "changed"  # in place of a value that is not told
# Texts that say how something is set up, besides those chosen from a list.
_TOLD = frozenset({"tenants.Tenant.slug", "tenants.Tenant.zone", "tenants.Environment.provider"})
_PLAIN = (models.BooleanField, models.IntegerField, models.FloatField, models.DateField, models.ForeignKey)

Changes = dict[str, tuple[Any, Any]]


def changes_of(form: Any, formsets: Iterable[Any] = (), *, is_new: bool = False) -> Changes:
    """By the field's name: the value before, None of a new row, and the value now."""
    told = {}
    for name in form.changed_data:
        was = None if is_new else form.initial.get(name)
        now = form.cleaned_data.get(name)
        if was != now:  # a form takes an empty list and none for two
            told[name] = (_plain(was), _plain(now)) if _is_told(form, name) else (None, CHANGED)
    for formset in formsets:
        if formset.has_changed():
            told |= _related(formset)
    return told


def _is_told(form: Any, name: str) -> bool:
    try:
        field = form._meta.model._meta.get_field(name)
    except FieldDoesNotExist:
        return isinstance(form.fields[name], forms.BooleanField)
    return isinstance(field, _PLAIN) or bool(field.choices) or str(field) in _TOLD


def _related(formset: Any) -> Changes:
    """Of rows that are told below another: those they name, where that is all they say."""
    names = [name for name, field in formset.form.base_fields.items() if isinstance(field, forms.ModelChoiceField)]
    label = formset.model._meta.model_name
    if len(names) != 1:
        return {label: (None, CHANGED)}
    (name,) = names
    was = [form.initial[name] for form in formset.initial_forms]
    kept = [form.cleaned_data for form in formset.forms if form not in formset.deleted_forms]
    now = [row[name] for row in kept if row.get(name)]
    return {f"{name}s": (sorted(map(_plain, was)), sorted(map(_plain, now)))}


def _plain(value: Any) -> Any:
    if isinstance(value, models.Model):
        return value.pk
    return value

"""Which calls count: the filters that every question, list and file takes, and their words in an address."""

from typing import Any

from django.utils.translation import gettext as _

from reports.definitions.filters.address import AddressReader, whole_number
from reports.definitions.filters.chosen import MATCHES, NONE, TESTING, Filters, QuestionError, bare, guarded
from reports.definitions.filters.declared import FILTERS, Filter, call_filters, refused
from reports.definitions.filters.kinds import LEAST_DIGITS, MOST_DIGITS


def read_filters(reader: AddressReader) -> Filters:
    """The filters of an address; what cannot be read restricts nothing and stands in the reader's ``errors``."""
    values: dict[str, Any] = {each.name: each.kind.read(reader, each.name) for each in FILTERS.values()}
    shortest, longest = values["min_duration"], values["max_duration"]
    if shortest is not None and longest is not None and longest < shortest:
        reader.errors["max_duration"] = _("The longest duration is shorter than the shortest.")
    others = [each for each in FILTERS.values() if not each.field and values[each.name] != each.kind.empty]
    return Filters(
        **{each.field: values[each.name] for each in FILTERS.values() if each.field},
        others=tuple((each.name, values[each.name]) for each in others),
    )


def write_filters(filters: Filters) -> dict[str, str]:
    """The parameters of the filters that restrict anything, but for the zone, which is the question's."""
    params: dict[str, str] = {}
    for each in FILTERS.values():
        if each.beside:
            text = str(each.value(filters)) if each.beside in params else ""
        else:
            text = each.kind.write(each.value(filters))
        if text:
            params[each.name] = text
    return params


__all__ = [
    "FILTERS",
    "LEAST_DIGITS",
    "MATCHES",
    "MOST_DIGITS",
    "NONE",
    "TESTING",
    "AddressReader",
    "Filter",
    "Filters",
    "QuestionError",
    "bare",
    "call_filters",
    "guarded",
    "read_filters",
    "refused",
    "whole_number",
    "write_filters",
]

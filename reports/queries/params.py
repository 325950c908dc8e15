"""Reads an address for a reader: his zone where it names none, and numbers as far as he may look for them."""

from collections.abc import Mapping

from reports.definitions.filters import AddressReader, Filters, read_filters
from reports.queries.scope import Scope


class ParamReader(AddressReader):
    def __init__(self, params: Mapping[str, str], scope: Scope) -> None:
        super().__init__(params, zone=scope.zone, sees_numbers=scope.sees_numbers)

    def filters(self) -> Filters:
        return read_filters(self)

"""Reads an address for a reader: his zone where it names none, and numbers as far as he may look for them."""

from collections.abc import Mapping

from reports.definitions.filters import AddressReader, Filters, read_filters
from reports.queries.refused import refused_of
from reports.queries.scope import Scope


class ParamReader(AddressReader):
    def __init__(self, params: Mapping[str, str], scope: Scope) -> None:
        super().__init__(params, zone=scope.zone)
        self._scope = scope

    def filters(self) -> Filters:
        filters = read_filters(self)
        self.errors |= refused_of(filters, self._scope)
        return filters

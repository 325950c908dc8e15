"""The order of a table's rows: read from the address, said in headings, applied to the rows."""

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.functional import Promise

from reports.queries.answer import Cell, Row
from reports.web.shared.contexts import Figure


@dataclass(frozen=True, slots=True)
class Heading:
    """``order`` is the one its column has: ascending, descending or "". ``figure`` is of all rows together."""

    label: str | Promise
    href: str
    order: str
    fit: str = ""
    figure: Figure | None = None


@dataclass(frozen=True, slots=True)
class Sorting:
    """``by`` is the key of a column, "" for the order that the rows have anyway."""

    by: str
    descending: bool

    @classmethod
    def read(cls, text: str) -> "Sorting":
        """From a column's key, after a dash for descending."""
        return cls(text.removeprefix("-"), text.startswith("-"))

    def after_click(self, key: str, *, downwards: bool = True) -> str:
        """The order that a click on a column asks for: first what is looked for, names from A and numbers from the
        largest, then the other way round.
        """
        down = (not self.descending) if key == self.by else downwards
        return f"-{key}" if down else key

    def order_of(self, key: str) -> str:
        """The order that a column has: ascending, descending or ""."""
        if key != self.by:
            return ""
        return "descending" if self.descending else "ascending"

    def place_by(self, amount: Callable[[Row], float | None]) -> Callable[[Row], tuple[bool, float]]:
        """A key to sort rows by an amount; those without one come last either way."""

        def place(row: Row) -> tuple[bool, float]:
            value = amount(row)
            return (value is None, 0.0 if value is None else -value if self.descending else value)

        return place


def shown_value(cell: Cell | None) -> float | None:
    """What a cell is sorted by: nothing where too little stands behind it."""
    return None if cell is None or cell.small else cell.value

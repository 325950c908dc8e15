"""The order of an answer's rows: read from the address, applied to the rows, by page and mail alike."""

from collections.abc import Callable
from dataclasses import dataclass

from reports.definitions.dimensions import DIMENSIONS, Dimension
from reports.queries.answer import Answer, Cell, Row


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


def in_order(answer: Answer, sort: str) -> list[Row]:
    """All rows, sorted. Those without a figure to show come last either way; equals keep the answer's order."""
    rows, by = list(answer.rows), answer.question.by
    sorting = Sorting.read(sort)
    if sorting.by in by:
        rows.sort(key=_by_place(by.index(sorting.by), DIMENSIONS[sorting.by]), reverse=sorting.descending)
    elif sorting.by in {metric.key for metric in answer.columns}:
        rows.sort(key=sorting.place_by(lambda row: shown_value(row.cells[sorting.by])))
    return rows


def _by_place(place: int, dimension: Dimension) -> Callable[[Row], tuple[bool, int, str]]:
    def order(row: Row) -> tuple[bool, int, str]:
        key = row.key[place]
        if key is None:
            return (True, 0, "")
        if dimension.timely:
            return (False, int(key) if key.isdecimal() else 0, key)
        if key in dimension.order:
            return (False, dimension.order.index(key), "")
        return (False, len(dimension.order), row.labels[place].casefold())

    return order

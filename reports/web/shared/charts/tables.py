"""The table beside a chart: the same numbers as words."""

from dataclasses import dataclass

from django.utils.functional import Promise


@dataclass(frozen=True, slots=True)
class TableRow:
    """``flags`` stand behind the label: not over yet, a holiday."""

    label: str
    cells: tuple[str, ...]
    href: str = ""
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """``headings`` begin with that of the rows' names."""

    headings: tuple[str | Promise, ...]
    rows: tuple[TableRow, ...]

    @property
    def is_long(self) -> bool:
        return len(self.rows) > 14

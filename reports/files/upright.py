"""A table of one row, such as the figures of a whole period, turned for people: a line for each figure."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from reports.definitions.metrics import METRICS
from reports.files import words
from reports.files.table import Column, Figure, Kind, Table
from reports.files.tables import CHANGE_PLACES, PLACES


def upright(table: Table) -> Table:
    """Figure, value, before, change and what they rest on, of a table that ``report_table`` made without groupings."""
    [row] = table.rows
    headers = {column.key: column.header for column in table.columns}
    cells = dict(zip(headers, row, strict=True))
    compared = any(f"{each.key}_previous" in cells for each in table.facts.definitions)
    rows: list[tuple[Any, ...]] = []
    for each in table.facts.definitions:
        key, places = each.key, PLACES[each.unit]
        now = (headers[key], _figure(cells[key], places), cells.get(f"{key}_n"))
        before = (
            _figure(cells.get(f"{key}_previous"), places),
            _figure(cells.get(f"{key}_change"), CHANGE_PLACES),
            words.change_unit(METRICS[key]),
            cells.get(f"{key}_previous_n"),
        )
        small = (bool(cells.get(f"{key}_small")), bool(cells.get(f"{key}_previous_small")))
        rows.append((*now, *before, *small) if compared else (*now, small[0]))
    return Table(table.name, _columns(compared=compared), rows, table.facts, len(rows))


def _figure(value: float | None, places: int) -> Figure | None:
    """A count that is whole is shown as such."""
    return None if value is None else Figure(value, 0 if isinstance(value, int) else places)


def _columns(*, compared: bool) -> tuple[Column, ...]:
    now = (
        Column("figure", _("Figure")),
        Column("value", _("Value"), Kind.FIGURE, marked_by=("small",)),
        Column("n", "n", Kind.COUNT),
    )
    small = Column("small", _("n too small"), Kind.FLAG)
    if not compared:
        return (*now, small)
    return (
        *now,
        Column("previous", _("Before"), Kind.FIGURE, marked_by=("previous_small",)),
        Column("change", pgettext("of a figure", "Change"), Kind.FIGURE, blank_by=("small", "previous_small")),
        Column("change_unit", _("Change in")),
        Column("previous_n", _("n before"), Kind.COUNT),
        small,
        Column("previous_small", _("n before too small"), Kind.FLAG),
    )

"""The lines of the sheet about a table, and of the head of a printed one: what was asked, and what it rests on."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from portal.formats import figures
from reports.files.table import FEW, Table
from reports.files.words import unit_word

Line = tuple[str | int | float, ...]


def about_rows(table: Table, rows: int, notes: tuple[str, ...], *, sheets: int = 1) -> Iterator[Line]:
    """Filters, zone, completeness, count of rows, totals and definitions, in the active language."""
    facts = table.facts
    yield (_("Table"), facts.title)
    yield from facts.lines
    yield (_("Rows"), rows)
    if sheets > 1:
        yield (_("Sheets of rows"), sheets)
    for gap in facts.gaps:
        yield (_("Gap"), gap)
    for note in notes:
        yield (_("Note"), note)
    if table.total is not None:
        yield ()
        yield (_("Whole period"),)
        few = {column.key for column, value in zip(table.columns, table.total, strict=True) if value is True}
        for column, value in zip(table.columns, table.total, strict=True):
            if column.kind.is_number and not column.key.endswith("_n"):
                mark = (FEW.strip(),) if few.intersection(column.marked_by + column.blank_by) else ()
                yield (column.header, figures.NO_BASE if value is None else value, *mark)
    if facts.definitions:
        yield ()
        yield (_("Figure"), _("Definition"), _("Formula"), _("Unit"), _("Says little below n ="))
        for definition in facts.definitions:
            yield (
                definition.label,
                definition.definition,
                definition.formula,
                unit_word(definition.unit),
                definition.minimum_n or "",
            )
    if facts.params:
        yield ()
        yield (_("As the API asks it"), "&".join(f"{name}={value}" for name, value in facts.params.items()))

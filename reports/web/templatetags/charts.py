"""The many small marks of charts and the rows of their tables, written straight: there are thousands on a page, and a
template would ask for every one of their attributes by name.
"""

from collections.abc import Iterable, Iterator

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from reports.web.shared.charts import Plot, Square, SquareMap, Table, TableRow
from reports.web.shared.charts.plots import Part, Place

register = template.Library()


@register.filter
def marks(plot: Plot) -> SafeString:
    """Everything that stands at the places of a plot: the slot, the parts of its column, its label."""
    return _safe(f"\n{''.join(_place(place, plot))}" for place in plot.places)


@register.filter
def table_rows(table: Table) -> SafeString:
    """The rows beside a chart, each leading to its calls."""
    return _safe(map(_row, table.rows))


@register.filter
def square_rows(squares: SquareMap) -> SafeString:
    """The rows of a map, each square leading to its calls."""
    return _safe(
        f'<tr><th scope="row">{escape(name)}</th>{"".join(map(_square, row))}</tr>\n' for name, row in squares.rows
    )


def _square(square: Square) -> str:
    shade = "small" if square.small else f"l{square.level}" if square.level else ""
    text: str = escape(square.text)
    if square.href:
        text = f'<a href="{escape(square.href)}" title="{escape(square.title)}">{text}</a>'
    return f'<td class="{shade}">{text}</td>' if shade else f"<td>{text}</td>"


def _safe(pieces: Iterable[str]) -> SafeString:
    return mark_safe("".join(pieces))  # noqa: S308 - every text in it was escaped


def _row(row: TableRow) -> str:
    name = f'<a href="{escape(row.href)}">{escape(row.label)}</a>' if row.href else escape(row.label)
    flags = "".join(f'<span class="flag">{escape(flag)}</span>' for flag in row.flags)
    cells = "".join(f"<td>{escape(cell)}</td>" for cell in row.cells)
    return f'<tr><th scope="row">{name}{flags}</th>{cells}</tr>\n'


def _place(place: Place, plot: Plot) -> Iterator[str]:
    inner = f'<title>{escape(place.title)}</title><rect x="{place.x}" width="{place.width}" height="{plot.height}" />'
    if place.href:
        yield f'<a class="slot" href="{escape(place.href)}"{_more(place)}>{inner}</a>'
    else:
        yield f'<g class="slot" role="img"{_more(place)}>{inner}</g>'
    for part in place.parts:
        yield _part(part)
    if place.veil:
        yield _still(place.veil)
    if place.holiday:
        yield f'<circle class="holiday" cx="{place.middle}" cy="{plot.holiday_y}" r="2.5" />'
    if place.label:
        yield _label(place, plot.label_y)


def _part(part: Part) -> str:
    if not part.href:
        return _still(part)
    return (
        f'<a class="part" href="{escape(part.href)}" tabindex="-1" fill="{part.fill}"{_more(part)}>'
        f"<title>{escape(part.title)}</title>{_rect(part)} /></a>"
    )


def _more(mark: Place | Part) -> str:
    return f' data-more="{escape(mark.more)}"' if mark.more else ""


def _still(part: Part) -> str:
    return f'{_rect(part)} class="still" fill="{part.fill}" />'


def _rect(part: Part) -> str:
    return f'<rect x="{part.x}" y="{part.y}" width="{part.width}" height="{part.height}"'


def _label(place: Place, y: int) -> str:
    text: str = escape(place.label)
    if place.note:
        note = escape(place.note)
        text = f'<tspan x="{place.middle}">{text}</tspan><tspan x="{place.middle}" dy="14">{note}</tspan>'
    minor = ' class="minor"' if place.minor else ""
    return f'<text{minor} x="{place.middle}" y="{y}" text-anchor="middle" aria-hidden="true">{text}</text>'

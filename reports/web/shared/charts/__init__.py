"""Charts drawn on the server: numbers in, places on a canvas out. Templates write the SVG.

Widths are percentages and heights are pixels, so one drawing fits every width while its text keeps its size and no
inline style is needed. Every mark is a link with a title, every chart has its table made of the same numbers, and every
kind of mark differs from the others in more than its colour: in its pattern, its dashes or its place.

``plots`` draws columns and lines over slots (days, hours, bands of duration), ``bars`` stripes in the rows of a table,
``squares`` a map of weekdays by hours. ``scale`` holds round steps and labels, ``sentences`` what a chart says aloud.
"""

from reports.web.shared.charts.bars import BarRow, Bars, Stripe, bars
from reports.web.shared.charts.plots import HALF, KINDS, THIRD, WIDE, Limit, Look, Plot, Series, Slot, columns, lines
from reports.web.shared.charts.scale import as_date, dates_under, last_of, level
from reports.web.shared.charts.sentences import highest_and_lowest
from reports.web.shared.charts.squares import Square, SquareMap
from reports.web.shared.charts.tables import Table, TableRow

__all__ = [
    "HALF",
    "KINDS",
    "THIRD",
    "WIDE",
    "BarRow",
    "Bars",
    "Limit",
    "Look",
    "Plot",
    "Series",
    "Slot",
    "Square",
    "SquareMap",
    "Stripe",
    "Table",
    "TableRow",
    "as_date",
    "bars",
    "columns",
    "dates_under",
    "highest_and_lowest",
    "last_of",
    "level",
    "lines",
]

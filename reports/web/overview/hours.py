"""Weekday by hour: when calls are made and when they are answered."""

from django.utils.dates import WEEKDAYS, WEEKDAYS_ABBR
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.formats import figures
from reports.definitions.metrics import METRICS, Metric
from reports.queries.answer import Answer, Cell
from reports.web.shared.behind import BEHIND, calls_where
from reports.web.shared.charts import Square, SquareMap, highest_and_lowest, level
from reports.web.shared.selection import Selection

Place = tuple[int, int]  # weekday, 1 is Monday, and hour


def hour_map(answer: Answer, selection: Selection) -> SquareMap | None:
    """Weekday by hour, from the first hour to the last with a call; None without calls."""
    metric = METRICS[selection["map"]]
    cells = {(int(row.key[0] or 0), int(row.key[1] or 0)): row.cells for row in answer.rows}
    used = [hour for (_weekday, hour), row in cells.items() if row["attempts"].value]
    if not used:
        return None
    hours = range(min(used), max(used) + 1)
    shown = {place: row[metric.key] for place, row in cells.items()}
    measured = {place: cell.value for place, cell in shown.items() if cell.value and not cell.small}
    highest = max(measured.values(), default=0.0)
    # Counts are shaded from zero; rates, which lie close together, from the lowest.
    lowest = min(measured.values(), default=0.0) if metric.unit == "percent" else 0.0

    def square(place: Place) -> Square:
        cell = shown.get(place)
        return _square(cell, place, metric, (lowest, highest), selection) if cell else Square(0)

    return SquareMap(
        caption=_("%(metric)s by weekday and hour of the day") % {"metric": metric.label},
        headings=tuple(f"{hour:02}" for hour in hours),
        rows=tuple(
            (str(WEEKDAYS_ABBR[weekday - 1]), tuple(square((weekday, hour)) for hour in hours))
            for weekday in range(1, 8)
        ),
        sentence=highest_and_lowest(list(map(_name, measured)), list(measured.values()), metric.unit),
    )


def _name(place: Place) -> str:
    weekday, hour = place
    return f"{WEEKDAYS[weekday - 1]} {hour:02}–{hour + 1:02}"


def _square(cell: Cell, place: Place, metric: Metric, ends: tuple[float, float], selection: Selection) -> Square:
    if not cell.n and not cell.value:
        return Square(0)
    weekday, hour = place
    href = calls_where(selection, {"weekday": weekday, "hour": hour} | BEHIND[metric.key])
    n = ngettext("%(n)s call", "%(n)s calls", cell.n or 0) % {"n": figures.decimal(cell.n or 0)}
    if cell.small:
        return Square(0, "·", f"{_name(place)}: {n}, {_('n too small')}", href, small=True)
    if cell.value is None:
        return Square(0)
    words = n if metric.unit == "count" else f"{figures.value(cell.value, metric.unit)} ({n})"
    return Square(level(cell.value, *ends), figures.decimal(cell.value), f"{_name(place)}: {words}", href)

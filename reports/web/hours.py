"""Weekday by hour: when calls are made and when they are answered."""

from dataclasses import dataclass

from django.utils.dates import WEEKDAYS_ABBR
from django.utils.translation import gettext as _

from portal.formats import figures
from reports.metrics import METRICS, Metric
from reports.queries.answer import Answer, Cell
from reports.web.charts import level
from reports.web.selection import Selection


@dataclass(frozen=True, slots=True)
class Square:
    level: int
    text: str
    title: str


@dataclass(frozen=True, slots=True)
class HourMap:
    hours: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Square, ...]], ...]
    metric: Metric


def hour_map(answer: Answer, selection: Selection) -> HourMap | None:
    """Weekday by hour, from the first hour to the last with a call; None without calls."""
    metric = METRICS[selection.map]
    cells = {(int(row.key[0] or 0), int(row.key[1] or 0)): row.cells for row in answer.rows}
    used = [hour for (_weekday, hour), row in cells.items() if row["attempts"].value]
    if not used:
        return None
    hours = range(min(used), max(used) + 1)
    shown = {place: row[metric.key] for place, row in cells.items() if not row[metric.key].small}
    amounts = [cell.value for cell in shown.values() if cell.value]
    highest = max(amounts, default=0.0)
    # Counts are shaded from zero; rates, which lie close together, from the lowest.
    lowest = min(amounts, default=0.0) if metric.unit == "percent" else 0.0
    rows = []
    for weekday in range(1, 8):
        name = str(WEEKDAYS_ABBR[weekday - 1])
        squares = (_square(cells.get((weekday, hour), {}).get(metric.key), metric, (lowest, highest)) for hour in hours)
        rows.append((name, tuple(squares)))
    return HourMap(tuple(f"{hour:02}" for hour in hours), tuple(rows), metric)


def _square(cell: Cell | None, metric: Metric, ends: tuple[float, float]) -> Square:
    if cell is None or (not cell.n and not cell.value):
        return Square(0, "", "")
    if cell.small:
        return Square(0, "·", _("n too small"))
    if cell.value is None:
        return Square(0, "", "")
    text = figures.decimal(cell.value)
    return Square(level(cell.value, *ends), text, figures.value(cell.value, metric.unit))

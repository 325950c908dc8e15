"""An answer of two groupings as a cross table of one metric: the first downwards, the second across, with margins that
are answers of their own, as rates and contacts do not add up.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.text import capfirst

from reports.definitions.dimensions import DIMENSIONS
from reports.definitions.metrics import METRICS, Metric
from reports.queries.answer import Answer, Row
from reports.web.report.links import calls_behind
from reports.web.shared.charts import level
from reports.web.shared.contexts import Figure

MOST_ACROSS, MOST_DOWN = 31, 400


@dataclass(frozen=True, slots=True)
class Square:
    """``figure`` is None where no call is. ``shade`` runs from 0 to 5 between the lowest and the highest."""

    figure: Figure | None
    href: str = ""
    shade: int = 0


@dataclass(frozen=True, slots=True)
class CrossedRow:
    label: str
    whole: Square
    squares: tuple[Square, ...]


@dataclass(frozen=True, slots=True)
class Crossed:
    metric: Metric
    down: str | Promise
    across: str | Promise
    headings: tuple[str, ...]
    rows: tuple[CrossedRow, ...]
    together: tuple[Square, ...]
    whole: Square


def fits(answer: Answer) -> bool:
    """Whether a person can read it crossed."""
    if len(answer.question.by) != 2:
        return False
    across, down = (len({row.key[place] for row in answer.rows}) for place in (1, 0))
    return 1 < across <= MOST_ACROSS and 1 < down <= MOST_DOWN


def crossed(
    answer: Answer, alone: tuple[Answer, Answer], key: str, *, zone: str, currency: str = "", linked: bool = True
) -> Crossed:
    """``alone`` are the answers of each grouping by itself, for the margins."""
    metric, (down, across) = METRICS[key], answer.question.by
    cells = {row.key: row for row in answer.rows}
    names = [{row.key[place]: row.labels[place] for row in answer.rows} for place in (0, 1)]
    amounts = [cell.value for row in answer.rows if (cell := row.cells[key]).value and not cell.small]
    highest = max(amounts, default=0.0)
    # Counts are shaded from zero; rates, which lie close together, from the lowest.
    lowest = 0.0 if metric.unit == "count" else min(amounts, default=0.0)

    def behind(keys: Mapping[str, str | None]) -> str:
        return calls_behind(answer.question, keys, zone=zone) if linked else ""

    def square(row: Row | None, keys: Mapping[str, str | None], *, shaded: bool = False) -> Square:
        if row is None:
            return Square(None)
        cell = row.cells[key]
        shade = level(None if cell.small else cell.value, lowest, highest) if shaded else 0
        return Square(Figure(metric, cell, currency), behind(keys), shade)

    if across == "hour_of_day":
        names[1] = _trimmed(names[1], answer)
    firsts, seconds = ({row.key[0]: row for row in margin.rows} for margin in alone)
    return Crossed(
        metric=metric,
        down=capfirst(str(DIMENSIONS[down].label)),
        across=capfirst(str(DIMENSIONS[across].label)),
        headings=tuple(names[1].values()),
        rows=tuple(
            CrossedRow(
                label,
                square(firsts.get(here), {down: here}),
                tuple(square(cells.get((here, there)), {down: here, across: there}, shaded=True) for there in names[1]),
            )
            for here, label in names[0].items()
        ),
        together=tuple(square(seconds.get(there), {across: there}) for there in names[1]),
        whole=Square(Figure(metric, answer.totals[key], currency), behind({})),
    )


def _trimmed(names: dict[str | None, str], answer: Answer) -> dict[str | None, str]:
    """The hours from the first to the last in which there is anything; all of them when there is nothing."""
    used = [int(row.key[1] or 0) for row in answer.rows if any(cell.n for cell in row.cells.values())]
    first, last = min(used, default=0), max(used, default=23)
    return {key: label for key, label in names.items() if first <= int(key or 0) <= last}

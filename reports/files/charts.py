"""The chart of a report: which answers have one, on a page as in a PDF, and where its marks stand in a PDF.

Marks are placed in parts of the chart's width and height, so that whoever draws them only multiplies.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10

from django.utils.translation import gettext as _

from portal.formats import figures
from reports.definitions.dimensions import DIMENSIONS
from reports.definitions.metrics import Metric
from reports.queries.answer import Answer, Row

DRAWN_BY = ("hour", "day", "week", "month", "weekday", "hour_of_day", "length")
MOST_SLOTS = 400
COLOURS = ("#0f766c", "#d9822b", "#4267b2", "#9b4d96", "#5b6470")
REST, UNFINISHED = "#c3c9cf", "#9fc9c4"
LABELS_ROOM = 150  # characters beside one another under a chart
STEPS = 4  # of the scale, about
CLOCK_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)  # seconds

Values = tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Series:
    name: str
    colour: str
    values: Values


@dataclass(frozen=True, slots=True)
class Chart:
    """``bars`` are left, width, bottom, top and colour; ``lines`` a colour and points, with a new line after a gap;
    ``ticks`` and ``labels`` a place and its text.
    """

    title: str
    legend: tuple[tuple[str, str], ...]  # colour and name, of more series than one
    ticks: tuple[tuple[float, str], ...]
    labels: tuple[tuple[float, str], ...]
    bars: tuple[tuple[float, float, float, float, str], ...] = ()
    lines: tuple[tuple[str, tuple[tuple[float, float], ...]], ...] = ()


def slots_of(answer: Answer) -> list[str | None]:
    """The keys of the first grouping, where that is one to draw along; else none."""
    by = answer.question.by
    if not 1 <= len(by) <= 2 or by[0] not in DRAWN_BY or (len(by) == 2 and by[1] in DRAWN_BY[:4]):
        return []
    slots = list(dict.fromkeys(row.key[0] for row in answer.rows))
    return slots if 2 <= len(slots) <= MOST_SLOTS else []


def adds_up(metric: Metric) -> bool:
    """Whether its parts stacked are the whole: contacts, peaks and means are no sums."""
    return metric.key in ("attempts", "connected", "open_calls", "unresolved_calls")


def has_columns(answer: Answer, metric: Metric) -> bool:
    """Whether it is drawn as columns, and not as lines."""
    return adds_up(metric) or (len(answer.question.by) == 1 and metric.unit in ("count", "minutes", "money"))


def title_of(metric: Metric, by: Sequence[str]) -> str:
    words = {"metric": metric.label, "first": DIMENSIONS[by[0]].label, "second": DIMENSIONS[by[-1]].label}
    return (_("%(metric)s by %(first)s") if len(by) == 1 else _("%(metric)s by %(first)s and %(second)s")) % words


def shown(row: Row | None, metric: Metric) -> float | None:
    """The value, unless it rests on too few calls."""
    cell = row.cells[metric.key] if row else None
    return None if cell is None or cell.small else cell.value


def chart_of(answer: Answer, *, currency: str = "") -> Chart | None:
    """The answer's first metric along its first grouping, in the active language; None where there is none to draw."""
    slots, metric = slots_of(answer), answer.columns[0]
    series = _series(answer, metric, slots) if slots else []
    if not any(value is not None for each in series for value in each.values):
        return None
    stacked = has_columns(answer, metric)
    heights = (
        [sum(each.values[place] or 0 for each in series) for place in range(len(slots))]
        if stacked
        else [value or 0 for each in series for value in each.values]
    )
    ticks = _ticks(max(heights), metric)
    first_rows = {row.key[0]: row for row in reversed(answer.rows)}
    return Chart(
        title_of(metric, answer.question.by),
        tuple((each.colour, each.name) for each in series) if len(series) > 1 else (),
        tuple((tick / ticks[-1], _said(tick, metric, ticks[-1], currency)) for tick in ticks),
        _labels([first_rows[slot].labels[0] for slot in slots]),
        bars=_bars(series, [first_rows[slot].unfinished for slot in slots], ticks[-1]) if stacked else (),
        lines=() if stacked else _lines(series, ticks[-1]),
    )


def _series(answer: Answer, metric: Metric, slots: Sequence[str | None]) -> list[Series]:
    """One, or one for each of the largest keys of a second grouping; where they add up, the others are one more."""
    rows = {row.key: row for row in answer.rows}
    if len(answer.question.by) == 1:
        return [Series(str(metric.label), COLOURS[0], tuple(shown(rows.get((slot,)), metric) for slot in slots))]
    weights: dict[str | None, float] = defaultdict(float)
    names: dict[str | None, str] = {}
    for row in answer.rows:
        weights[row.key[1]] += row.cells[metric.key].n or 0
        names[row.key[1]] = row.labels[1]
    largest = sorted(weights, key=lambda key: -weights[key])[: len(COLOURS)]

    def values(key: str | None) -> Values:
        return tuple(shown(rows.get((slot, key)), metric) for slot in slots)

    found = [Series(names[key], colour, values(key)) for key, colour in zip(largest, COLOURS, strict=False)]
    rest = [values(key) for key in names if key not in largest]
    if rest and adds_up(metric):
        found.append(Series(_("others"), REST, tuple(sum(filter(None, some)) for some in zip(*rest, strict=True))))
    return found


def _ticks(highest: float, metric: Metric) -> list[float]:
    """The marks of a scale from 0 to at least the highest value."""
    least = (highest or 1) / STEPS
    if metric.unit == "seconds" and least <= CLOCK_STEPS[-1]:
        step: float = next(step for step in CLOCK_STEPS if step >= least)
    else:
        power = 10.0 ** floor(log10(least))
        step = next(part * power for part in (1, 2, 5, 10) if part * power >= least * 0.999)
    if metric.unit in ("count", "ms"):
        step = max(1, step)
    ticks = [0.0]
    while ticks[-1] < highest or len(ticks) < 2:
        ticks.append(step * len(ticks))
    return ticks


def _said(tick: float, metric: Metric, top: float, currency: str) -> str:
    if metric.unit == "seconds":
        return figures.duration(tick) if top >= 10 else figures.seconds(tick)
    if metric.unit == "percent":
        return f"{figures.decimal(tick, 0 if tick.is_integer() else 1)}{figures.SPACE}%"
    return figures.value(tick, metric.unit, currency=currency)


def _labels(texts: Sequence[str]) -> tuple[tuple[float, str], ...]:
    """As many as have room beside one another, each under the middle of its slot."""
    room = max(1, LABELS_ROOM // (max(map(len, texts)) + 3))
    step = -(-len(texts) // room)
    return tuple(((place + 0.5) / len(texts), texts[place]) for place in range(0, len(texts), step))


def _bars(
    series: Sequence[Series], unfinished: Sequence[bool], top: float
) -> tuple[tuple[float, float, float, float, str], ...]:
    wide, found = 1 / len(unfinished), []
    for place, running in enumerate(unfinished):
        bottom = 0.0
        for each in series:
            height = (each.values[place] or 0) / top
            if height:
                colour = UNFINISHED if running and len(series) == 1 else each.colour
                found.append((wide * (place + 0.15), wide * 0.7, bottom, bottom + height, colour))
            bottom += height
    return tuple(found)


def _lines(series: Sequence[Series], top: float) -> tuple[tuple[str, tuple[tuple[float, float], ...]], ...]:
    found = []
    for each in series:
        points: list[tuple[float, float]] = []
        for place, value in enumerate((*each.values, None)):
            if value is not None:
                points.append(((place + 0.5) / len(each.values), value / top))
            elif points:
                found.append((each.colour, tuple(points)))
                points = []
    return tuple(found)

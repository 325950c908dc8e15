"""An answer as a drawing, where its first grouping is a part of time or a band of duration: one metric, and a series
for each key of a second grouping.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.dates import WEEKDAYS_ABBR
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from portal.formats import figures
from portal.lib.holidays import holidays_of, keeps_holidays
from reports.definitions.dimensions import DIMENSIONS
from reports.definitions.metrics import METRICS, Metric
from reports.files.charts import adds_up, has_columns, shown, slots_of, title_of
from reports.queries.answer import Answer, Row
from reports.queries.before import since_known
from reports.web.report.links import calls_behind
from reports.web.shared.charts import (
    KINDS,
    Look,
    Plot,
    Series,
    Slot,
    as_date,
    columns,
    dates_under,
    highest_and_lowest,
    last_of,
    lines,
)

_MOST_SERIES = len(KINDS) - 1  # the last pattern is for what is drawn together
_ROOMY = 16  # slots with room for a second line under each


@dataclass(frozen=True, slots=True)
class Drawing:
    metric: Metric
    title: str
    plot: Plot
    sentence: str
    left_out: int  # series for which there was no room
    together: int  # series that are drawn as one


def drawing(answer: Answer, key: str, *, zone: str, calls_url: str) -> Drawing | None:
    """The metric over the first grouping; None where that is none to draw. ``calls_url`` is the list's address, if
    its marks lead there."""
    question, by = answer.question, answer.question.by
    places = slots_of(answer)
    if not places:
        return None
    metric = METRICS[key]
    cells = {row.key: row for row in answer.rows}

    def href(*keys: str | None) -> str:
        query = calls_behind(question, dict(zip(by, keys, strict=False)), zone=zone)
        return f"{calls_url}?{query}" if query and calls_url else ""

    slots = _slots(answer, places, href)
    stacked = adds_up(metric)
    series, rest = _series(answer, metric, places, cells)
    look = Look(
        unit=metric.unit,
        heading=capfirst(str(DIMENSIONS[by[0]].label)),
        newest_first=DIMENSIONS[by[0]].runs,
    )
    if has_columns(answer, metric):
        before = _before(places, cells, metric) if question.compare and len(by) == 1 else None
        plot = columns(slots, series, look, before=before)
    else:
        plot = lines(slots, series, look)
    sentence = _sentence(answer, slots, series, metric)
    left_out, together = (0, rest) if stacked else (rest, 0)
    return Drawing(metric, title_of(metric, by), plot, sentence, left_out, together)


def _series(
    answer: Answer, metric: Metric, places: Sequence[str | None], cells: dict[tuple[str | None, ...], Row]
) -> tuple[list[Series], int]:
    """A series for each of the largest keys, and how many keys have none of their own. Where they add up these make
    one more, so that the columns are the whole.
    """
    by = answer.question.by
    if len(by) == 1:
        values = tuple(shown(cells.get((place,)), metric) for place in places)
        return [Series(KINDS[0], metric.label, values)], 0
    weight: dict[str | None, float] = defaultdict(float)
    labels: dict[str | None, str] = {}
    for row in answer.rows:
        weight[row.key[1]] += row.cells[metric.key].n or 0
        labels[row.key[1]] = row.labels[1]
    room = _MOST_SERIES - 1 if adds_up(metric) and len(labels) > _MOST_SERIES else _MOST_SERIES
    largest = sorted(weight, key=lambda key: -weight[key])[:room]
    chosen = [key for key in labels if key in largest]
    rest = [key for key in labels if key not in largest]

    def of_key(key: str | None) -> tuple[float | None, ...]:
        return tuple(shown(cells.get((place, key)), metric) for place in places)

    drawn = [Series(kind, labels[key], of_key(key)) for kind, key in zip(KINDS, chosen, strict=False)]
    if rest and adds_up(metric):
        amounts = [of_key(key) for key in rest]
        together = tuple(sum(each[place] or 0.0 for each in amounts) for place in range(len(places)))
        drawn.append(Series(KINDS[-1], _("others"), together))
    return drawn, len(rest)


def _before(places: Sequence[str | None], cells: dict[tuple[str | None, ...], Row], metric: Metric) -> Series | None:
    """None where no line can be drawn of it."""
    rows = [cells.get((place,)) for place in places]
    metric_cells = [row.cells[metric.key] if row else None for row in rows]
    values = tuple(None if cell is None or cell.previous_small else cell.previous for cell in metric_cells)
    compared = sum(value is not None for value in values) > 1
    return Series("before", _("the period before"), values) if compared else None


def _slots(answer: Answer, places: Sequence[str | None], href: Callable[..., str]) -> list[Slot]:
    grain, period = answer.question.by[0], answer.period
    first_rows = {row.key[0]: row for row in reversed(answer.rows)}
    holidays = {}
    if grain == "day" and keeps_holidays(period.zone):
        holidays = holidays_of(period.start, period.last_day, get_language() or "en")
    days = [as_date(place) if grain in ("day", "week", "month") else None for place in places]
    under = dates_under([day or period.start for day in days]) if len(places) <= _ROOMY else [""] * len(places)
    slots = []
    for place, day, date_under in zip(places, days, under, strict=True):
        row = first_rows[place]
        name, label, note = _words(grain, row, day, date_under)
        if day:
            first, last = max(day, period.start), min(last_of(grain, day), period.last_day)
            name = figures.stretch(grain, first, last)
        slots.append(
            Slot(
                name=name,
                label=label,
                note=note,
                href=href(place),
                unfinished=row.unfinished,
                holiday=holidays.get(day, "") if day else "",
            )
        )
    return slots


def _words(grain: str, row: Row, day: date | None, under: str) -> tuple[str, str, str]:
    """Its whole name, and the lines under it: days and hours have a date ``under`` it while there is room."""
    name, key = row.labels[0], row.key[0] or ""
    if grain == "weekday":
        return name, str(WEEKDAYS_ABBR[int(key) - 1]), ""
    if grain == "hour_of_day":
        return name, f"{int(key):02}", ""
    if grain == "hour":
        return name, key[11:16], date_format(date.fromisoformat(key[:10]), "MONTH_DAY_FORMAT") if under else ""
    if day is None:
        return name, name, ""
    if grain == "month":
        return name, date_format(day, "SHORT_MONTH_FORMAT"), ""
    if grain == "day" and under:
        return name, date_format(day, "D"), under
    return name, date_format(day, "MONTH_DAY_FORMAT"), ""


def _sentence(answer: Answer, slots: Sequence[Slot], series: Sequence[Series], metric: Metric) -> str:
    """Of the first series, or of the sum of all where they are a sum; of rows of time since there are calls, where the
    period was not read whole.
    """
    if not series:
        return ""
    values: Sequence[float | None] = series[0].values
    if len(series) > 1:
        if not adds_up(metric):
            return ""
        values = [sum(each.values[place] or 0.0 for each in series) for place in range(len(slots))]
    if DIMENSIONS[answer.question.by[0]].runs:
        values = since_known(values, whole=answer.completeness.complete)
    over = [(slot.name, value) for slot, value in zip(slots, values, strict=True) if not slot.unfinished]
    return highest_and_lowest([name for name, _value in over], [value for _name, value in over], metric.unit)

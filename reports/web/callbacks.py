"""The vendor's callback totals over time."""

from dataclasses import dataclass
from datetime import date

from django.utils.functional import Promise

from portal.formats import figures
from reports.metrics import METRICS
from reports.queries.answer import Answer, Cell
from reports.web.charts import as_date, last_of
from reports.web.contexts import Figure

CALLBACKS = ("callbacks_received", "callbacks_answered", "callback_answer_rate", "callbacks_unmatched")


@dataclass(frozen=True, slots=True)
class CallbackRow:
    label: str
    unfinished: bool
    cells: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class CallbackTable:
    headings: tuple[str | Promise, ...]
    rows: tuple[CallbackRow, ...]
    totals: tuple[Figure, ...]


def callback_grain(days: int) -> str:
    """The rows that keep the table short: days of a fortnight, weeks of a quarter, else months."""
    return "day" if days <= 14 else "week" if days <= 100 else "month"


def callback_table(answer: Answer, grain: str, last: date) -> CallbackTable | None:
    """One row for each stretch of time with a total, up to ``last``; None when the vendor told none."""

    def figure(key: str, cell: Cell) -> Figure:
        return Figure(METRICS[key], cell, fit="narrow-hide" if key == "callback_answer_rate" else "")

    rows = []
    for row in answer.rows:
        first = as_date(row.key[0])
        if first is None or row.cells["callbacks_received"].value is None:
            continue
        label = figures.stretch(grain, max(first, answer.period.start), min(last_of(grain, first), last))
        rows.append(CallbackRow(label, row.unfinished, tuple(figure(key, row.cells[key]) for key in CALLBACKS)))
    if not rows:
        return None
    return CallbackTable(
        headings=tuple(METRICS[key].label for key in CALLBACKS),
        rows=tuple(rows),
        totals=tuple(figure(key, answer.totals[key]) for key in CALLBACKS),
    )

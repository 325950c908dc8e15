"""The vendor's callback totals over time."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise

from portal.formats import figures
from reports.metrics import METRICS
from reports.queries.answer import Answer, Cell
from reports.web.charts import as_date, last_of
from reports.web.contexts import Figure
from reports.web.selection import Selection

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


def callback_table(answer: Answer, selection: Selection) -> CallbackTable | None:
    """One row for each stretch of time with a total, newest first; None when the vendor told none."""

    def figure(key: str, cell: Cell) -> Figure:
        return Figure(METRICS[key], cell, fit="narrow-hide" if key == "callback_answer_rate" else "")

    rows = []
    for row in reversed(answer.rows):
        first = as_date(row.key[0])
        if first is None or row.cells["callbacks_received"].value is None:
            continue
        last = min(last_of(selection.grain, first), selection.last_begun)
        label = figures.stretch(selection.grain, max(first, selection.first), last)
        rows.append(CallbackRow(label, row.unfinished, tuple(figure(key, row.cells[key]) for key in CALLBACKS)))
    if not rows:
        return None
    return CallbackTable(
        headings=tuple(METRICS[key].label for key in CALLBACKS),
        rows=tuple(rows),
        totals=tuple(figure(key, answer.totals[key]) for key in CALLBACKS),
    )


@dataclass(frozen=True, slots=True)
class Source:
    name: str
    count: int


def sources(days: Iterable[Any]) -> tuple[Source, ...]:
    """How many callbacks answered the calls of each agent, most first: the vendor's counts of the days, added up."""
    names: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for day in days:
        for source in day.sources:
            key = str(source.get("agent") or "")
            counts[key] += source.get("count") or 0
            names.setdefault(key, str(source.get("name") or key))
    return tuple(Source(names[key], count) for key, count in counts.most_common() if count)

"""Calls per day, week or month: one chart, its table, and one sentence that says the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from portal.formats import figures
from reports.metrics import METRICS
from reports.queries.answer import Answer, Row
from reports.web.charts import Chart, Column, as_date, draw, last_of
from reports.web.contexts import Figure
from reports.web.selection import Selection

TITLES = {
    "day": gettext_lazy("Calls per day"),
    "week": gettext_lazy("Calls per week"),
    "month": gettext_lazy("Calls per month"),
}
TREND = ("attempts", "connected", "connect_rate", "open_calls", "unresolved_calls")


@dataclass(frozen=True, slots=True)
class TrendRow:
    label: str
    href: str
    unfinished: bool
    cut: bool  # a part of its week or month lies outside the period
    attempts: float
    connected: float
    unreached: float
    open: float
    before: float | None
    rate: Figure


@dataclass(frozen=True, slots=True)
class Trend:
    chart: Chart
    rows: tuple[TrendRow, ...]
    sentence: str
    has_open: bool
    has_unfinished: bool


def trend(answer: Answer, selection: Selection, calls_url: str) -> Trend:
    """Calls per day, week or month as a chart, its table and one sentence that says the same."""
    begun = [row for row in answer.rows if (as_date(row.key[0]) or selection.first) <= selection.today]
    rows = tuple(_trend_row(row, selection, calls_url) for row in begun)
    labels = [
        _column_label(max(as_date(row.key[0]) or selection.first, selection.first), selection.grain, len(begun))
        for row in begun
    ]
    columns = [
        Column(
            label=label,
            note=note,
            title=_column_title(line),
            href=line.href,
            connected=line.connected,
            unreached=line.unreached,
            open=line.open,
            before=line.before,
            unfinished=line.unfinished,
        )
        for (label, note), line in zip(labels, rows, strict=True)
    ]
    return Trend(
        chart=draw(columns),
        rows=rows,
        sentence=_sentence(rows, selection.grain),
        has_open=any(row.open for row in rows),
        has_unfinished=any(row.unfinished for row in rows),
    )


def _trend_row(row: Row, selection: Selection, calls_url: str) -> TrendRow:
    attempts = _amount(row, "attempts")
    connected = _amount(row, "connected")
    waiting = _amount(row, "open_calls") + _amount(row, "unresolved_calls")
    start = as_date(row.key[0]) or selection.first
    whole = last_of(selection.grain, start)
    first, last = max(start, selection.first), min(whole, selection.last)
    return TrendRow(
        label=figures.stretch(selection.grain, first, last),
        href=calls_url + selection.calls_query(first, last),
        unfinished=row.unfinished,
        cut=first > start or last < whole,
        attempts=attempts,
        connected=connected,
        unreached=max(0.0, attempts - connected - waiting),
        open=waiting,
        before=row.cells["attempts"].previous,
        rate=Figure(METRICS["connect_rate"], row.cells.get("connect_rate")),
    )


def _amount(row: Row, key: str) -> float:
    cell = row.cells.get(key)
    return (cell.value if cell else None) or 0.0


def _column_label(first: date, grain: str, columns: int) -> tuple[str, str]:
    """The line under a column and a second one; days say their weekday while there is room."""
    if grain == "month":
        return date_format(first, "SHORT_MONTH_FORMAT"), ""
    day = date_format(first, "MONTH_DAY_FORMAT")
    return (date_format(first, "D"), day) if grain == "day" and columns <= 16 else (day, "")


def _column_title(line: TrendRow) -> str:
    calls = ngettext("%(n)s call", "%(n)s calls", int(line.attempts)) % {"n": figures.decimal(line.attempts)}
    parts = [
        f"{line.label}: {calls}",
        _("%(n)s connected") % {"n": figures.decimal(line.connected)},
        _("%(n)s unreached") % {"n": figures.decimal(line.unreached)},
    ]
    if line.open:
        parts.append(_("%(n)s open") % {"n": figures.decimal(line.open)})
    if line.before is not None:
        parts.append(_("before: %(n)s") % {"n": figures.decimal(line.before)})
    if line.unfinished:
        parts.append(_("not over yet"))
    return ", ".join(parts)


def _sentence(rows: Sequence[TrendRow], grain: str) -> str:
    """What the chart shows, for those who cannot or do not look at it."""
    finished = [row for row in rows if not row.unfinished and not row.cut]
    if not any(row.attempts for row in rows) or not finished:
        return ""
    most = max(finished, key=lambda row: row.attempts)
    least = min(finished, key=lambda row: row.attempts)
    mean = sum(row.attempts for row in finished) / len(finished)
    each = {"day": _("%(n)s calls a day"), "week": _("%(n)s calls a week"), "month": _("%(n)s calls a month")}[grain]
    text = each % {"n": figures.decimal(mean)}
    if len(finished) < 2 or most.attempts == least.attempts:
        return f"{text}."
    return _("%(mean)s on average; most: %(most)s (%(most_n)s), fewest: %(least)s (%(least_n)s).") % {
        "mean": text[0].upper() + text[1:],
        "most": most.label,
        "most_n": figures.decimal(most.attempts),
        "least": least.label,
        "least_n": figures.decimal(least.attempts),
    }

"""Figures and days in the words of the active language."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.formats import figures
from portal.outbox.text import one_line
from reports.definitions.metrics import Metric
from reports.definitions.periods import Period
from reports.mail.due import Kind
from reports.mail.sections import LONGEST_NOTE
from reports.queries.answer import Cell

NOTHING = "–"


def number(value: float, places: int = 0) -> str:
    return figures.decimal(value, places)


def amount(value: float | None, unit: str) -> str:
    """A value in its unit; a dash where there is no base for one."""
    if value is None:
        return NOTHING
    if unit == "percent":
        return f"{number(value, 1)} %"
    if unit == "seconds":
        minutes, seconds = divmod(int(figures.rounded(value)), 60)
        return f"{number(minutes)}:{seconds:02} min" if minutes else f"{seconds} s"
    if unit == "minutes":
        return f"{number(value)} min"
    if unit == "ms":
        return f"{number(value)} ms"
    return number(value, 0 if unit == "count" else 2)


def wait(seconds: float) -> str:
    return figures.wait(seconds).replace(figures.SPACE, " ")


def figure(cell: Cell, metric: Metric) -> str:
    """The value, or why it would mislead."""
    return _("n too small") if cell.small else amount(cell.value, metric.unit)


def figure_before(cell: Cell, metric: Metric) -> str:
    """As :func:`figure`, of the period before."""
    return _("n too small") if cell.previous_small else amount(cell.previous, metric.unit)


def change(cell: Cell, metric: Metric) -> str:
    """``▲ 2.4 pp``, ``▼ 3.1 %``, ``new``, or why there is none; empty when there is nothing to compare with."""
    if cell.small or cell.value is None:
        return ""
    if cell.previous_small:
        return _("too few before")
    if cell.change is None:
        return _("new") if cell.previous == 0 and cell.value else ""
    size = number(abs(cell.change), 1)
    if not any(digit in size for digit in "123456789"):
        return "="
    sign = "▲" if cell.change > 0 else "▼"
    return f"{sign} {size} {_('pp') if metric.unit == 'percent' else '%'}"


def tone(cell: Cell, metric: Metric) -> str:
    """``good`` or ``bad`` where the metric has a better side and the figure moved, else empty."""
    if change(cell, metric)[:1] not in {"▲", "▼"} or not metric.better:
        return ""
    return "good" if ((cell.change or 0) > 0) == (metric.better == "up") else "bad"


def calls(count: int) -> str:
    # None are many: Portuguese counts 0 as one, and its words for calls then agree with nothing beside them.
    return ngettext("%(count)s call", "%(count)s calls", count or 2) % {"count": number(count)}


def day(value: date, form: str = "MONTH_DAY_FORMAT") -> str:
    return str(date_format(value, form))


def moment(at: datetime, zone: str) -> str:
    return str(date_format(at.astimezone(ZoneInfo(zone)), "SHORT_DATETIME_FORMAT"))


def span(period: Period) -> str:
    """``7–13 Jul``, ``28 Jul – 3 Aug``, ``29 Dec 2025 – 4 Jan 2026``."""
    first, last = period.start, period.last_day
    if first == last:
        return day(first)
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}–{day(last)}"
    form = "MONTH_DAY_FORMAT" if first.year == last.year else "SHORT_DATE_FORMAT"
    return f"{day(first, form)} – {day(last, form)}"


def title(kind: Kind, period: Period) -> str:
    if kind == Kind.WEEKLY:
        return _("week %(days)s") % {"days": span(period)}
    if kind == Kind.MONTHLY:
        return day(period.start, "YEAR_MONTH_FORMAT")
    return day(period.start, "WEEKDAY_DAY_FORMAT")


def columns(kind: Kind) -> tuple[str, str, str]:
    """What the period, the one before and the mean are called at the head of a table."""
    return {
        Kind.DAILY: (_("This day"), _("A week before"), _("28-day mean")),
        Kind.WEEKLY: (_("This week"), _("Last week"), _("4-week mean")),
        Kind.MONTHLY: (_("This month"), _("Last month"), _("3-month mean")),
    }[kind]


def label(text: str) -> str:
    """A name others gave, fit to stand in a line: without control and direction marks, and not endless."""
    plain = one_line(text, limit=80)
    return f"{plain[:47]}…" if len(plain) > 48 else plain


def note(text: str) -> str:
    """What an author wrote to its readers, line by line, without control and direction marks."""
    lines = (one_line(line, limit=LONGEST_NOTE) for line in text[:LONGEST_NOTE].splitlines())
    return "\n".join(lines).strip()

"""Figures and days in the words of the active language."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.formats import figures
from portal.outbox.text import one_line
from reports.definitions.metrics import Metric
from reports.definitions.periods import Period, month_first, month_number
from reports.mail.due import Kind
from reports.mail.sections import LONGEST_NOTE
from reports.queries.answer import Cell
from reports.queries.movement import change_of


def number(value: float, places: int = 0) -> str:
    return figures.decimal(value, places)


def amount(value: float | None, unit: str) -> str:
    """A value in its unit, as on the pages; a dash where there is no base for one."""
    return figures.value(value, unit)


def figure(cell: Cell, metric: Metric) -> str:
    """The value, or why it would mislead."""
    return _("n too small") if cell.small else amount(cell.value, metric.unit)


def figure_before(cell: Cell, metric: Metric) -> str:
    """As :func:`figure`, of the period before."""
    return _("n too small") if cell.previous_small else amount(cell.previous, metric.unit)


def change(cell: Cell, metric: Metric) -> str:
    """``▲ 2.4 pp``, ``▼ 3.1 %``, ``new``, or why there is none; empty when there is nothing to compare with."""
    movement = change_of(cell, metric)
    return f"{movement.arrow}{figures.SPACE}{movement.text}".strip() if movement else ""


def tone(cell: Cell, metric: Metric) -> str:
    """``good`` or ``bad`` where the metric has a better side and the change is news, as on the pages; else empty."""
    movement = change_of(cell, metric)
    return {"better": "good", "worse": "bad"}.get(movement.tone, "") if movement else ""


def calls(count: int) -> str:
    # None are many: Portuguese counts 0 as one, and its words for calls then agree with nothing beside them.
    return ngettext("%(count)s call", "%(count)s calls", count or 2) % {"count": number(count)}


def day(value: date, form: str = "MONTH_DAY_FORMAT") -> str:
    return str(date_format(value, form))


def moment(at: datetime, zone: str) -> str:
    return str(date_format(at.astimezone(ZoneInfo(zone)), "SHORT_DATETIME_FORMAT"))


def callbacks(count: int) -> str:
    return ngettext("%(count)s callback", "%(count)s callbacks", count or 2) % {"count": number(count)}


def span(period: Period) -> str:
    """``6–12 Jul``, ``28 Jul – 3 Aug``, ``29 Dec 2025 – 4 Jan 2026``, ``Mon 13 Jul``, ``July 2026``."""
    first, last = period.start, period.last_day
    if first == last:
        return figures.weekday(first)
    if first.day == 1 and period.end == month_first(month_number(first) + 1):
        return day(first, "YEAR_MONTH_FORMAT")
    return figures.short_days(first, last) if first.year == last.year else figures.days(first, last)


def heading(kind: Kind, period: Period) -> str:
    """A mail's title, with the year."""
    if kind == Kind.WEEKLY:
        text = _("week %(days)s") % {"days": figures.days(period.start, period.last_day)}
        return f"{text[0].upper()}{text[1:]}"
    text = span(period) if kind == Kind.MONTHLY else figures.days(period.start, period.last_day)
    return f"{text[0].upper()}{text[1:]}"


def title(kind: Kind, period: Period) -> str:
    return _("week %(days)s") % {"days": span(period)} if kind == Kind.WEEKLY else span(period)


def mean_of(kind: Kind) -> str:
    """What the mean over the periods before is called at the head of a table."""
    return {Kind.DAILY: _("28-day mean"), Kind.WEEKLY: _("4-week mean"), Kind.MONTHLY: _("3-month mean")}[kind]


def label(text: str) -> str:
    """A name others gave, fit to stand in a line: without control and direction marks, and not endless. Of a long one
    both ends stay: what tells it from others may stand in either.
    """
    plain = one_line(text)
    return f"{plain[:28]}…{plain[-19:]}" if len(plain) > 48 else plain


def note(text: str) -> str:
    """What an author wrote to its readers, line by line, without control and direction marks."""
    lines = (one_line(line, limit=LONGEST_NOTE) for line in text[:LONGEST_NOTE].splitlines())
    return "\n".join(lines).strip()

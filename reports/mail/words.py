"""Figures and days in the words of the active language."""

from collections.abc import Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.formats import figures
from portal.outbox.text import one_line
from reports.definitions.metrics import METRICS, Metric
from reports.definitions.periods import Period, month_first, month_number
from reports.mail.due import Kind
from reports.mail.sections import LONGEST_NOTE
from reports.queries.answer import Answer, Cell
from reports.queries.movement import change_of
from reports.queries.significance import adds_up


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


def is_whole(answer: Answer) -> bool:
    """Whether all is there of the period and of the one that it is compared with."""
    return answer.completeness.complete and answer.previous_complete


def change(cell: Cell, metric: Metric, *, whole: bool = True) -> str:
    """``▲ 2.4 pp``, ``▼ 3.1 %``, ``new``, or why there is none; empty when there is nothing to compare with. A sum of
    what is not ``whole`` is compared with nothing: a part that is missing would read as a fall.
    """
    movement = change_of(cell, metric) if whole or not adds_up(metric) else None
    return f"{movement.arrow}{figures.SPACE}{movement.text}".strip() if movement else ""


def tone(cell: Cell, metric: Metric, *, whole: bool = True) -> str:
    """``good``, ``bad`` or, where neither side is better, ``moved`` of a significant change, as on the pages; else
    empty. What is not ``whole`` has none: the days that are missing may be the good ones.
    """
    movement = change_of(cell, metric) if whole else None
    return {"better": "good", "worse": "bad"}.get(movement.tone, movement.tone) if movement else ""


def calls(count: int) -> str:
    # None are many: Portuguese counts 0 as one, and its words for calls then agree with nothing beside them.
    return ngettext("%(count)s call", "%(count)s calls", count or 2) % {"count": number(count)}


def answer(totals: Mapping[str, Cell]) -> str:
    """``1,211 calls, 43.1 % connected (▲ 2.4 pp)``: of attempts and connect_rate, with the change where it is known."""
    rate, attempts = totals["connect_rate"], totals["attempts"].value
    if attempts is None:
        return _("nothing read yet")
    text = calls(round(attempts)) if attempts else _("no calls")
    if rate.value is not None and not rate.small:
        moved = "" if rate.moved is None else change(rate, METRICS["connect_rate"])
        text += ", " + _("%(rate)s connected") % {"rate": amount(rate.value, "percent")}
        text += f" ({moved})" if moved else ""
    return text


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


def bound(text: str) -> str:
    """A text in which no line ends within ``n = 5``."""
    return text.replace(" = ", f"{figures.SPACE}={figures.SPACE}")


def dates(text: str) -> str:
    """A span of days that breaks behind its dash alone."""
    return text.replace(" ", figures.SPACE).replace(f"–{figures.SPACE}", "– ")


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

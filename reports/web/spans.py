"""Periods by name: today, last week, the last twelve months; and in words what a period is compared with."""

from datetime import date, datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.formats import figures
from reports.periods import Period, last_days, month_first, month_number, month_of, week_of

SPANS = {
    "today": gettext_lazy("Today"),
    "yesterday": gettext_lazy("Yesterday"),
    "last_7_days": gettext_lazy("Last 7 days"),
    "this_week": gettext_lazy("This week"),
    "last_week": gettext_lazy("Last week"),
    "this_month": gettext_lazy("This month"),
    "last_month": gettext_lazy("Last month"),
    "last_30_days": gettext_lazy("Last 30 days"),
    "last_90_days": gettext_lazy("Last 90 days"),
    "last_12_months": gettext_lazy("Last 12 months"),
    "custom": gettext_lazy("From – to"),
}
DEFAULT_SPAN = "last_7_days"


def span_period(span: str, today: date, zone: str) -> Period:
    """A named span. "Last" days and months end with the last whole one; this week and this month are whole ones, of
    which a part is still to come, so that they are compared with the whole week or month before.
    """
    this_week, this_month = week_of(today, zone), month_of(today, zone)
    if span == "today":
        return Period(today, today + timedelta(days=1), zone)
    if span == "yesterday":
        return last_days(1, today, zone)
    if span == "this_week":
        return this_week
    if span == "last_week":
        return week_of(this_week.start - timedelta(days=1), zone)
    if span == "this_month":
        return this_month
    if span == "last_month":
        return month_of(this_month.start - timedelta(days=1), zone)
    if span == "last_12_months":
        return Period(month_first(month_number(today) - 12), this_month.start, zone)
    return last_days(int(span.split("_")[1]), today, zone)


def against(period: Period, before: Period | None, *, now: datetime) -> str:
    """What a period is compared with. Where that does not end as the period begins, weekdays are why, and it says so.

    "" when it is compared with nothing.
    """
    if before is None:
        return ""
    days = {"days": _days(before, period.start.year)}
    running = period.holds(now)
    if before.end == period.start:
        text = _("so far, against the same part of %(days)s") if running else _("against %(days)s")
    elif period.days == 1:
        text = (
            _("so far, against the same part of the same weekday, %(days)s")
            if running
            else _("against the same weekday, %(days)s")
        )
    elif running:
        text = _("so far, against the same part of the same weekdays, %(days)s")
    else:
        text = _("against the same weekdays, %(days)s")
    return text % days


def _days(period: Period, year: int) -> str:
    """The days of a period, with their year where it is another one."""
    first, last = period.start, period.last_day
    if not first.year == last.year == year:
        return figures.days(first, last)
    return figures.weekday(first) if first == last else figures.short_days(first, last)

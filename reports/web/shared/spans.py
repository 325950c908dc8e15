"""The names of periods, and in words what a period is compared with."""

from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.formats import figures
from reports.definitions import spans
from reports.definitions.periods import Period, previous, year_before

SPANS = spans.SPANS | {"custom": gettext_lazy("From – to")}
DEFAULT_SPAN = "last_7_days"
TO_DATE = "to_date"  # no period: everything as of now, on pages that can show that
TO_DATE_LABEL = gettext_lazy("To date")


def against(period: Period, before: Period | None, *, now: datetime) -> str:
    """What a period is compared with. Where that is the one before or that of the year before and does not end as the
    period begins, weekdays are why, and it says so.

    "" when it is compared with nothing.
    """
    if before is None:
        return ""
    days = {"days": _days(before, period.start.year)}
    running = period.holds(now)
    if before.end == period.start or before not in (previous(period), year_before(period)) or period.months:
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

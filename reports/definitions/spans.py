"""Periods by name: today, last week, the last twelve months. In an address they stay what they are called, and move on
with the days. Pure.
"""

from datetime import date, timedelta

from django.utils.translation import gettext_lazy

from reports.definitions.periods import Period, last_days, last_months, month_first, month_number, month_of, week_of

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
    "last_12_full_months": gettext_lazy("12 full months"),
}


def span_period(span: str, today: date, zone: str) -> Period:
    """A named span. "Last" days, and the last twelve months, end with yesterday; last week, last month and the twelve
    full months are whole calendar ones that are over. This week and this month are whole ones, of which a part is still
    to come, so that they are compared with the whole week or month before.
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
        return last_months(12, today, zone)
    if span == "last_12_full_months":
        return Period(month_first(month_number(today) - 12), this_month.start, zone)
    return last_days(int(span.split("_")[1]), today, zone)

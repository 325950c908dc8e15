"""Periods by name: today, last week, the last twelve months. In an address they stay what they are called, and move on
with the days. Pure.
"""

from datetime import date, timedelta

from reports.definitions.periods import Period, last_days, month_first, month_number, month_of, week_of

SPANS = (
    "today",
    "yesterday",
    "last_7_days",
    "this_week",
    "last_week",
    "this_month",
    "last_month",
    "last_30_days",
    "last_90_days",
    "last_12_months",
)


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

"""The way from an answer or a figure to an alert about it."""

from django.urls import reverse

from reports.alerts.wishes import PERSONAL
from reports.definitions.filters import write_filters
from reports.queries.question import Filters
from reports.web.shared.selection import written


def alert_form_of(tenant: str, filters: Filters, span: str) -> str:
    """The address of an alert's form, filled in by an answer; a figure's key is to be added to it. Empty where the
    filters name a person, since no alert is about one.
    """
    params = write_filters(filters)
    if PERSONAL & params.keys():
        return ""
    others = written({**params, "period": span})
    return f"{reverse('reports_web:alert_new', args=[tenant])}?{others}{'&' if others else ''}metrics="

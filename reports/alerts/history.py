"""What an alert told, some at a time. The wall must be open."""

from django.db.models import QuerySet

from reports.alerts.models import Alert, AlertEvent
from reports.queries.cursor import KeyPage, page_by_key


def events(alert: Alert) -> QuerySet[AlertEvent]:
    """Newest first, each with its alert, its mails and what was posted."""
    rows: QuerySet[AlertEvent] = AlertEvent.objects.filter(alert=alert).select_related("alert__tenant")
    return rows.prefetch_related("notices__message", "posts").order_by("-id")


def page(rows: QuerySet[AlertEvent], cursor: str, size: int) -> KeyPage[AlertEvent]:
    """Some of the rows, from where a cursor says; raises CursorError."""
    return page_by_key(rows, cursor, size, of="alert")

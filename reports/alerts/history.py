"""What an alert told, some at a time. The wall must be open."""

from dataclasses import dataclass

from django.db.models import QuerySet

from reports.alerts.models import Alert, AlertEvent
from reports.queries.cursor import NotACursor, opened, sealed


class NoPlace(ValueError):
    """A text that names no place in the history."""


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """``next`` and ``previous`` are cursors, empty where there is no further page."""

    rows: list[AlertEvent]
    next: str
    previous: str


def events(alert: Alert) -> QuerySet[AlertEvent]:
    """Newest first, each with its alert, its mails and what was posted."""
    rows: QuerySet[AlertEvent] = AlertEvent.objects.filter(alert=alert).select_related("alert__tenant")
    return rows.prefetch_related("notices__message", "posts").order_by("-id")


def page(rows: QuerySet[AlertEvent], cursor: str, size: int) -> HistoryPage:
    """Some of the rows, from where a cursor says; raises :class:`NoPlace`."""
    way, key = _read(cursor)
    if way == "back":
        found = list(rows.filter(pk__gt=key).order_by("id")[: size + 1])
        more, found = len(found) > size, found[:size][::-1]
        return HistoryPage(found, _cursor("on", found), _cursor("back", found) if more else "")
    found = list((rows.filter(pk__lt=key) if cursor else rows)[: size + 1])
    more, found = len(found) > size, found[:size]
    return HistoryPage(found, _cursor("on", found) if more else "", _cursor("back", found) if cursor else "")


def _cursor(way: str, rows: list[AlertEvent]) -> str:
    if not rows:
        return ""
    return sealed(f"alert-{way}:{rows[-1].pk if way == 'on' else rows[0].pk}")


def _read(text: str) -> tuple[str, int]:
    if not text:
        return "on", 0
    try:
        way, _colon, key = opened(text).partition(":")
    except NotACursor as error:
        raise NoPlace from error
    if way not in ("alert-on", "alert-back") or not key.isdecimal() or len(key) > 18:
        raise NoPlace
    return way.removeprefix("alert-"), int(key)

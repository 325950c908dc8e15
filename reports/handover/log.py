"""What was handed over, some at a time, and how its mails stand. The wall must be open."""

from collections.abc import Iterable

from django.db.models import Q, QuerySet

from portal.outbox.models import Message
from reports.handover.by_mail import reference_of
from reports.handover.models import Handover, Way
from reports.queries.cursor import KeyPage, page_by_key


def page(rows: QuerySet[Handover], cursor: str, size: int) -> KeyPage[Handover]:
    """Some of the rows, from where a cursor says; raises CursorError."""
    return page_by_key(rows, cursor, size, of="handover")


def mails(handovers: Iterable[Handover]) -> dict[int, list[Message]]:
    """The mails of each one's present round, by its key; one query."""
    begins = {reference_of(row): row.pk for row in handovers if row.schedule.way != Way.PUT}
    found: dict[int, list[Message]] = {pk: [] for pk in begins.values()}
    if not begins:
        return found
    wanted = Q()
    for reference in begins:
        wanted |= Q(reference__startswith=reference)
    for message in Message.objects.filter(wanted).order_by("id"):
        whose = begins.get(message.reference.rpartition(":")[0] + ":")
        if whose is not None:
            found[whose].append(message)
    return found

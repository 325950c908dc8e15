"""The vendor's callback totals, day by day."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import QuerySet

from reports.queries.scope import Scope
from reports.queries.seen import seen
from sync.models.callbacks import CallbackDay


class DaySources(NamedTuple):
    """The vendor's callbacks of one UTC day by the agent that had called: ``agent``, ``name`` and ``count`` of each."""

    day: date
    sources: Sequence[Mapping[str, Any]]


def callback_days(
    scope: Scope, date_from: date | None, date_to: date | None, environments: Collection[UUID] = ()
) -> QuerySet[CallbackDay]:
    """UTC days, both ends included, newest first, each with its environment.

    The totals are of whole environments, so who may see some agents only gets none.
    """
    rows = seen(CallbackDay, scope)
    if date_from is not None:
        rows = rows.filter(day__gte=date_from)
    if date_to is not None:
        rows = rows.filter(day__lte=date_to)
    if environments:
        rows = rows.filter(environment__public_id__in=environments)
    return rows.select_related("environment").order_by("-day", "environment__name", "environment_id")


def sources_of_days(
    scope: Scope, date_from: date, date_to: date, environments: Collection[UUID] = ()
) -> list[DaySources]:
    """Of the same days; of several environments each has its own."""
    rows = callback_days(scope, date_from, date_to, environments).select_related(None)
    ordered = rows.order_by("-day", "environment_id").values_list("day", "sources")
    return [DaySources(day, sources) for day, sources in ordered]

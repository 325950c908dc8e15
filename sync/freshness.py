"""What the ledger of reading says: windows, open gaps and corrections of some environments. Plain queries."""

from collections.abc import Collection
from datetime import date, datetime

from django.db.models import QuerySet

from sync.models.changes import CallChange
from sync.models.connections import Connection
from sync.models.runs import Gap, Window


def day_windows(environments: Collection[int], streams: Collection[str], first: date, last: date) -> QuerySet[Window]:
    """The windows of UTC days, both ends included."""
    return Window.objects.filter(
        environment_id__in=environments, stream__in=streams, day__gte=first, day__lte=last
    ).order_by("environment_id", "day")


def whole_windows(environments: Collection[int], streams: Collection[str]) -> QuerySet[Window]:
    """The windows that are no day: an agent's whole history, or a whole list."""
    return Window.objects.filter(environment_id__in=environments, stream__in=streams, day=None).order_by(
        "environment_id", "part"
    )


def all_windows(environments: Collection[int]) -> QuerySet[Window]:
    return Window.objects.filter(environment_id__in=environments).order_by("environment_id", "stream", "day", "part")


def open_gaps(environments: Collection[int]) -> QuerySet[Gap]:
    return Gap.objects.filter(environment_id__in=environments, closed_at=None).order_by(
        "environment_id", "stream", "day", "part"
    )


def connections(environments: Collection[int]) -> QuerySet[Connection]:
    """Whose ``since`` is the UTC day from which an environment's history is asked for."""
    return Connection.objects.filter(environment_id__in=environments).order_by()


def history_starts(environments: Collection[int]) -> dict[int, date]:
    """Since which UTC day each environment's history is asked for. The token is not read."""
    return dict(connections(environments).values_list("environment_id", "since"))


def changes_since(environments: Collection[int], at: datetime) -> QuerySet[CallChange]:
    return CallChange.objects.filter(environment_id__in=environments, at__gte=at)

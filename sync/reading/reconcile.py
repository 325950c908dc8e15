"""Our counts beside the vendor's totals, UTC day by UTC day.

Counted are the calls upstream still has, test calls included, because that is what the vendor's totals count. Calls
that vanished upstream are kept here and left out of this comparison, as are elements accepted as no call.
"""

import time
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from django.db.models import Sum

from portal.work.clock import database_now
from sync import windows
from sync.connections import access_of, reject
from sync.models.calls import Call
from sync.models.connections import Connection, DayFilter
from sync.models.quarantine import ACCEPTED, OPEN, Quarantine
from sync.providers import registry
from sync.providers.errors import UpstreamError
from sync.providers.http import Http
from sync.reading.pacing import Pace, backoff
from sync.taxonomy import PASSING, Fault, Stream

TRIES = 5
PATIENCE = 3600.0  # seconds


@dataclass(frozen=True, slots=True)
class Difference:
    """A day on which the two do not agree."""

    day: date
    ours: int
    theirs: int
    quarantined: int = 0  # of those missing here: shown by the vendor, and not to be read


@dataclass(slots=True)
class Comparison:
    """``compared`` days had a total of the vendor's; it is 0 for a vendor that names none. ``without`` is the first day
    that had none: it and later ones were not compared.
    """

    compared: int = 0
    differing: list[Difference] = field(default_factory=list)
    without: date | None = None


class NotComparable(Exception):
    """The vendor's totals count other days than UTC's."""


def reconcile(
    connection: Connection,
    since: date | None = None,
    until: date | None = None,
    *,
    comparison: Comparison | None = None,
) -> Comparison:
    """Compare day by day, oldest first; by default all days since the connection's history begins.

    One request a day, within the budget. Raises NotComparable, or UpstreamError when a total can't be had: what was not
    compared is never called equal. What was compared until then is in ``comparison``, where one is given.
    """
    if connection.day_filter == DayFilter.WIDE:
        raise NotComparable
    provider = registry.get(connection.provider)
    today = database_now().astimezone(UTC).date()
    comparison = comparison or Comparison()
    pace = Pace(connection, PATIENCE)
    with provider.session(access_of(connection)) as http:
        for day in reversed(windows.days(since or connection.since, min(until or today, today))):
            theirs = _theirs(connection, pace, http, day)
            if theirs is None:
                comparison.without = day
                break
            comparison.compared += 1
            ours, aside = _ours(connection, day), _aside(connection, day)
            if ours + aside["accepted"] != theirs and ours != theirs:
                comparison.differing.append(Difference(day, ours, theirs, aside["unreadable"]))
    return comparison


def _ours(connection: Connection, day: date) -> int:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return Call.objects.filter(
        environment_id=connection.environment_id,
        started_at__gte=start,
        started_at__lt=start + timedelta(days=1),
        missing_since=None,
    ).count()


def _aside(connection: Connection, day: date) -> dict[str, int]:
    """Elements of the day that could not be read, and such that were taken for no call."""
    rows = Quarantine.objects.filter(environment_id=connection.environment_id, stream=Stream.CALLS, day=day)
    counted: dict[str, int] = rows.aggregate(
        unreadable=Sum("times", filter=OPEN, default=0), accepted=Sum("times", filter=ACCEPTED, default=0)
    )
    return counted


def _theirs(connection: Connection, pace: Pace, http: Http, day: date) -> int | None:
    provider = registry.get(connection.provider)
    for attempt in range(1, TRIES + 1):
        while wait := pace.take():
            if pace.beyond_patience:
                raise UpstreamError(Fault.THROTTLED, retry_after=wait)
            time.sleep(min(wait, 5.0))
        try:
            return provider.count(day, http)
        except UpstreamError as error:
            if error.fault == Fault.REJECTED:
                reject(connection)
            if error.fault not in PASSING or attempt == TRIES:
                raise
            if error.fault == Fault.THROTTLED or error.retry_after is not None:
                pace.throttled(error.retry_after)
            else:
                time.sleep(backoff(attempt))
    raise AssertionError("unreachable")

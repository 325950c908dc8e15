"""Our counts beside the vendor's totals, UTC day by UTC day.

Counted are the calls upstream still has, test calls included, because that is what the vendor's totals count. Calls
that vanished upstream are kept here and left out of this comparison.
"""

import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sync import windows
from sync.budget import Allowance
from sync.connections import access_of
from sync.leases import database_now
from sync.models.calls import Call
from sync.models.connections import Connection
from sync.providers import registry
from sync.providers.base import UpstreamError
from sync.providers.http import Http
from sync.taxonomy import PASSING

TRIES = 5


@dataclass(frozen=True, slots=True)
class Difference:
    """A day on which the two do not agree."""

    day: date
    ours: int
    theirs: int


def reconcile(connection: Connection, since: date | None = None, until: date | None = None) -> list[Difference]:
    """The days that differ, oldest first; by default all since the connection's history begins.

    One request a day, within the budget. Empty for a vendor that has no totals. Raises UpstreamError when a total can't
    be had: what was not compared is never called equal.
    """
    provider = registry.get(connection.provider)
    today = database_now().astimezone(UTC).date()
    differing: list[Difference] = []
    allowance = Allowance(connection)
    with provider.session(access_of(connection)) as http:
        for day in reversed(windows.days(since or connection.since, min(until or today, today))):
            theirs = _theirs(connection, allowance, http, day)
            if theirs is None:
                return []
            ours = _ours(connection, day)
            if ours != theirs:
                differing.append(Difference(day, ours, theirs))
    return differing


def _ours(connection: Connection, day: date) -> int:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return Call.objects.filter(
        environment_id=connection.environment_id,
        started_at__gte=start,
        started_at__lt=start + timedelta(days=1),
        missing_since=None,
    ).count()


def _theirs(connection: Connection, allowance: Allowance, http: Http, day: date) -> int | None:
    provider = registry.get(connection.provider)
    for attempt in range(1, TRIES + 1):
        while wait := allowance.take():
            time.sleep(min(wait, 5.0))
        try:
            return provider.count(day, http)
        except UpstreamError as error:
            if error.fault not in PASSING or attempt == TRIES:
                raise
            time.sleep(error.retry_after if error.retry_after is not None else 0.25 * 2**attempt)
    raise AssertionError("unreachable")

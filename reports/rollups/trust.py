"""Which days the rollups hold for good.

What a call counts as depends on when one looks: an open call becomes connected, unreached or unresolved within two days
of its start. So a day is settled, and its rollup final, two days after it ended, unless a change of its calls waits.
"""

from collections.abc import Collection
from datetime import date, datetime, timedelta

from django.db.models import Exists, OuterRef, QuerySet

from reports.periods import Period, day_start, local_date
from reports.rollups.models import CountedDay
from sync.models.changes import DirtyDay
from sync.taxonomy import UNRESOLVED_HOURS

VERSION = 2  # raise it when what a column counts changes: every day is then counted anew
SETTLES = timedelta(hours=UNRESOLVED_HOURS)


def is_settled(day: date, zone: str, at: datetime) -> bool:
    return day_start(day + timedelta(days=1), zone) + SETTLES <= at


def last_settled(zone: str, at: datetime) -> date:
    """The last day that is settled at a moment."""
    day = local_date(at - SETTLES, zone) + timedelta(days=1)
    while not is_settled(day, zone, at):
        day -= timedelta(days=1)
    return day


def counted_days(environments: Collection[int], zone: str) -> QuerySet[CountedDay]:
    """Days counted by today's rules with no change waiting, whenever they were counted."""
    waiting = DirtyDay.objects.filter(environment_id=OuterRef("environment_id"), day=OuterRef("day"))
    return CountedDay.objects.filter(
        ~Exists(waiting), environment_id__in=environments, zone=zone, version=VERSION, counted_at__isnull=False
    )


def trusted_days(environments: Collection[int], period: Period, now: datetime) -> dict[int, set[date]]:
    """The days of a period whose rollups hold, by environment. The period's zone has to be the tenant's. One query."""
    found: dict[int, set[date]] = {key: set() for key in environments}
    rows = counted_days(environments, period.zone).filter(day__gte=period.start, day__lt=period.end)
    for environment, day, counted_at in rows.values_list("environment_id", "day", "counted_at"):
        if counted_at is not None and is_settled(day, period.zone, min(counted_at, now)):
            found[environment].add(day)
    return found

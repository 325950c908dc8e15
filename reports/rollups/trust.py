"""Which days the rollups hold for good.

What a call counts as depends on when one looks: an open call becomes connected, unreached or unresolved within two days
of its start. So a day is settled, and its rollup final, two days after it ended, unless a change of its calls waits.
All tables of rollups are counted together, so one ledger speaks for them.
"""

from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta

from django.db.models import Exists, OuterRef, QuerySet

from reports.periods import day_start, local_date
from reports.rollups.models import CountedDay
from sync.models.changes import DirtyDay
from sync.taxonomy import UNRESOLVED_HOURS

VERSION = 3  # raise it when what a column counts changes: every day is then counted anew
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


def trusted_days(rows: Iterable[tuple[int, date, datetime]], zone: str, now: datetime) -> dict[int, set[date]]:
    """The days whose rollups hold at ``now``, by environment. ``rows`` are environment, day and time of counting of
    counted days (:func:`counted_days`) of the tenant's zone.
    """
    found: dict[int, set[date]] = {}
    settled_at: dict[date, datetime] = {}
    for environment, day, counted_at in rows:
        if day not in settled_at:
            settled_at[day] = day_start(day + timedelta(days=1), zone) + SETTLES
        if settled_at[day] <= min(counted_at, now):
            found.setdefault(environment, set()).add(day)
    return found

"""How long each class of a tenant's data is kept: read by whoever writes, and by whoever takes away what is over.

A rule counts days of the tenant's own zone: with thirty days, what happened before midnight thirty days ago is over.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction

from portal.privacy.models import Retention
from portal.privacy.registry import DataClass
from portal.privacy.tombstones import burying
from portal.work.clock import database_now

MOST_DAYS = 36_500
# A call counts as the return of one up to thirty days before, for as long as both name the same contact.
FEWEST_DAYS = dict.fromkeys(DataClass, 1) | {DataClass.NUMBERS: 31}
_AT_NIGHT = time(3)
Days = Mapping[DataClass, int | None]  # None: for good


@dataclass(frozen=True, slots=True)
class Keeping:
    """From when on each class is kept. ``codes``: numbers may be gone of calls that were mirrored."""

    since: Mapping[DataClass, datetime] = field(default_factory=dict)
    codes: bool = False

    def __bool__(self) -> bool:
        return bool(self.since) or self.codes

    @classmethod
    def of(cls, tenant_id: int, now: datetime) -> "Keeping":
        """The tenant's rules as of now. Its wall must be open."""
        rows = Retention.objects.filter(tenant_id=tenant_id).values_list("what", "days", "tenant__zone")
        rules = [(DataClass(what), days, zone) for what, days, zone in rows]
        since = {what: kept_since(days, zone, now) for what, days, zone in rules if days is not None}
        return cls(since, codes=any(what is DataClass.NUMBERS for what, *_ in rules))

    def over(self, moment: datetime | None) -> frozenset[DataClass]:
        """What is to be kept no more of something that happened then."""
        return frozenset(what for what, since in self.since.items() if moment is not None and moment < since)


def kept_since(days: int, zone: str, now: datetime) -> datetime:
    """The midnight before which a class that is kept so many days is over."""
    here = ZoneInfo(zone)
    return datetime.combine(now.astimezone(here).date() - timedelta(days=days), time(), here)


def next_night(zone: str, now: datetime) -> datetime:
    """When what is over goes next."""
    here = ZoneInfo(zone)
    night = datetime.combine(now.astimezone(here).date(), _AT_NIGHT, here)
    return night if night > now else datetime.combine(night.date() + timedelta(days=1), _AT_NIGHT, here)


def days_of(tenant_id: int) -> dict[DataClass, int | None]:
    """How many days each class is kept. The tenant's wall must be open."""
    rows = dict(Retention.objects.filter(tenant_id=tenant_id).values_list("what", "days"))
    return {what: rows.get(what) for what in DataClass}


def keep(tenant_id: int, zone: str, days: Days) -> dict[DataClass, tuple[int | None, int | None]]:
    """Keep each class so many days from now on; what changed, before and after. Inside a transaction.

    Whoever writes later knows of it, and what was written before is found in the coming night.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("A rule is set in a transaction.")
    burying(tenant_id)
    was, due = days_of(tenant_id), next_night(zone, database_now())
    changed = {what: (was[what], count) for what, count in days.items() if was[what] != count}
    for what, (_, count) in changed.items():
        values = {"days": count, "reached": None, "due_at": None if count is None else due}
        Retention.objects.update_or_create(tenant_id=tenant_id, what=what, defaults=values)
    return changed

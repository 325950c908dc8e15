"""What would go if a company kept its data for so many days: counted by the same rules by which it then goes."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count, Min

from portal.privacy.registry import DataClass
from portal.privacy.retention import Days, kept_since
from portal.tenants.models.tenants import Environment, Tenant
from reports.privacy.retention import payloads, texts
from reports.privacy.retention.numbers import numbers_by_environment, silent
from sync.mirror.retained import OF_UNREADABLE


@dataclass(slots=True)
class Preview:
    """``total`` of a class go, of before ``since``. Mails are of no environment, and a number may be of several.

    Not ``whole``: the time was over, and there are at least so many.
    """

    what: DataClass
    since: datetime
    total: int = 0
    environments: Counter[int] = field(default_factory=Counter)
    oldest: datetime | None = None
    whole: bool = True

    def add(self, environment_id: int | None, count: int, oldest: datetime | None) -> None:
        self.total += count
        if environment_id is not None and count:
            self.environments[environment_id] += count
        if oldest is not None and count:
            self.oldest = oldest if self.oldest is None else min(self.oldest, oldest)


def preview(
    tenant: Tenant,
    days: Days,
    now: datetime,
    *,
    of: Iterable[DataClass] = tuple(DataClass),
    seconds: float | None = None,
) -> list[Preview]:
    """What each class ``of`` those loses by ``days``. Its wall must be open."""
    since = {what: kept_since(count, tenant.zone, now) for what, count in days.items() if count is not None}
    until = None if seconds is None else time.monotonic() + seconds
    wanted = set(of)
    return [_preview(what, since, until) for what in DataClass if what in since and what in wanted]


def _preview(what: DataClass, since: Mapping[DataClass, datetime], until: float | None) -> Preview:
    made = Preview(what, since[what])
    if what is DataClass.NUMBERS:
        found = silent(made.since).aggregate(n=Count("contact"), oldest=Min("last"))
        made.add(None, found["n"], found["oldest"])
        made.environments.update(numbers_by_environment(made.since))
    elif what is DataClass.MAILS:
        found = texts.mails(made.since).aggregate(n=Count("pk"), oldest=Min("created_at"))
        made.add(None, found["n"], found["oldest"])
    elif what is DataClass.CHANGES:
        rows = texts.changes(made.since).order_by().values("environment_id")
        for row in rows.annotate(n=Count("pk"), oldest=Min("at")):
            made.add(row["environment_id"], row["n"], row["oldest"])
    else:
        _look_through(made, until)
    if what in OF_UNREADABLE:
        _unreadable(made, since)
    return made


def _look_through(made: Preview, until: float | None) -> None:
    for environment_id in Environment.objects.order_by("pk").values_list("pk", flat=True):
        for start in payloads.held(made.what, environment_id, made.since):
            if start is not None:
                made.add(environment_id, 1, start)
            if until is not None and time.monotonic() > until:
                made.whole = False
                return


def _unreadable(made: Preview, since: Mapping[DataClass, datetime]) -> None:
    """They go with the first class that is over, and are counted with it."""
    first = [each for each in DataClass if each in OF_UNREADABLE and each in since]
    earlier = [since[each] for each in first[: first.index(made.what)]]
    for rows in texts.unreadable(made.since, after=max(earlier, default=None)):
        for row in rows.order_by().values("environment_id").annotate(n=Count("pk"), oldest=Min("first_seen_at")):
            made.add(row["environment_id"], row["n"], row["oldest"])

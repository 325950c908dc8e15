"""The days of an environment that are kept counted, and how they are taken: in runs, a transaction each."""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from django.db.models import Min
from django.utils import timezone

from portal.tenants.models.tenants import Environment
from reports.periods import local_date
from sync.models.calls import Call

HORIZON = timedelta(days=1830)  # a call dated in another age makes no ledger of ages; its day is asked of the calls
NEXT = timedelta(days=1)


def first_day(environment: Environment) -> date | None:
    """The local day of the first call, within the horizon; None without calls. One query."""
    first = Call.objects.filter(environment_id=environment.pk).aggregate(first=Min("started_at"))["first"]
    if first is None:
        return None
    return max(local_date(first, environment.tenant.zone), timezone.now().date() - HORIZON)


def between(first: date, last: date) -> Iterator[date]:
    """Both included."""
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def runs(days: Iterable[date], most: int, *, bridge: timedelta = NEXT) -> Iterator[list[date]]:
    """Days in a row, at most ``most`` together; days no further apart than ``bridge`` are joined by those between."""
    run: list[date] = []
    for day in days:
        if run and (day - run[-1] > bridge or (day - run[0]).days >= most):
            yield run
            run = []
        run += between(run[-1] + NEXT, day) if run else [day]
    if run:
        yield run

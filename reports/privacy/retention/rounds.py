"""One class of one company that is being looked through: who holds it, how long yet, and what it took away."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from datetime import timedelta as duration
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet

from portal.privacy.models import Removal, Retention
from portal.privacy.registry import DataClass
from portal.work.leases import Lease
from portal.work.retries import persist
from reports.privacy.erasing import Overtaken

LEASE = Lease(duration(minutes=10), until="claimed_until")
BATCH = 500


class OutOfTime(Exception):
    """The turn is over; the next one goes on from here."""


@dataclass(frozen=True, slots=True)
class Round:
    """``rule`` as it was claimed; what is of before ``since`` goes. ``day`` is today, where the company is."""

    rule: Retention
    since: datetime
    day: date
    until: float | None = None  # of the monotonic clock

    @property
    def what(self) -> DataClass:
        return DataClass(self.rule.what)

    def note(self, amount: int, **progress: object) -> None:
        """Write down what went, in the transaction in which it does. Raises Overtaken, and then nothing went."""
        mine = LEASE.held(Retention.objects.filter(days=self.rule.days), self.rule)
        if not LEASE.hold(mine, **progress):
            raise Overtaken
        if not amount:
            return
        row, _ = Removal.objects.get_or_create(
            tenant_id=self.rule.tenant_id, what=self.what, day=self.day, defaults={"before": self.since}
        )
        Removal.objects.filter(pk=row.pk).update(amount=F("amount") + amount, before=self.since)

    def go_on(self) -> None:
        """Raises OutOfTime."""
        if self.until is not None and time.monotonic() > self.until:
            raise OutOfTime

    def each(self, rows: QuerySet[Any], act: Callable[[Sequence[Any]], object]) -> None:
        """Have ``act`` take all of ``rows``, some at a time by their keys; it leaves none that it took among them."""
        while persist(lambda: self._some(rows, act)):
            self.go_on()

    def _some(self, rows: QuerySet[Any], act: Callable[[Sequence[Any]], object]) -> int:
        with transaction.atomic():
            keys = list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH])
            if keys:
                act(keys)
                self.note(len(keys))
            return len(keys)


def some_of(values: Sequence[Any], count: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), count):
        yield values[start : start + count]

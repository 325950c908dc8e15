"""Rows that one process at a time works on: claimed, held, settled, each by a conditional update.

So any number of workers may look at a row at once, one that dies leaves a claim that runs out, and one that slept until
its claim ran out can write nothing more. Times of claims are the database's, so that hosts whose clocks differ do not
hold the same row.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import F, Model, Q, QuerySet
from django.db.models.functions import Now

from portal.work.clock import AHEAD


@dataclass(frozen=True, slots=True)
class Lease:
    """The columns in which a table keeps its claims: ``until`` when one runs out, and ``fence``, a number that grows
    with each and so tells a late holder from the present one."""

    lasts: timedelta
    until: str
    fence: str = "attempts"
    clock: Callable[[], Any] = Now

    def free(self) -> Q:
        """Rows that nobody holds. A claim that outlasts every other was made by a clock that was ahead, and is none."""
        now = self.clock()
        ahead = {f"{self.until}__gt": now + self.lasts + AHEAD}
        return Q(**{self.until: None}) | Q(**{f"{self.until}__lt": now}) | Q(**ahead)

    def claim(self, rows: QuerySet[Any], **fields: object) -> bool:
        """Take the one row that ``rows`` still holds; False when somebody else has it."""
        return bool(rows.update(**self._renewed(), **{self.fence: F(self.fence) + 1}, **fields))

    def held(self, rows: QuerySet[Any], row: Model) -> QuerySet[Any]:
        """``row`` among ``rows``, as long as no newer claim than the one it was read with has taken it."""
        return rows.filter(pk=row.pk, **{self.fence: getattr(row, self.fence)})

    def hold(self, held: QuerySet[Any], **progress: object) -> bool:
        """Renew the claim and note progress; False when it is no longer this process's."""
        return bool(held.update(**self._renewed(), **progress))

    def settle(self, held: QuerySet[Any], **fields: object) -> bool:
        """Give the row up with what became of it; False when somebody else has done so, or has it now."""
        return bool(held.update(**{self.until: None}, **fields))

    def _renewed(self) -> dict[str, object]:
        return {self.until: self.clock() + self.lasts}

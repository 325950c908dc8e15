"""What several questions of one reader and moment share, looked up once: reach, plans and completeness."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from reports.periods import Period
from reports.queries import freshness
from reports.queries.answer import Completeness
from reports.queries.filters import Reach, resolve
from reports.queries.plan import Plan, Span, plan
from reports.queries.question import Filters
from reports.scope import Scope

T = TypeVar("T")


@dataclass(slots=True)
class Desk:
    """Lives as long as the questions are answered, never longer: it would not notice what changes in between."""

    scope: Scope
    now: datetime
    _known: dict[Hashable, Any] = field(default_factory=dict)

    def reach(self, filters: Filters) -> Reach:
        return self._once(("reach", filters), lambda: resolve(filters, self.scope))

    def plan(self, filters: Filters, period: Period, until: datetime) -> Plan:
        span = Span(period, until, self.now)
        return self._once(("plan", filters, span), lambda: plan(self.reach(filters), span))

    def completeness(self, filters: Filters, period: Period, streams: tuple[str, ...]) -> Completeness:
        return self._once(
            ("completeness", filters, period, streams),
            lambda: freshness.under(self.reach(filters), period, streams=streams, now=self.now),
        )

    def _once(self, key: Hashable, look_up: Callable[[], T]) -> T:
        if key not in self._known:
            self._known[key] = look_up()
        found: T = self._known[key]
        return found

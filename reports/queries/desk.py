"""What several questions of one reader and moment need, asked together.

Three steps, each of one statement whatever the questions are: what there is to see, what the ledgers say of it (which
days the rollups hold, how far each environment was read), and the figures themselves.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from reports.measures import Looped, Measure
from reports.periods import Period, elapsed_part, local_date, previous
from reports.queries.answer import Completeness
from reports.queries.bundle import FEW, PARTS, Bundle, Got, Later
from reports.queries.counted import Counted, counted
from reports.queries.figures import Figures, gather
from reports.queries.filters import Reach, resolve_together
from reports.queries.peaks import Peaks
from reports.queries.plan import Plan, Span, plan
from reports.queries.question import Filters, Question
from reports.queries.returns.ledger import ask_ledger
from reports.queries.spreads import EXACT_DAYS
from reports.queries.standing import Standing
from reports.scope import Scope
from sync.models.agents import Agent

Need = tuple[Filters, Period, datetime, tuple[str, ...]]  # the calls of a period that began before a moment, by groups
Stand = tuple[Filters, Period, tuple[str, ...]]  # and what the ledger says of some streams


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with what it needs: figures of its period, those of the period before, and how complete both are."""

    question: Question
    now: datetime
    measures: frozenset[Measure]
    streams: tuple[str, ...]

    @property
    def before(self) -> Period | None:
        return previous(self.question.period) if self.question.compare else None

    @property
    def here(self) -> Need:
        return self.question.filters, self.question.period, self.question.period.ends_at, self.question.by

    @property
    def there(self) -> Need | None:
        before = self.before
        if before is None:
            return None
        until = elapsed_part(self.question.period, before, self.now)
        return self.question.filters, before, until, self.question.by

    @property
    def needs(self) -> list[Need]:
        return [need for need in (self.here, self.there) if need is not None]

    @property
    def stands(self) -> list[Stand]:
        return [
            (self.question.filters, period, self.streams) for period in (self.question.period, self.before) if period
        ]


class Desk:
    """Answers what the questions it was made with need. Lives as long as they are answered, never longer: it would not
    notice what changes in between.
    """

    def __init__(self, scope: Scope, now: datetime, asked: Collection[Asked]) -> None:
        self.now = now
        self.reaches = resolve_together({each.question.filters for each in asked}, scope, now=now)
        ledgers = Bundle()
        standings = {
            stand: Standing(ledgers, self.reaches[stand[0]], *stand[1:], now)
            for stand in dict.fromkeys(stand for each in asked for stand in each.stands)
        }
        held = _counted(ledgers, scope, now, [need[1] for each in asked for need in each.needs])
        joined = [
            ask_ledger(ledgers, self.reaches[filters], days, now)
            for filters, days in _looped(asked, scope.zone).items()
        ]
        ledgers.fetch()
        for told in joined:  # each reach remembers its own
            told()
        bundle, peaks = Bundle(), Peaks()
        days = held()
        self._plans: dict[tuple[Filters, Period, datetime], Plan] = {}
        self._completeness = {stand: standing.count(bundle, days) for stand, standing in standings.items()}
        self._figures = self._gather(bundle, peaks, asked, days)
        self._agents = _agents(bundle, self.reaches.values()) if _names_agents(asked) else Got()
        bundle.fetch(FEW if any(map(_walks, self._plans.values())) else PARTS)
        self._read: dict[Need, Figures] = {}

    def reach(self, question: Question) -> Reach:
        return self.reaches[question.filters]

    def figures(self, need: Need) -> Figures:
        if need not in self._read:
            self._read[need] = self._figures[need]()
        return self._read[need]

    def completeness(self, stand: Stand) -> Completeness:
        return self._completeness[stand]()

    def agents(self) -> dict[int, tuple[str, str, int]]:
        """Public id, name and environment of every agent in reach; none unless a question groups by them."""
        return {
            pk: (str(UUID(public_id)), label or name or external_id, environment)
            for pk, public_id, label, name, external_id, environment in self._agents.rows
        }

    def _gather(
        self, bundle: Bundle, peaks: Peaks, asked: Iterable[Asked], days: Counted
    ) -> dict[Need, Later[Figures]]:
        measures: dict[Need, set[Measure]] = defaultdict(set)
        for each in asked:
            for need in each.needs:
                measures[need] |= each.measures
        plans = self._plans
        found = {}
        for need, wanted in measures.items():
            filters, period, until, by = need
            if need[:3] not in plans:
                plans[need[:3]] = plan(self.reaches[filters], Span(period, until, self.now), days.days)
            found[need] = gather(bundle, peaks, plans[need[:3]], by, wanted)
        return found


def _counted(bundle: Bundle, scope: Scope, now: datetime, periods: Iterable[Period]) -> Later[Counted]:
    wanted = [period for period in periods if period.zone == scope.zone]
    if not wanted:
        return Counted
    days: tuple[date, date] = (min(period.start for period in wanted), max(period.end for period in wanted))
    return counted(bundle, sorted(scope.environment_ids), scope.zone, days, now)


def _looped(asked: Iterable[Asked], zone: str) -> dict[Filters, tuple[date, date]]:
    """The days of the tenant's zone, first and last, that figures of the callback loop are asked of."""
    found: dict[Filters, tuple[date, date]] = {}
    for each in asked:
        if any(isinstance(measure, Looped) for measure in each.measures):
            for filters, period, *_rest in each.needs:
                days = local_date(period.starts_at, zone), local_date(period.ends_at, zone)
                known = found.get(filters, days)
                found[filters] = min(known[0], days[0]), max(known[1], days[1])
    return found


def _walks(plan: Plan) -> bool:
    """Whether a long period is asked of the calls alone."""
    return plan.walks and plan.span.period.days > EXACT_DAYS


def _names_agents(asked: Iterable[Asked]) -> bool:
    return any("agent" in each.question.by for each in asked)


def _agents(bundle: Bundle, reaches: Iterable[Reach]) -> Got:
    environments = {key for reach in reaches for key in reach.environments}
    rows = Agent.objects.filter(environment_id__in=environments)
    return bundle.add(rows, "pk", "public_id", "label", "name", "external_id", "environment_id")

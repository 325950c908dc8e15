"""What several questions of one reader and moment need, computed together.

What there is to see is looked up first, then what the ledgers say of it in one statement, then which files answer; the
figures are computed for all questions that share a period and filters, when the first of them is told.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from uuid import UUID

from reports.bundle import Bundle, Got, Later, unfolded
from reports.columns.sources import Sources, ask_sources
from reports.definitions.filters import Filters
from reports.definitions.measures import ATTEMPTS, CallbackCount, Measure, VendorTotal, is_of_loop
from reports.definitions.periods import DAY, Period, elapsed_part, utc_date
from reports.queries.answer import Completeness
from reports.queries.areas import limited
from reports.queries.callbacks.figures import LATER
from reports.queries.callbacks.routes import AGENT_COLUMNS, able_environments, callback_window, routes_from, routing
from reports.queries.compile import Grain, Scan, Span, mirrored
from reports.queries.completeness.standing import Standing, reads_by_day
from reports.queries.completeness.uncounted import with_uncounted
from reports.queries.figures import Figures, compute
from reports.queries.question import Question
from reports.queries.run import Turns
from reports.queries.scope import Scope
from reports.queries.seen import seen
from reports.queries.selector import Selector, resolve_together
from reports.queries.significance import WEEKS
from reports.queries.vendor_totals import VendorTotals
from sync.models.agents import Agent

SpanKey = tuple[Filters, Period, datetime]  # the calls of a period that began before a moment
Stand = tuple[Filters, Period, tuple[str, ...]]  # and what the ledger says of some streams


@dataclass(frozen=True, slots=True)
class Need:
    """The figures of one question in one period."""

    filters: Filters
    period: Period
    until: datetime
    by: Grain

    @property
    def key(self) -> SpanKey:
        return self.filters, self.period, self.until


@dataclass(frozen=True, slots=True)
class Needs:
    """A question with what it needs: figures of its period, those of the period before, and how complete both are."""

    question: Question
    now: datetime
    measures: frozenset[Measure]
    compared: frozenset[Measure]  # those of them that are asked of the period before as well
    streams: tuple[str, ...]

    measured: frozenset[Measure] = frozenset()  # whose spread between days is looked at

    @property
    def before(self) -> Period | None:
        return self.question.before

    @property
    def here(self) -> Need:
        return Need(self.question.filters, self.question.period, self.question.period.ends_at, self.question.by)

    @property
    def there(self) -> Need | None:
        before = self.before
        if before is None:
            return None
        until = elapsed_part(self.question.period, before, self.now)
        return Need(self.question.filters, before, until, self.question.by)

    @property
    def usual(self) -> Need | None:
        """The days before the period, where it is compared with another."""
        period = self.question.period
        if self.before is None or not self.measured:
            return None
        days = Period(period.start - WEEKS * 7 * DAY, period.start, period.zone)
        return Need(self.question.filters, days, days.ends_at, ("day",))

    def measures_of(self, need: Need) -> frozenset[Measure]:
        # A group that has calls is a row, whatever is asked of it.
        return self.measures | {ATTEMPTS} if need == self.here else self.compared

    @property
    def all(self) -> list[Need]:
        return [need for need in (self.here, self.there) if need is not None]

    @property
    def stands(self) -> list[Stand]:
        return [
            (self.question.filters, period, self.streams) for period in (self.question.period, self.before) if period
        ]


class Computation:
    """Answers what the questions it was made with need. Use it in ``with``, as long as they are answered and never
    longer: it would not notice what changes in between. A ``run`` that is given stays open.
    """

    def __init__(self, scope: Scope, now: datetime, needs: Collection[Needs], run: Turns | None = None) -> None:
        self.now = now
        self.selectors = resolve_together({each.question.filters for each in needs}, scope, now=now)
        self._needs, self._scope = needs, scope
        self._run, self._is_own = run or Turns(scope), run is None
        self._homes = {key: row for selector in self.selectors.values() for key, row in selector.environments.items()}
        ledgers = Bundle()
        standings = {
            stand: Standing(ledgers, self.selectors[stand[0]], *stand[1:], now)
            for stand in dict.fromkeys(stand for each in needs for stand in each.stands)
        }
        self._totals = _ask_totals(ledgers, needs, scope, self._homes)
        able = able_environments(self._homes.values())
        routes = ledgers.add(routing(able, scope), *AGENT_COLUMNS) if _loops(needs) else Got()
        self._agents = _agents(ledgers, scope, self._homes) if _names_agents(needs) else Got()
        self._look_up = self._ask_sources(ledgers)
        self._look_up_usual = self._ask_usual_sources(ledgers)
        ledgers.fetch()
        self._routes = routes_from(able, ((*row[:-1], unfolded(row[-1])) for row in routes.rows))
        calls = Bundle()
        self._completeness = {stand: standing.count(calls, self._mirrored) for stand, standing in standings.items()}
        calls.fetch()
        self._figures: dict[SpanKey, Figures] = {}
        self._usual: dict[SpanKey, Figures] = {}
        self._counts: dict[tuple[datetime, datetime], dict[int, int]] = {}

    def __enter__(self) -> "Computation":
        return self

    def __exit__(self, *_error: object) -> None:
        if self._is_own:
            self._run.close()

    @cached_property
    def _sources(self) -> Sources:
        """Looked up when first needed: it may take the turn that is given back at the end."""
        asked = [(each.question.filters, each.question.by) for each in self._needs]
        return limited(self._look_up(), self._run.scope, asked, self.now, self._run)

    @cached_property
    def _usual_sources(self) -> Sources:
        return replace(self._look_up_usual(), areas=self._sources.areas)

    def selector(self, question: Question) -> Selector:
        return self.selectors[question.filters]

    def figures(self, need: Need) -> Figures:
        """The figures of a need, and of all others of the same span with it."""
        if need.key not in self._figures:
            wanted: dict[Grain, set[Measure]] = defaultdict(set)
            for each in self._needs:
                for other in each.all:
                    if other.key == need.key:
                        wanted[other.by] |= each.measures_of(other)
            self._figures[need.key] = self._compute(need, wanted, self._sources)
        return self._figures[need.key]

    def usual(self, need: Need) -> Figures:
        """The figures of the days before a period, as far as files have them, by day."""
        if need.key not in self._usual:
            measures = {measure for each in self._needs if each.usual == need for measure in each.measured}
            self._usual[need.key] = self._compute(need, {need.by: measures | {ATTEMPTS}}, self._usual_sources)
        return self._usual[need.key]

    def _compute(self, need: Need, wanted: Mapping[Grain, Collection[Measure]], sources: Sources) -> Figures:
        scan = Scan(self.selectors[need.filters], Span(need.period, need.until, self.now), sources)
        agents = len(self._agents.rows) + 1  # and calls without one
        # A number in an answer stays out of the shared cache: ours may be somebody's.
        run = self._run if any("line" in grain for grain in wanted) else self._run.kept
        return compute(scan, wanted, run, self._routes, self._totals, agents=agents)

    def completeness(self, stand: Stand) -> Completeness:
        selector = self.selectors[stand[0]]
        missing = self._sources.missing_of(selector.environments, *self._looked_through(stand))
        return with_uncounted(self._completeness[stand](), missing, selector.environments, self.now)

    def _looked_through(self, stand: Stand) -> tuple[datetime, datetime]:
        """Where the calls lie that figures of a period are made of: attempts before it, and who was met after it."""
        first, last = stand[1].starts_at, stand[1].ends_at
        needs = [each for each in self._needs if stand in each.stands]
        if _loops(needs):
            window = callback_window(self.selectors[stand[0]].environments.values())
            first, last = first - window, last + window
        if any(
            isinstance(measure, CallbackCount) and measure.column == "open"
            for each in needs
            for measure in each.measures
        ):
            last = max(last, self.now + LATER)
        return first, last

    def _mirrored(self, environment: int, start: datetime, end: datetime) -> int:
        """How many calls of a span are mirrored that the vendor still shows, test calls among them."""
        if (start, end) not in self._counts:
            apart = [key for key, row in self._homes.items() if not reads_by_day(row)]
            statement = mirrored(self._sources, self._scope, apart, start, end, self.now)
            self._counts[start, end] = {key: int(n) for key, n in self._run.kept(statement)}
        return self._counts[start, end].get(environment, 0)

    def agents(self) -> dict[int, tuple[str, str, int, str]]:
        """Public id, name, environment and vendor's id of each agent in reach; none unless rows are of agents."""
        return {
            pk: (str(UUID(public_id)), label or name or external_id, environment, external_id)
            for pk, public_id, label, name, external_id, environment in self._agents.rows
        }

    def _ask_sources(self, bundle: Bundle) -> Later[Sources]:
        periods = [need.period for each in self._needs for need in each.all]
        first = min(period.starts_at for period in periods)
        last = max(period.ends_at for period in periods)
        if _loops(self._needs):
            first -= callback_window(self._homes.values())
            last = max(last, self.now + LATER)
        return ask_sources(bundle, self._homes, utc_date(first), utc_date(last), self._run.begin)

    def _ask_usual_sources(self, bundle: Bundle) -> Later[Sources]:
        """For what is usual nothing is read from the mirror: it may take less than it could, never longer."""
        periods = [need.period for each in self._needs if (need := each.usual) is not None]
        if not periods:
            return Sources
        first, last = min(period.starts_at for period in periods), max(period.ends_at for period in periods)
        return ask_sources(bundle, self._homes, utc_date(first), utc_date(last), None)


def _loops(needs: Iterable[Needs]) -> bool:
    return any(is_of_loop(measure) for each in needs for measure in each.measures)


def _names_agents(needs: Iterable[Needs]) -> bool:
    return any(not {"agent", "source_agent"}.isdisjoint(each.question.by) for each in needs)


def _agents(bundle: Bundle, scope: Scope, environments: Collection[int]) -> Got:
    rows = seen(Agent, scope, environments)
    return bundle.add(rows, "pk", "public_id", "label", "name", "external_id", "environment_id")


def _ask_totals(bundle: Bundle, needs: Collection[Needs], scope: Scope, environments: Collection[int]) -> VendorTotals:
    totals = VendorTotals()
    asked = {measure.source for each in needs for measure in each.measures if isinstance(measure, VendorTotal)}
    if "callbacks" in asked:
        periods = [need.period for each in needs for need in (*each.all, each.usual) if need is not None]
        first, end = min(period.start for period in periods), max(period.end for period in periods)
        totals.ask_callbacks(bundle, scope, environments, first, end + timedelta(days=1))
    if "campaigns" in asked:
        totals.ask_campaigns(bundle, scope, environments)
    if "price" in asked:
        totals.ask_prices(bundle, scope, environments)
    return totals

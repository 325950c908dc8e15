"""Where the callback loop is read: kept rows for the days that hold, the calls themselves for the others.

Scope and filters are asked of one call of each row: of the ring for returns, of the attempt for attempts, of the missed
call for what is open. The join itself knows every call of the environments, whoever asks.
"""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import QuerySet

from reports.measures import Microseconds
from reports.periods import day_start, local_date
from reports.queries.bundle import Bundle, Later, at_of
from reports.queries.chosen import Filters
from reports.queries.filters import Reach, within
from reports.queries.returns.ledger import ledger_found, ledger_of
from reports.rollups.loop import (
    Instants,
    Rules,
    able_environments,
    during,
    joined,
    loop_calls,
    missed_calls,
    read_rings,
    rules,
)
from reports.rollups.loop_models import MissedCall, OfCall, ReturnedAttempt, Ring
from reports.rollups.rings import Attempt, Rung
from sync.models.calls import Call
from sync.taxonomy import Outcome

Spans = dict[Instants, frozenset[int]]
R = TypeVar("R", bound=OfCall)
T = TypeVar("T")
MOST_ASKED = timedelta(days=40)  # of live calls beside other things; those of longer spans are walked on their own
MOST_RUNS = 8  # an environment whose held days are scattered over more runs is read live from the first gap to the last


@dataclass(frozen=True, slots=True)
class Rows:
    """The loop of some instants. ``kept`` and ``live`` are the instants together, once, by environment."""

    reach: Reach
    rules: Rules
    now: datetime
    kept: Spans
    live: Spans

    def kept_rings(self) -> QuerySet[Ring]:
        return self._narrowed(Ring.objects.filter(during(self.kept)))

    def kept_attempts(self) -> QuerySet[ReturnedAttempt]:
        """By the time they were returned, wherever they began."""
        return self._narrowed(ReturnedAttempt.objects.filter(during(self.kept, "returned_at")))

    def kept_missed(self) -> QuerySet[MissedCall]:
        return self._narrowed(MissedCall.objects.filter(during(self.kept)))

    def live_rings(self) -> list[Rung]:
        rings = self._all_live()
        seen = self._seen((ring.agent, ring.call) for ring in rings)
        return [ring for ring in rings if ring.call in seen]

    def live_attempts(self) -> list[Attempt]:
        attempts = [attempt for ring in self._all_live() for attempt in ring.given]
        seen = self._seen((attempt.agent, attempt.call) for attempt in attempts)
        return [attempt for attempt in attempts if attempt.call in seen]

    def live_missed(self) -> QuerySet[Call]:
        if not self.live:
            return Call.objects.none()
        rows = missed_calls(self.rules, self.live, self.now)
        if self.reach.agent_ids is not None:
            rows = rows.filter(agent_id__in=sorted(self.reach.agent_ids))
        return rows.filter(pk__in=self._filtered()) if self.filters_calls else rows

    def _all_live(self) -> list[Rung]:
        return once(self.reach, self.live_key, lambda: read_rings(self.rules, self.live, self.now))

    @property
    def live_key(self) -> Hashable:
        """What the live rings are remembered under."""
        spans = tuple(sorted((span, tuple(sorted(keys))) for span, keys in self.live.items()))
        return "rings", self.now, spans

    @property
    def filters_calls(self) -> bool:
        """Whether calls are chosen by more than their environment and agent."""
        return replace(self.reach.filters, environments=(), agents=(), zone="") != Filters()

    def _filtered(self) -> QuerySet[Any]:
        start = min(start for start, _end in (*self.kept, *self.live)) - self.rules.window
        end = max(end for _start, end in (*self.kept, *self.live))
        rows = within(self.reach.calls(start=start, end=end), start, end)
        return rows.order_by().values("pk")

    def _narrowed(self, rows: QuerySet[R]) -> QuerySet[R]:
        if not self.kept:
            return rows.none()
        rows = rows.order_by()
        if self.reach.agent_ids is not None:
            rows = rows.filter(agent_id__in=sorted(self.reach.agent_ids))
        return rows.filter(call_id__in=self._filtered()) if self.filters_calls else rows

    def _seen(self, calls: Iterable[tuple[int, UUID]]) -> set[UUID]:
        agents = self.reach.agent_ids
        keys = {call for agent, call in calls if agents is None or agent in agents}
        if not keys or not self.filters_calls:
            return keys
        found: set[UUID] = set()
        ordered = sorted(keys)
        for start in range(0, len(ordered), 10_000):
            rows = self._filtered().filter(pk__in=ordered[start : start + 10_000])
            found |= set(rows.values_list("pk", flat=True))
        return found


def rows_of(reach: Reach, start: datetime, until: datetime, now: datetime) -> Rows:
    """The loop of the calls that began in ``[start, until)``; one query at most, whatever is read later."""
    if reach.empty or start >= until or not able_environments(reach.environments.values()):
        return Rows(reach, rules_of(reach), now, {}, {})
    known = ledger_of(reach, start, until, now)
    kept: dict[Instants, set[int]] = {}
    live: dict[Instants, set[int]] = {}
    for environment, held in known.held.items():
        for span, is_held in cut(held, start, until, reach.scope.zone):
            (kept if is_held else live).setdefault(span, set()).add(environment)
    return Rows(reach, known.rules, now, _frozen(kept), _frozen(live))


def rules_of(reach: Reach) -> Rules:
    known = ledger_found(reach)
    return known.rules if known else once(reach, ("rules",), lambda: rules(reach.environments.values()))


def ask_live(bundle: Bundle, rows: Rows) -> Later[None]:
    """Ask for the live rings beside other things, if these are not very many; they are remembered when it is read."""
    routes = rows.rules.all_routes
    long = any(end - start > MOST_ASKED for start, end in rows.live)
    if long or not rows.live or not routes.catchers or rows.live_key in rows.reach.found:
        return lambda: None

    def ask() -> Later[None]:
        rings, tries = loop_calls(rows.rules, rows.live, rows.now)
        columns = ("environment_id", "pk", "agent_id", "contact", Microseconds("started_at"))
        rung, tried = bundle.add(rings, *columns), bundle.add(tries, *columns, "result")

        def read() -> None:
            if rows.live_key in rows.reach.found:
                return
            came = [Rung(home, UUID(call), agent, told, at_of(at)) for home, call, agent, told, at in rung.rows]
            gone = [
                Attempt(home, UUID(call), agent, told, at_of(at), result == Outcome.UNREACHED)
                for home, call, agent, told, at, result in tried.rows
            ]
            rows.reach.found[rows.live_key] = joined(rows.rules, rows.live, came, gone)

        return read

    return bundle.once((id(rows.reach), rows.live_key), ask)


def once(reach: Reach, key: Hashable, look_up: Callable[[], T]) -> T:
    """What was found for a reach is not looked up again for it."""
    if key not in reach.found:
        reach.found[key] = look_up()
    found: T = reach.found[key]
    return found


def _frozen(spans: dict[Instants, set[int]]) -> Spans:
    return {span: frozenset(environments) for span, environments in spans.items()}


def cut(held: set[Any], start: datetime, until: datetime, zone: str) -> list[tuple[Instants, bool]]:
    """The stretches of ``[start, until)`` that are held, and those that are not, in order."""
    first, last = local_date(start, zone), local_date(until, zone)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    gaps = [place for place, day in enumerate(days) if day not in held]
    if sum(later - place > 1 for place, later in pairwise(gaps)) >= MOST_RUNS:
        held = held - set(days[gaps[0] : gaps[-1] + 1])
    found: list[tuple[Instants, bool]] = []
    for day in days:
        here = max(day_start(day, zone), start)
        there = min(day_start(day + timedelta(days=1), zone), until)
        if here >= there:
            continue
        is_held = day in held
        if found and found[-1][1] == is_held:
            found[-1] = ((found[-1][0][0], there), is_held)
        else:
            found.append(((here, there), is_held))
    return found

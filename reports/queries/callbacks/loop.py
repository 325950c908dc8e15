"""The callback loop of some instants, opened for a list or a page that asks several things of it."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from reports.bundle import Bundle
from reports.columns.schema import contact_code
from reports.columns.sources import Missing, Sources, ask_sources
from reports.definitions.conditions import ANY, Condition
from reports.definitions.dimensions import Clock
from reports.definitions.filters import QuestionError, refused
from reports.definitions.metrics import METRICS
from reports.definitions.periods import at_of, microseconds, utc_date
from reports.queries.areas import limited
from reports.queries.callbacks.figures import END, LATER
from reports.queries.callbacks.join import Join, Missed
from reports.queries.callbacks.routes import Routes, ask_routes, callback_window
from reports.queries.compile import attempted, chosen
from reports.queries.cursor import Cursor
from reports.queries.run import Turns
from reports.queries.scope import Scope
from reports.queries.seen import seen
from reports.queries.selector import Selector
from sync.models.calls import Call

Place = tuple[int, int, int]  # environment, start in microseconds, and place among the calls of that microsecond


@dataclass(frozen=True, slots=True)
class Loop:
    """The callback calls, attempts and missed calls of ``[start, end)``. What is asked of one loop shares its join."""

    selector: Selector
    routes: Routes
    start: datetime
    end: datetime
    run: Turns
    sources: Sources

    @property
    def chosen(self) -> Condition:
        return chosen(self.selector, self.clock)

    @property
    def clock(self) -> Clock:
        return Clock(self.start, self.end, self.selector.filters.zone or self.selector.scope.zone)

    @property
    def missing(self) -> tuple[Missing, ...]:
        """Days that returns are looked for in, and attempts before them, and that could not be looked through."""
        return self.sources.missing_of(self.routes.environments, self.start - self.routes.window, self.end)

    @property
    def missing_since(self) -> tuple[Missing, ...]:
        """Such days from the first missed call on: in any of them a contact may have been missed or met."""
        return self.sources.missing_of(self.selector.environments, self.start, END)

    def join(self, *, narrowed: Condition = ANY) -> Join:
        return Join(
            sources=self.sources,
            scope=self.selector.scope,
            routes=self.routes,
            environments=frozenset(self.selector.environments),
            start=self.start,
            end=self.end,
            now=self.selector.now,
            chosen=self.chosen,
            attempted=attempted(self.selector, self.clock),
            clock=self.clock,
            answering=self.selector.source_ids,
            narrowed=narrowed,
        )

    def mark_of(self, place: Place) -> tuple[datetime, UUID, int]:
        """A call's place as a cursor has it."""
        environment, started, number = place
        return at_of(started), self.selector.environments[environment].public_id, number

    def place_at(self, mark: Cursor) -> Place:
        """The way back; before any call of that moment for an environment that is not the reader's."""
        keys = {row.public_id: key for key, row in self.selector.environments.items()}
        return keys.get(mark.key, 0), microseconds(mark.at), mark.place

    def missed(self) -> Missed:
        """Raises QuestionError for a choice among returns: who is still waiting need not have been called."""
        check_missed(self.selector)
        return Missed(
            sources=self.sources,
            scope=self.selector.scope,
            environments=frozenset(self.selector.environments),
            start=self.start,
            end=self.end,
            now=self.selector.now,
            as_of=END,
            chosen=self.chosen,
            clock=self.clock,
        )


def check_missed(selector: Selector) -> None:
    text = _("This chooses callbacks by the call they answer, and says nothing of: %(figures)s.")
    named = {"figures": METRICS["still_open"].label}
    if errors := {each.name: text % named for each in refused(selector.filters)}:
        raise QuestionError(errors)


@contextmanager
def opened(selector: Selector, start: datetime, end: datetime, *, since: datetime | None = None) -> Iterator[Loop]:
    """The loop of ``[start, end)``; ``since`` has files looked up from then on. The tenant's wall must be open."""
    homes = selector.environments
    first = min(since or start, start - callback_window(homes.values()))
    last = max(end, selector.now + LATER)
    bundle, run = Bundle(), Turns(selector.scope)
    routes = ask_routes(bundle, homes.values(), selector.scope)
    look_up = ask_sources(bundle, homes, utc_date(first), utc_date(last), run.begin)
    bundle.fetch()
    try:
        sources = limited(look_up(), selector.scope, [(selector.filters, ())], selector.now, run)
        yield Loop(selector, routes(), start, end, run, sources)
    finally:
        run.close()


def calls_at(wanted: Mapping[Place, tuple[int | None, int]], scope: Scope) -> dict[Place, UUID]:
    """The calls that stand in column files at some places, of the agent and contact that these say. One query for each
    environment. A call that moved since the files were made is left out, and so is another one in its place.
    """
    moments: dict[int, set[datetime]] = {}
    for environment, started, _number in wanted:
        moments.setdefault(environment, set()).add(at_of(started))
    ids: dict[Place, UUID] = {}
    everyone = scope.whatever_agent()  # a place is one among the calls of all agents
    for environment, times in moments.items():
        rows: Any = seen(Call, everyone, [environment]).filter(started_at__in=sorted(times))
        numbers: Counter[int] = Counter()
        for pk, at, agent, contact in rows.order_by("started_at", "pk").values_list(
            "pk", "started_at", "agent_id", "contact"
        ):
            started = microseconds(at)
            place = environment, started, numbers[started]
            numbers[started] += 1
            if wanted.get(place) == (agent, contact_code(contact)):
                ids[place] = pk
    return ids


def place_of(call: UUID, scope: Scope) -> Place | None:
    """Where a call stands in column files; None for one that the reader may not see. Two queries."""
    row = seen(Call, scope).filter(pk=call).values_list("environment_id", "started_at").first()
    if row is None:
        return None
    environment, started_at = row
    earlier = seen(Call, scope.whatever_agent(), [environment]).filter(started_at=started_at, pk__lt=call)
    return environment, microseconds(started_at), earlier.count()

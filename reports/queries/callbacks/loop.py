"""The callback loop of some instants, opened for a list or a page that asks several things of it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from reports.bundle import Bundle
from reports.columns.sources import Missing, Sources, ask_sources
from reports.definitions.conditions import ANY, Condition
from reports.definitions.dimensions import Clock
from reports.definitions.filters import QuestionError, refused
from reports.definitions.metrics import METRICS
from reports.definitions.periods import at_of, microseconds, utc_date
from reports.queries.callbacks.figures import END, LATER
from reports.queries.callbacks.join import Join, Missed
from reports.queries.callbacks.routes import Routes, ask_routes, callback_window
from reports.queries.compile import attempted, chosen
from reports.queries.run import Turns
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

    def missed(self) -> Missed:
        """Raises QuestionError for a choice among returns: who is still waiting need not have been called."""
        check_missed(self.selector)
        return Missed(
            sources=self.sources,
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
    bundle = Bundle()
    routes = ask_routes(bundle, homes.values())
    look_up = ask_sources(bundle, homes, utc_date(first), utc_date(last))
    bundle.fetch()
    files, run = look_up(), Turns(selector.scope)
    try:
        yield Loop(selector, routes(), start, end, run, files)
    finally:
        run.close()
        files.close()


def calls_at(places: Iterable[Place]) -> dict[Place, UUID]:
    """The calls that stand in column files at some places. One query for each environment."""
    wanted: dict[int, set[Place]] = {}
    for place in places:
        wanted.setdefault(place[0], set()).add(place)
    ids: dict[Place, UUID] = {}
    for environment, here in wanted.items():
        at: dict[datetime, list[UUID]] = {}
        rows: Any = Call.objects.filter(
            environment_id=environment, started_at__in=sorted({at_of(started) for _home, started, _place in here})
        )
        for pk, started_at in rows.order_by("started_at", "pk").values_list("pk", "started_at"):
            at.setdefault(started_at, []).append(pk)
        for place in here:
            calls = at.get(at_of(place[1]), [])
            if place[2] < len(calls):
                ids[place] = calls[place[2]]
    return ids


def place_of(call: UUID) -> Place | None:
    """Where a call stands in column files; None for one that is none of the tenant's. Two queries."""
    row = Call.objects.filter(pk=call).values_list("environment_id", "started_at").first()
    if row is None:
        return None
    environment, started_at = row
    before = Call.objects.filter(environment_id=environment, started_at=started_at, pk__lt=call).count()
    return environment, microseconds(started_at), before

"""Why our figure of callbacks is not the vendor's: what became of every call to an agent that takes callbacks."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from django.db.models import Count, Min, Q

from reports.measures import Microseconds, Sample
from reports.periods import Period
from reports.queries.bundle import Bundle, Later, at_of, grouped_by
from reports.queries.filters import Reach, resolve
from reports.queries.question import Filters, Question
from reports.queries.returns.lists import agent_names
from reports.queries.returns.rows import Rows, ask_live, rows_of, rules_of
from reports.queries.told import CALLBACK_TOTALS
from reports.rollups.loop_models import Ring as KeptRing
from reports.scope import Scope
from sync.models.agents import Agent
from sync.models.callbacks import CallbackDay
from sync.models.calls import Call
from sync.taxonomy import Direction

MOST_LOOKED_UP = 2_000  # rings whose contacts' earlier calls are looked for
Ring = tuple[int, int, str, datetime]  # environment, agent, contact, start


@dataclass(slots=True)
class Source:
    """Returns to the calls of one agent; ``agent`` is its public id, None for one the reader may not see."""

    agent: str | None
    name: str
    returns: int
    waits: Sample  # ms


@dataclass(slots=True)
class Story:
    """What became of the calls to callback agents in a period, test calls left out.

    ``returns`` answer an attempt; ``again`` came after one that was answered already; ``late`` after the hours set;
    ``unknown`` were dialled by no source agent as far as is mirrored; ``withheld`` had no number. Where there are very
    many of these, it is not looked how far back an attempt lies (``looked_back``), and the late ones are unknown.
    ``told`` are the vendor's totals of the same dates, None where it told none; ``untold`` the days without a total.
    """

    hours: int = 0
    returns: int = 0
    again: int = 0
    late: int = 0
    unknown: int = 0
    withheld: int = 0
    looked_back: bool = True
    told: Counter[str] | None = None
    untold: list[date] = field(default_factory=list)
    waits: Counter[float] = field(default_factory=Counter)  # ms → returns
    attempts: Counter[int] = field(default_factory=Counter)  # attempts answered → returns
    sources: list[Source] = field(default_factory=list)

    @property
    def rings(self) -> int:
        return self.returns + self.again + self.late + self.unknown + self.withheld


def story(question: Question, scope: Scope, *, now: datetime, reach: Reach | None = None) -> Story:
    """For the period and filters of a question, whose metrics do not matter. ``reach`` is that of the filters and the
    scope, where it was looked up already.
    """
    reach = reach or resolve(question.filters, scope, now=now)
    period = question.period
    rows = rows_of(reach, period.starts_at, period.ends_at, now)
    found = Story(hours=rules_of(reach).hours)
    by_source: dict[int, Counter[float]] = defaultdict(Counter)
    bundle = Bundle()
    returned, unanswered = _ask_returns(bundle, rows), _ask_silent(bundle, rows)
    totals = _ask_told(bundle, reach, period, now)
    bundle.fetch()
    for source, waited, attempts, n in returned():
        found.returns += n
        found.waits[waited] += n
        found.attempts[attempts] += n
        by_source[source][waited] += n
    found.sources = _sources(by_source, scope)
    silent = _silent(rows, found, unanswered())
    if silent is not None:
        found.late = _late(silent, reach)
        found.unknown -= found.late
    found.told, found.untold = totals()
    return found


def callback_sources(filters: Filters, period: Period, scope: Scope, *, now: datetime) -> tuple[Source, ...]:
    """The returns of a period by the agent whose call they answer, most first."""
    rows = rows_of(resolve(filters, scope, now=now), period.starts_at, period.ends_at, now)
    by_source: dict[int, Counter[float]] = defaultdict(Counter)
    bundle = Bundle()
    returned = _ask_returns(bundle, rows)
    bundle.fetch()
    for source, waited, _attempts, n in returned():
        by_source[source][waited] += n
    return tuple(_sources(by_source, scope))


def _ask_returns(bundle: Bundle, rows: Rows) -> Later[Iterator[tuple[int, int, int, int]]]:
    """Source, wait, attempts, and how many returns have these."""
    live = ask_live(bundle, rows)
    columns = ("source_id", "waited_ms", "attempts")
    told = rows.kept_rings().filter(answers__isnull=False).values(*columns).annotate(n=Count("pk"))
    kept = bundle.add(told, *columns, "n")

    def read() -> Iterator[tuple[int, int, int, int]]:
        yield from (tuple(row) for row in kept.rows)
        live()
        for ring in rows.live_rings():
            if ring.answers is not None and ring.waited_ms is not None:
                yield ring.answers.agent, ring.waited_ms, len(ring.given), 1

    return read


@dataclass(slots=True)
class _Silent:
    """Of the kept rings that answer nothing: how many had no number, rang again, or neither, and the first of these."""

    withheld: int = 0
    again: int = 0
    unknown: int = 0
    first: list[Ring] = field(default_factory=list)


def _ask_silent(bundle: Bundle, rows: Rows) -> Later[_Silent]:
    withheld, again = Q(contact=""), Q(again=True)
    kept = rows.kept_rings().filter(answers__isnull=True)
    counted = grouped_by(kept, ()).annotate(
        without_number=Count("pk", filter=withheld),
        rang_again=Count("pk", filter=again & ~withheld),
        silent=Count("pk", filter=~again & ~withheld),
    )
    got = bundle.add(counted, "without_number", "rang_again", "silent")
    first = kept.filter(~again & ~withheld).values("pk")[: MOST_LOOKED_UP + 1]
    listed = KeptRing.objects.filter(pk__in=first) if rows.kept else KeptRing.objects.none()
    columns = ("environment_id", "agent_id", "contact", Microseconds("started_at"))
    few = bundle.add(listed, *columns)

    def read() -> _Silent:
        found = _Silent(*(got.rows[0] if got.rows else ()))
        found.first = [(home, agent or 0, contact, at_of(at)) for home, agent, contact, at in few.rows]
        return found

    return read


def _silent(rows: Rows, found: Story, kept: _Silent) -> list[Ring] | None:
    """Count the rings that answer nothing; those with nothing in the window before them are ``unknown`` for now.

    Returns these one by one, or None where they are too many to look for earlier attempts of each.
    """
    live = [ring for ring in rows.live_rings() if ring.answers is None]
    silent = [(ring.environment, ring.agent, ring.contact, ring.at) for ring in live if ring.contact and not ring.again]
    found.withheld = kept.withheld + sum(not ring.contact for ring in live)
    found.again = kept.again + sum(ring.again for ring in live)
    found.unknown = kept.unknown + len(silent)
    found.looked_back = found.unknown <= MOST_LOOKED_UP
    return [*silent, *kept.first] if found.looked_back else None


def _sources(by_source: dict[int, Counter[float]], scope: Scope) -> list[Source]:
    """Most returns first; those of agents the reader may not see are one without a name."""
    seen = {key for key in by_source if scope.agent_ids is None or key in scope.agent_ids}
    names = agent_names(seen)
    found = [Source(*names[key], by_source[key].total(), Sample(by_source[key])) for key in seen if key in names]
    hidden = sum((counts for key, counts in by_source.items() if key not in names), Counter[float]())
    if hidden:
        found.append(Source(None, "", hidden.total(), Sample(hidden)))
    return sorted(found, key=lambda source: (-source.returns, source.name))


def _late(rings: list[Ring], reach: Reach) -> int:
    """How many of the rings have an attempt before them after all: one before the hours set."""
    routes = rules_of(reach).all_routes
    first: dict[tuple[int, int, str], datetime] = {}
    rows = Call.objects.filter(
        environment_id__in=sorted(reach.environments),
        contact__in=sorted({contact for _environment, _agent, contact, _at in rings}),
        direction=Direction.OUTBOUND,
        is_test=False,
        agent_id__in=sorted(routes.covered),
    ).order_by()
    columns = ("environment_id", "agent_id", "contact")
    for environment, agent, contact, at in rows.values_list(*columns).annotate(first=Min("started_at")):
        first[environment, agent, contact] = at
    return sum(
        any(first.get((environment, source, contact), at) < at for source in routes.sources.get(agent, frozenset()))
        for environment, agent, contact, at in rings
    )


def _ask_told(
    bundle: Bundle, reach: Reach, period: Period, now: datetime
) -> Later[tuple[Counter[str] | None, list[date]]]:
    """The vendor's totals of the period's dates, and the dates up to today that some environment has no total of."""
    able = set(rules_of(reach).routes)
    if not reach.whole_environments or not able:
        return lambda: (None, [])
    rows = CallbackDay.objects.filter(environment_id__in=able, day__gte=period.start, day__lt=period.end)
    got = bundle.add(rows, "environment_id", "day", *CALLBACK_TOTALS)

    def read() -> tuple[Counter[str] | None, list[date]]:
        totals: Counter[str] = Counter()
        days: dict[date, set[int]] = defaultdict(set)
        for environment, day, *amounts in got.rows:
            totals.update(dict(zip(CALLBACK_TOTALS, amounts, strict=True)))
            days[date.fromisoformat(day)].add(environment)
        begun = [day for day in period if day <= now.date()]
        return (totals if days else None), [day for day in begun if days[day] != able]

    return read


def agents_without_callbacks(reach: Reach, dialling: Iterable[str]) -> set[str]:
    """Of the agents that dial, by public id, those whose callbacks no agent takes though others' are taken there."""
    known = rules_of(reach)
    homes = {key for key, routes in known.routes.items() if routes.catchers}
    if not homes:
        return set()
    rows = Agent.objects.filter(public_id__in=[UUID(key) for key in dialling], environment_id__in=homes)
    return {str(agent) for pk, agent in rows.values_list("pk", "public_id") if pk not in known.all_routes.covered}

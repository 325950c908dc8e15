"""Why our figure of callbacks is not the vendor's: what became of every call to an agent that takes callbacks."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from uuid import UUID

from reports.bundle import Bundle, Later
from reports.columns import engine
from reports.columns.sources import Missing
from reports.definitions.conditions import numbers_among
from reports.definitions.periods import Period, utc_date, utc_start
from reports.queries.callbacks.join import Join
from reports.queries.callbacks.lists import agent_names
from reports.queries.callbacks.loop import Loop, opened
from reports.queries.callbacks.routes import Routes, routes_of
from reports.queries.compile import place_of, placed
from reports.queries.completeness.uncounted import not_looked_at
from reports.queries.question import Question
from reports.queries.scope import Scope
from reports.queries.seen import seen
from reports.queries.selector import Selector, resolve
from reports.queries.vendor_totals import CALLBACK_TOTALS
from sync.freshness import first_days
from sync.models.agents import Agent
from sync.models.callbacks import CallbackDay

BEGINNING = datetime(1990, 1, 1, tzinfo=UTC)  # no call is older
_HIDDEN = -1  # in the place of agents that the reader may not see


@dataclass(slots=True)
class Source:
    """Returns to the calls of one agent; ``agent`` is its public id, None for one the reader may not see."""

    agent: str | None
    name: str
    returns: int
    median: float  # ms from the attempt


@dataclass(slots=True)
class CallbackBreakdown:
    """What became of the calls to callback agents in a period, test calls left out.

    ``returns`` answer an attempt; ``again`` came after one that was answered already; ``late`` after the hours set;
    ``unknown`` were dialled by no source agent as far as is mirrored; ``withheld`` had no number.
    ``vendor_totals`` are those of the same dates, None where there are none.
    ``lacking`` says which calls could not be looked at, of the period or of those before that may have been answered.
    Of the attempts of some agents alone there are only returns: of the others nobody knows whose attempt they follow.
    """

    hours: int = 0
    returns: int = 0
    again: int = 0
    late: int = 0
    unknown: int = 0
    withheld: int = 0
    vendor_totals: Counter[str] | None = None
    days_without_totals: list[date] = field(default_factory=list)
    waits: Counter[int] = field(default_factory=Counter)  # minutes begun → returns
    attempts: Counter[int] = field(default_factory=Counter)  # attempts answered → returns
    sources: list[Source] = field(default_factory=list)
    lacking: str = ""

    @property
    def calls(self) -> int:
        return self.returns + self.again + self.late + self.unknown + self.withheld


def story(question: Question, scope: Scope, *, now: datetime) -> CallbackBreakdown:
    """For the period and filters of a question, whose metrics do not matter."""
    period = question.period
    with opened(resolve(question.filters, scope, now=now), period.starts_at, period.ends_at, since=BEGINNING) as loop:
        return story_of(loop, period)


def story_of(loop: Loop, period: Period) -> CallbackBreakdown:
    """As :func:`story`, of the loop of the period with files since :data:`BEGINNING`."""
    selector, result = loop.selector, CallbackBreakdown(hours=loop.routes.hours)
    if loop.routes.sources:
        result.sources = _returns(loop, result, silent=selector.source_ids is None)
        result.lacking = not_looked_at(_missing(loop), selector.environments, selector.now)
    bundle = Bundle()
    totals = _ask_vendor_totals(bundle, selector, loop.routes, period, selector.now)
    bundle.fetch()
    result.vendor_totals, result.days_without_totals = totals()
    return result


def _missing(loop: Loop) -> tuple[Missing, ...]:
    """Days of the period and of the history before it that could not be looked through."""
    if not loop.sources.missing:
        return ()
    first = min(first_days(loop.routes.environments).values(), default=utc_date(loop.start))
    spans = loop.sources.missing_of(loop.routes.environments, utc_start(first), loop.end)
    return tuple(replace(span, first=max(span.first, first)) for span in spans)


def _returns(loop: Loop, into: CallbackBreakdown, *, silent: bool = False) -> list[Source]:
    """Fills in the returns, and with ``silent`` the callback calls that answer nothing, in one statement."""
    join = loop.join()
    select = _by_source_wait_and_attempts(loop.selector.scope)
    if silent:
        silent_kinds = f"SELECT 'silent' AS part, CAST(kind AS BIGINT) AS key, n, [] AS median FROM ({_silent(join)})"
        select = f"{select} UNION ALL {silent_kinds}"
    by_source: dict[int, tuple[int, float]] = {}
    kinds: Counter[int] = Counter()
    for part, key, n, medians in loop.run(join.statement(select, calls=silent, since=BEGINNING)):
        if part == "source":
            by_source[key] = (n, medians[0])
            into.returns += n
        elif part == "wait":
            into.waits[key] = n
        elif part == "attempts":
            into.attempts[key] = n
        else:
            kinds[key] = n
    into.withheld, into.again, into.late, into.unknown = (kinds[kind] for kind in range(4))
    return _sources(by_source, loop.selector.scope)


def _by_source_wait_and_attempts(scope: Scope) -> str:
    """Rows of: by what, a source agent, whole minutes begun of the wait or attempts answered, returns, and their median
    wait in milliseconds. Agents whom the reader may not see are one, without a key of their own.
    """
    source = "source"
    if scope.agent_ids is not None:
        source = f"CASE WHEN {numbers_among('source', scope.agent_ids).sql} THEN source ELSE {_HIDDEN} END"
    keys = ("source", "wait", "attempts")
    of = {key: place_of((key,), keys) for key in keys}
    parts = " ".join(f"WHEN {place} THEN '{key}'" for key, place in of.items())
    values = " ".join(f"WHEN {place} THEN CAST(by_{key} AS BIGINT)" for key, place in of.items())
    return f"""
SELECT CASE grain {parts} END AS part, CASE grain {values} END AS key, n, median FROM (
  SELECT {placed(keys)} AS grain, by_source, by_wait, by_attempts, count(*) AS n,
    {engine.dialect().quantiles("waited_ms", [0.5])} AS median
  FROM (SELECT {source} AS by_source, intDiv(waited_ms + 59999, 60000) AS by_wait, attempts AS by_attempts, waited_ms
    FROM returned)
  GROUP BY GROUPING SETS ((by_source), (by_wait), (by_attempts))
)"""


def _silent(join: Join) -> str:
    """How many of the callback calls that answer nothing are of each kind: 0 of a withheld number, 1 that rang again, 2
    that came too late, 3 of a contact whom nobody they answer for had called, as far as is mirrored.

    The years before are looked through for the contacts alone who rang without an attempt near by.
    """
    return f"""
WITH silent AS (
  SELECT heard.environment AS environment, heard.contact AS contact, heard.agent AS agent,
    heard.started_us AS started_us, heard.place AS place, met.heard_us IS NOT NULL AS is_near
  FROM heard LEFT JOIN (SELECT DISTINCT environment, heard_us, heard_place FROM near) AS met
      ON met.environment = heard.environment AND met.heard_us = heard.started_us AND met.heard_place = heard.place
    LEFT JOIN answered ON answered.environment = heard.environment AND answered.heard_us = heard.started_us
      AND answered.heard_place = heard.place
  WHERE {join.selected} AND answered.heard_us IS NULL
),
strangers AS (SELECT contact FROM silent WHERE contact <> 0 AND NOT is_near),
firsts AS (
  SELECT environment, contact, agent, min(started_us) AS first_us FROM tries
  WHERE contact IN (SELECT contact FROM strangers) GROUP BY environment, contact, agent
)
SELECT kind, count(*) AS n FROM (
  SELECT CASE WHEN any_value(silent.contact) = 0 THEN 0 WHEN any_value(is_near) THEN 1
    WHEN min(first_us) < silent.started_us THEN 2 ELSE 3 END AS kind
  FROM silent LEFT JOIN routes ON routes.taker = silent.agent
    LEFT JOIN firsts ON firsts.environment = silent.environment AND firsts.contact = silent.contact
      AND firsts.agent = routes.source
  GROUP BY silent.environment, silent.started_us, silent.place
)
GROUP BY kind"""


def _sources(by_source: Mapping[int, tuple[int, float]], scope: Scope) -> list[Source]:
    """Most returns first; those of agents the reader may not see are one without a name."""
    names = agent_names(by_source.keys() - {_HIDDEN}, scope)
    sources = [
        Source(names[key][0] if key in names else None, names[key][1] if key in names else "", n, median)
        for key, (n, median) in by_source.items()
    ]
    return sorted(sources, key=lambda source: (-source.returns, source.name))


def _ask_vendor_totals(
    bundle: Bundle, selector: Selector, routes: Routes, period: Period, now: datetime
) -> Later[tuple[Counter[str] | None, list[date]]]:
    """The vendor's totals of the period's dates, and the dates up to today that some environment has no total of."""
    able = set(routes.environments)
    if not selector.whole_environments or not able:
        return lambda: (None, [])
    rows = seen(CallbackDay, selector.scope, able).filter(day__gte=period.start, day__lt=period.end)
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


def agents_without_callbacks(selector: Selector, dialling: Iterable[str]) -> set[str]:
    """Of the agents that dial, by public id, those whose callbacks no agent takes though others' are taken there."""
    known = routes_of(list(selector.environments.values()), selector.scope)
    homes = set(known.homes.values())
    if not homes:
        return set()
    rows = seen(Agent, selector.scope, homes).filter(public_id__in=[UUID(key) for key in dialling])
    return {str(agent) for pk, agent in rows.values_list("pk", "public_id") if pk not in known.covered}

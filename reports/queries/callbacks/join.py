"""The join of calls that come back to the calls they answer, as SQL over column files.

An *attempt* is an outbound call to a contact, a *callback call* an inbound call of a contact to an agent that takes
callbacks. Test calls are neither. Each attempt is given to the first callback call after it, within the tenant's hours,
of the same contact in the same environment, to an agent that takes the callbacks of the agent who dialled; whether the
attempt connected does not matter. A callback call that is given an attempt is a *return* and answers the last one given
to it. So an attempt is answered once at most, and a second call with no new attempt in between is no return.

Equal times: an attempt lies before a callback call only if it is earlier; among callback calls, as among attempts, the
one that the list of calls sorts first is the earlier one (column ``place``).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from reports.columns import engine
from reports.columns.engine import Shared, Statement
from reports.columns.sources import Sources
from reports.definitions.conditions import ANY, NEVER, Condition, numbers_among
from reports.definitions.dimensions import DIMENSIONS, Clock
from reports.definitions.periods import microseconds
from reports.queries.callbacks.routes import Routes
from reports.queries.scope import Scope
from reports.queries.seen import seen_in_files
from sync.taxonomy import Direction, Outcome

# What is asked of the attempt
ATTEMPT_KEYS = frozenset({"status", "direction", "cause", "side", "length", "line", "source_agent"})
_KEPT = "environment, agent, contact, started_us, place, outcome"
# Need no more than is kept
_OF_KEPT = frozenset(key for key in DIMENSIONS if DIMENSIONS[key].timely) | {"environment", "agent", "source_agent"}


@dataclass(frozen=True, slots=True)
class Join:
    """The callback loop of the callback calls that began in ``[start, end)``.

    ``chosen`` says which callback calls scope and filters leave, ``attempted`` which attempts; the join itself knows
    every call of the environments, whoever asks; but nothing is told of an attempt by an agent that is not in the
    reader's ``scope``. A return answers an attempt of one of ``answering`` (None: of any agent).
    ``narrowed`` may leave out contacts that are not asked about. Attempts are given to callback calls after ``end``
    too, as long as these began before ``now``.
    """

    sources: Sources
    scope: Scope
    routes: Routes
    environments: frozenset[int]
    start: datetime
    end: datetime
    now: datetime
    chosen: Condition
    attempted: Condition
    clock: Clock
    answering: frozenset[int] | None = None
    narrowed: Condition = ANY

    def statement(
        self, select: str, keys: Collection[str] = (), *, calls: bool = False, since: datetime | None = None
    ) -> Statement:
        """``WITH near, given, answered, returned`` for a SELECT to follow; with ``calls`` also ``routes`` and all calls
        of both kinds, ``heard`` and ``tries``, the latter from ``since`` on.

        ``near`` are attempts with each callback call that may answer them. That is the work of the join, so it is
        shared by all statements of one span. ``given`` are attempts with the callback call they are given to,
        ``answered`` callback calls with what they are given, ``returned`` those of them that are asked about.
        """
        carried = [key for key in keys if key not in _OF_KEPT]
        near = Shared("near", *self._near(carried))
        given, each_time = self._given(keys, carried), engine.dialect().each_time
        if not calls:
            return Statement(f",\n{given}\n{select}", (), near)
        every_call = f"""{self._routes},
heard AS {each_time} ({self._heard(keys)}),
tries AS {each_time} ({self._tries(keys, since)})"""
        return Statement(f",\n{given},\n{every_call}\n{select}", self._heard_params + self._tries_params, near)

    def _near(self, carried: Collection[str]) -> tuple[str, tuple[object, ...]]:
        """They are found by the contact and by stretches as long as the hours set, of which a call can only be in the
        attempt's or the next one: a contact with thousands of calls is no more work than others.
        """
        window = self.routes.window // timedelta(microseconds=1)
        # Named, because ClickHouse calls a column that both tables have by its table's name too.
        kept = ("environment", "agent", "contact", "started_us", "place", "outcome", "chosen")
        tried = ", ".join(f"tries.{name} AS {name}" for name in (*kept, *(f"by_{key}" for key in carried)))
        keys = [key for key in carried if key not in ATTEMPT_KEYS]
        heard = "".join(f", heard.by_{key} AS heard_{key}" for key in keys)
        sql = f"""
SELECT {tried}, heard.started_us AS heard_us, heard.place AS heard_place, heard.agent AS taker,
  heard.chosen AS heard_chosen{heard}
FROM ({self._tries(carried)}) AS tries JOIN (
  SELECT environment, agent, contact, started_us, place, chosen{"".join(f", by_{key}" for key in keys)},
    {engine.dialect().abreast({"stretch": f"[intDiv(started_us, {window}), intDiv(started_us, {window}) - 1]"})}
  FROM ({self._heard(keys)}) WHERE contact <> 0
) AS heard ON tries.environment = heard.environment AND tries.contact = heard.contact
  AND intDiv(tries.started_us, {window}) = heard.stretch
  AND tries.started_us < heard.started_us AND heard.started_us - tries.started_us <= {window}
WHERE {self._takes}"""
        return sql, self._tries_params + self._heard_params

    def _given(self, keys: Collection[str], carried: Collection[str]) -> str:
        start, end = microseconds(self.start), microseconds(self.end)
        mine = self.scope.agent_ids
        known = "true" if mine is None else numbers_among("argMax(agent, (started_us, place))", mine).sql
        of_attempt = [key for key in keys if key in ATTEMPT_KEYS]
        later = "".join(f", {DIMENSIONS[key].column(self.clock)} AS by_{key}" for key in keys if key not in carried)
        first_keys = "".join(f", any_value(by_{key}) AS by_{key}" for key in keys)
        last_keys = "".join(
            f", CASE WHEN {known} THEN argMax(by_{key}, (started_us, place)) END AS attempt_{key}" for key in of_attempt
        )
        heard = ["taker", "heard_chosen", *(f"heard_{key}" for key in carried if key not in ATTEMPT_KEYS)]
        first_heard = "".join(f", argMin({name}, (heard_us, heard_place)) AS {name}" for name in heard)
        heard_once = "".join(f", any_value({name}) AS {name}" for name in heard)
        by_keys = "".join(
            f", heard_{key} AS by_{key}" if key in carried else f", {DIMENSIONS[key].column(self.clock)} AS by_{key}"
            for key in keys
            if key not in ATTEMPT_KEYS
        )
        attempt_names = "".join(f", attempt_{key}" for key in of_attempt)
        answering = ANY if self.answering is None else numbers_among("source", self.answering)
        return f"""given AS (
  SELECT environment, started_us, place, any_value(agent) AS agent, any_value(contact) AS contact,
    any_value(outcome) AS outcome, any_value(chosen) AS chosen{first_keys},
    min(heard_us) AS heard_us, argMin(heard_place, (heard_us, heard_place)) AS heard_place{first_heard}
  FROM (SELECT *{later} FROM near) GROUP BY environment, started_us, place
),
answered AS (
  SELECT environment, heard_us, heard_place, any_value(contact) AS contact, count(*) AS attempts,
    min(started_us) AS first_us, max(started_us) AS last_us, argMax(place, (started_us, place)) AS last_place,
    argMax(agent, (started_us, place)) AS source{last_keys}{heard_once}
  FROM given GROUP BY environment, heard_us, heard_place
),
returned AS (
  SELECT *{by_keys} FROM (
    SELECT environment, taker AS agent, contact, heard_us AS started_us, heard_place AS place, attempts, first_us,
      last_us, last_place, source{attempt_names}{"".join(f", {name}" for name in heard[2:])},
      intDiv(heard_us - last_us, 1000) AS waited_ms, intDiv(heard_us - first_us, 1000) AS waited_first_ms
    FROM answered WHERE heard_chosen AND heard_us >= {start} AND heard_us < {end} AND {answering.sql}
  )
)"""

    @property
    def _takes(self) -> str:
        """That an agent takes the callbacks of the one who dialled. It is asked of pairs: joined as a table it would
        have each callback call looked for once for every such agent.
        """
        takers: dict[frozenset[int], set[int]] = {}
        for taker, sources in self.routes.sources.items():
            takers.setdefault(sources, set()).add(taker)
        pairs = (
            f"({numbers_among('heard.agent', taking).sql} AND {numbers_among('tries.agent', sources).sql})"
            for sources, taking in takers.items()
        )
        return " OR ".join(pairs) or NEVER.sql

    @property
    def _routes(self) -> str:
        pairs = ", ".join(f"({taker}, {source})" for taker, source in self.routes.pairs) or "(-1, -1)"
        return f"routes(taker, source) AS (VALUES {pairs})"

    @property
    def selected(self) -> str:
        """That a callback call of ``heard`` is one of those that are asked about."""
        start, end = microseconds(self.start), microseconds(self.end)
        return f"heard.chosen AND heard.started_us >= {start} AND heard.started_us < {end}"

    def _heard(self, keys: Collection[str]) -> str:
        inbound = f"direction = '{Direction.INBOUND.value}' AND {numbers_among('agent', self.routes.takers).sql}"
        return self._calls(keys, self._before, inbound, self.chosen)

    def _tries(self, keys: Collection[str], since: datetime | None = None) -> str:
        covered = numbers_among("agent", self.routes.covered).sql
        outbound = f"direction = '{Direction.OUTBOUND.value}' AND {covered} AND contact <> 0"
        return self._calls(keys, since or self._before, outbound, self.attempted)

    @property
    def _heard_params(self) -> tuple[object, ...]:
        return self.chosen.params + self.narrowed.params

    @property
    def _tries_params(self) -> tuple[object, ...]:
        return self.attempted.params + self.narrowed.params

    @property
    def _before(self) -> datetime:
        """No attempt before it can be answered in the span."""
        return self.start - self.routes.window

    def _calls(self, keys: Collection[str], first: datetime, condition: str, chosen: Condition) -> str:
        by = "".join(f", {DIMENSIONS[key].column(self.clock)} AS by_{key}" for key in keys)
        end = min(self.end + self.routes.window, max(self.now, self.end)) + timedelta(microseconds=1)
        everyone = self.scope.whatever_agent()
        relation = seen_in_files(self.sources, everyone, self.environments, first, end, self.now)
        homes = numbers_among("environment", self.environments & self.routes.environments).sql
        return f"""
  SELECT {_KEPT}, coalesce({chosen.sql}, false) AS chosen{by} FROM {relation}
  WHERE NOT is_test AND {homes} AND {condition}
    AND started_us >= {microseconds(first)} AND started_us < {microseconds(end)} AND (({self.narrowed.sql}))
"""


@dataclass(frozen=True, slots=True)
class Missed:
    """Inbound calls of known contacts that began in ``[start, end)`` and did not connect, and who connected since.

    Those missed are the reader's; a later connected call counts, whoever's, that began before ``as_of``.
    """

    sources: Sources
    scope: Scope
    environments: frozenset[int]
    start: datetime
    end: datetime
    now: datetime
    as_of: datetime
    chosen: Condition
    clock: Clock

    def statement(self, select: str, keys: Collection[str]) -> Statement:
        """``WITH missed, met, waiting`` for a SELECT to follow: missed calls, when their contacts were connected with
        last, and the missed calls after which nobody did.
        """
        waiting = """waiting AS (
  SELECT missed.* FROM missed LEFT JOIN met ON missed.environment = met.environment AND missed.contact = met.contact
  WHERE met.last_us IS NULL OR met.last_us <= missed.started_us
)"""
        return Statement(f"{self._with_missed(keys)},\n{waiting}\n{select}", self.chosen.params)

    def by_contact(self, select: str) -> Statement:
        """``WITH contacts`` for a SELECT to follow, shared by those of one span: each contact that was missed, with its
        last missed call, whether nobody connected since, and how many missed calls that is so of.
        """
        sql = f"""{self._with_missed(())}
SELECT missed.environment AS environment, missed.contact AS contact, max(missed.started_us) AS started_us,
  argMax(missed.place, (missed.started_us, missed.place)) AS place,
  {engine.dialect().last("missed.agent", "(missed.started_us, missed.place)")} AS agent,
  count(*) FILTER (WHERE met.last_us IS NULL OR met.last_us <= missed.started_us) AS calls,
  any_value(met.last_us) IS NULL OR any_value(met.last_us) <= max(missed.started_us) AS waits
FROM missed LEFT JOIN met ON missed.environment = met.environment AND missed.contact = met.contact
GROUP BY missed.environment, missed.contact"""
        return Statement(f"\n{select}", (), Shared("contacts", sql, self.chosen.params))

    def _with_missed(self, keys: Collection[str]) -> str:
        span = self.environments, self.start, self.as_of, self.now
        mine = seen_in_files(self.sources, self.scope, *span)
        whoever = seen_in_files(self.sources, self.scope.whatever_agent(), *span)
        homes = numbers_among("environment", self.environments).sql
        by = "".join(f", {DIMENSIONS[key].column(self.clock)} AS by_{key}" for key in keys)
        began = f"started_us >= {microseconds(self.start)}"
        return f"""WITH missed AS (
  SELECT environment, agent, contact, started_us, place{by} FROM {mine}
  WHERE NOT is_test AND {homes} AND {began} AND started_us < {microseconds(self.end)} AND contact <> 0
    AND direction = '{Direction.INBOUND.value}' AND outcome = '{Outcome.UNREACHED.value}' AND ({self.chosen.sql})
),
met AS (
  SELECT environment, contact, max(started_us) AS last_us FROM {whoever}
  WHERE NOT is_test AND {homes} AND {began} AND started_us < {microseconds(self.as_of)} AND contact <> 0
    AND outcome = '{Outcome.CONNECTED.value}' AND contact IN (SELECT contact FROM missed)
  GROUP BY environment, contact
)"""

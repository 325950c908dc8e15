"""Figures of the callback loop by group: returns, how long they took, who came back, who is still waiting.

The agent is the one that the contact rang throughout: of an attempt, each agent that takes its callbacks, and where it
was answered, the one that was rung; the source agent is the one that made the attempt. Otherwise a return stands in the
time of the return call, and by status, direction, cause, side, length and own number with the attempt it answers; the
return rate is of attempts, and what is still open of the missed calls.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from reports.columns import engine
from reports.columns.engine import Statement
from reports.definitions.conditions import numbers_among
from reports.definitions.measures import CallbackCount, Measure, Percentile
from reports.definitions.periods import microseconds
from reports.queries.callbacks.join import ATTEMPT_KEYS, Join, Missed
from reports.queries.callbacks.routes import Routes
from reports.queries.compile import Grain, Group, Scan, attempted, chosen, place_of, placed
from reports.queries.run import Runner
from sync.taxonomy import Outcome

END = datetime(2200, 1, 1, tzinfo=UTC)  # no call begins after it
LATER = timedelta(days=3650)  # so far after now files are looked up for what is still open


@dataclass(slots=True)
class Loops:
    """Figures of the loop by group of one grouping."""

    counts: dict[Group, Counter[str]] = field(default_factory=dict)
    waits: dict[Group, tuple[int, dict[float, float]]] = field(default_factory=dict)

    @property
    def groups(self) -> set[Group]:
        return set(self.counts)

    def value(self, column: str, group: Group) -> int:
        return self.counts.get(group, Counter())[column]

    def wait(self, share: float, group: Group) -> tuple[float | None, int]:
        """A percentile of the milliseconds from an attempt to its return, and how many returns there are."""
        n, values = self.waits.get(group, (0, {}))
        return values.get(share), n


def join_of(scan: Scan, routes: Routes) -> Join:
    return Join(
        sources=scan.sources,
        scope=scan.selector.scope,
        routes=routes,
        environments=frozenset(scan.selector.environments),
        start=scan.span.period.starts_at,
        end=scan.span.until,
        now=scan.span.now,
        chosen=chosen(scan.selector, scan.span.clock),
        attempted=attempted(scan.selector, scan.span.clock),
        clock=scan.span.clock,
        answering=scan.selector.source_ids,
    )


def missed_of(scan: Scan) -> Missed:
    return Missed(
        sources=scan.sources,
        scope=scan.selector.scope,
        environments=frozenset(scan.selector.environments),
        start=scan.span.period.starts_at,
        end=scan.span.until,
        now=scan.span.now,
        as_of=END,
        chosen=chosen(scan.selector, scan.span.clock),
        clock=scan.span.clock,
    )


def loops(scan: Scan, wanted: Mapping[Grain, Collection[Measure]], run: Runner, routes: Routes) -> dict[Grain, Loops]:
    """What the measures want of each grouping, in two statements at most: the join, and who still waits."""
    by_grain = {grain: Loops() for grain in wanted}
    columns = {grain: {each.column for each in wanted[grain] if isinstance(each, CallbackCount)} for grain in wanted}
    every = {each for measures in wanted.values() for each in measures}
    shares = sorted(each.share for each in every if isinstance(each, Percentile) and is_wait(each))
    waits = {grain for grain, measures in wanted.items() if any(map(is_wait, measures))}
    returns = [grain for grain in wanted if columns[grain] & {"returns", "attempts"} or grain in waits]
    rates = [grain for grain in wanted if columns[grain] & {"unreached", "returned"}]
    waiting = [grain for grain in wanted if "open" in columns[grain]]
    # One join serves both where they are grouped by the same keys.
    alike = set(_keys(returns)) == set(_keys(rates))
    for some, others in [(returns, rates)] if alike else [(returns, []), ([], rates)]:
        if not routes.sources or not (some or others):
            continue
        statement, keys = _join(scan, routes, some, others, shares)
        for row in run(statement):
            grain, group, (kind, n, attempts, values) = _placed(row, keys, [*some, *others])
            of_agents = {name: key for name, key in zip(grain, group, strict=True) if name in ("agent", "source_agent")}
            if of_agents.get("source_agent", 0) is None or (kind and of_agents.get("agent", 0) is None):
                continue  # who had called, or who was rung, is not the reader's to know
            loop = by_grain[grain]
            counts = loop.counts.setdefault(group, Counter())
            if kind:
                counts.update({"unreached" if kind == 1 else "returned": n})
            else:
                counts.update(returns=n, attempts=int(attempts or 0))
                loop.waits[group] = (n, dict(zip(shares, values, strict=True)) if n else {})
    if waiting:
        keys, missed = _keys(waiting), missed_of(scan)
        if keys:
            counts_of = f"{_columns('by', keys)}count(DISTINCT contact) FROM waiting"
            select = f"SELECT {placed(keys)}, {counts_of} GROUP BY GROUPING SETS ({_sets('by', waiting)})"
            statement = missed.statement(select, keys)
        else:
            statement = missed.by_contact("SELECT 0, count(DISTINCT contact) FROM contacts WHERE waits")
        for row in run(statement):
            grain, group, (contacts,) = _placed(row, keys, waiting)
            by_grain[grain].counts.setdefault(group, Counter()).update(open=contacts)
    return by_grain


def is_wait(measure: Measure) -> bool:
    return isinstance(measure, Percentile) and measure.source == "wait"


def _keys(grains: Iterable[Grain]) -> list[str]:
    return list(dict.fromkeys(key for grain in grains for key in grain))


def _columns(prefix: str, keys: Iterable[str]) -> str:
    return "".join(f"{prefix}_{key}, " for key in keys)


def _sets(prefix: str, grains: Iterable[Grain]) -> str:
    return ", ".join(f"({', '.join(f'{prefix}_{key}' for key in grain)})" for grain in grains)


def _placed(row: Sequence[Any], keys: Sequence[str], grains: Iterable[Grain]) -> tuple[Grain, Group, tuple[Any, ...]]:
    """The grain and group of a row that begins with the grain's place and the keys, and the rest of it."""
    grain = next(grain for grain in grains if place_of(grain, keys) == row[0])
    return grain, tuple(row[1 + keys.index(key)] for key in grain), tuple(row[1 + len(keys) :])


def _rung(columns: str, scan: Scan) -> str:
    """Columns of keys of an attempt, whose agent is the one rung as far as the reader may know it."""
    mine = scan.selector.scope.agent_ids
    taker = "taker" if mine is None else f"CASE WHEN {numbers_among('taker', mine).sql} THEN taker END"
    return columns.replace("by_agent,", f"{taker} AS by_agent,")


def _join(
    scan: Scan, routes: Routes, returns: list[Grain], rates: list[Grain], shares: list[float]
) -> tuple[Statement, list[str]]:
    """Rows of: which grain, the keys, and 0, returns, the attempts they answer and percentiles of the wait; or 1 and
    different contacts of attempts that reached nobody; or 2 and those of them that rang back then or later.
    """
    keys, span = _keys([*returns, *rates]), scan.span
    waits = engine.dialect().quantiles("waited_ms", shares) if shares else "[]"
    named = "".join(f"{'attempt' if key in ATTEMPT_KEYS else 'by'}_{key} AS key_{key}, " for key in keys)
    parts = []
    if returns:
        parts.append(
            f"SELECT {placed(keys, 'key')}, {_columns('key', keys)}0 AS kind, count(*) AS n, sum(attempts) AS total,"
            f" {waits} AS waits FROM (SELECT {named}attempts, waited_ms FROM returned)"
            f" GROUP BY GROUPING SETS ({_sets('key', returns)})"
        )
    if rates:
        start, end = microseconds(span.period.starts_at), microseconds(span.until)
        condition = f"chosen AND outcome = '{Outcome.UNREACHED.value}' AND started_us >= {start} AND started_us < {end}"
        by, tried = _columns("by", keys), "tries"
        if "agent" in keys or scan.selector.rung is not None:
            # Once for each agent that takes their callbacks: different contacts are counted, so that is no matter.
            names = ("contact", "started_us", "outcome", "chosen", *(f"by_{key}" for key in keys if key != "agent"))
            named_tries = ", ".join(f"tries.{name} AS {name}" for name in names)
            tried = f"(SELECT {named_tries}, taker FROM tries JOIN routes ON routes.source = tries.agent)"
        if scan.selector.rung is not None:
            condition += f" AND {numbers_among('taker', scan.selector.rung).sql}"
        parts += [
            f"SELECT {placed(keys)}, {by}{kind} AS kind, count(DISTINCT contact) AS n, 0 AS total, [] AS waits"
            f" FROM (SELECT {_rung(by, scan)}contact FROM {attempts} WHERE {condition})"
            f" GROUP BY GROUPING SETS ({_sets('by', rates)})"
            for kind, attempts in ((1, tried), (2, "given"))
        ]
    return join_of(scan, routes).statement(" UNION ALL ".join(parts), keys, calls=bool(rates)), keys

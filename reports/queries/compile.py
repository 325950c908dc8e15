"""From a question's parts to SQL over column files. What a reader wrote is always a parameter, never text."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from reports.columns import engine
from reports.columns.engine import Statement
from reports.columns.schema import CONTACT_DIGITS, COUNTED, TESTS, bare_number, contact_code
from reports.columns.sources import Sources
from reports.definitions.conditions import NEVER, Condition, among, numbers_among, together
from reports.definitions.dimensions import DIMENSIONS, Clock, Key, time_keys
from reports.definitions.filters import FILTERS
from reports.definitions.measures import COLUMNS, Percentile, Sums, tests_of, traits_sql
from reports.definitions.periods import Period, day_start, microseconds
from reports.queries.calls.numbers import asked_number
from reports.queries.contacts.ids import contact_digits_of
from reports.queries.scope import Scope
from reports.queries.seen import seen_in_files
from reports.queries.selector import Selector
from sync.taxonomy import Outcome

Group = tuple[Key, ...]
Grain = tuple[str, ...]  # what is grouped by, in order; () is the whole
TOTAL: Group = ()
WHOLE: Grain = ()
FEW = 500  # groups that may be counted apart by how calls went as well


@dataclass(frozen=True, slots=True)
class Span:
    """The calls of a period that began before ``until``, its end unless only a part of it counts."""

    period: Period
    until: datetime
    now: datetime

    def cuts(self, day: date) -> bool:
        """Whether only a part of a day of the period counts, or nothing of it."""
        return self.until < day_start(day + timedelta(days=1), self.period.zone)

    @property
    def clock(self) -> Clock:
        return Clock.of(self.period)

    @property
    def began(self) -> Condition:
        """That a call began in it."""
        return started(self.period.starts_at, self.until)


def started(start: datetime, end: datetime) -> Condition:
    return Condition(f"started_us >= {microseconds(start)} AND started_us < {microseconds(end)}")


# --- Filters ------------------------------------------------------------------------------------------------------


def chosen(selector: Selector, clock: Clock) -> Condition:
    """Which calls scope and filters leave, whatever the time; ``clock`` is that of weekdays and hours."""
    return _of_agents(selector.agent_ids, selector, clock)


def attempted(selector: Selector, clock: Clock) -> Condition:
    """As :func:`chosen`, of attempts: the agents chosen are those that contacts rang, not those that had dialled."""
    return _of_agents(selector.dialling, selector, clock)


def _of_agents(agents: Collection[int] | None, selector: Selector, clock: Clock) -> Condition:
    conditions = [numbers_among("environment", selector.environments)]
    if agents is not None:
        conditions.append(numbers_among("agent", agents))
    for each in FILTERS.values():
        condition = each.columns(each.value(selector.filters)) if each.columns is not None else None
        if condition is not None:
            conditions.append(_on_clock(condition, clock))
    return together([*conditions, *_looked_up(selector)])


def _on_clock(condition: Condition, clock: Clock) -> Condition:
    """Weekdays and hours are no columns of a file: they are those of a zone."""
    sql = condition.sql
    for name in ("weekday", "hour_of_day"):
        sql = sql.replace(f"{name} ", f"{DIMENSIONS[name].column(clock)} ")
    return Condition(sql, condition.params)


def _looked_up(selector: Selector) -> Iterable[Condition]:
    """The filters that name something which has to be looked up first."""
    filters = selector.filters
    if filters.contact:
        digits = contact_digits_of(filters.contact, selector.scope)
        yield Condition("contact = ?", (contact_code(digits),)) if digits else NEVER
    if filters.line:
        yield among("line", sorted({bare_number(line) for line in selector.chosen_lines()}))
    if filters.number:
        yield _numbered(selector)
    if filters.campaigns:
        yield selector.named_calls


_PATTERNS = {"contains": "%{}%", "begins": "{}%", "ends": "%{}"}


def _numbered(selector: Selector) -> Condition:
    wanted, match = asked_number(selector.filters)
    if not wanted:
        return NEVER
    if match == "exact":
        contacts = among("contact", [contact_code(digits) for digits in wanted])
    else:
        likes = " OR ".join([f"{CONTACT_DIGITS} LIKE ?"] * len(wanted))
        contacts = Condition(likes, tuple(_PATTERNS[match].format(digits) for digits in wanted))
    lines = among("line", sorted({bare_number(line) for line in selector.lines()}))
    return Condition(f"({contacts.sql}) OR ({lines.sql})", contacts.params + lines.params)


# --- Statements ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scan:
    """The calls of one span that one choice leaves: what questions of one period and filters look through."""

    selector: Selector
    span: Span
    sources: Sources

    def _calls(self, grains: Collection[Grain], *more: str) -> tuple[str, tuple[object, ...], list[str]]:
        """A query of the calls with a column for each key of the grains and ``more``; its values; the keys in order."""
        keys = list(dict.fromkeys(key for grain in grains for key in grain))
        clock = self.span.clock
        names = [*(f"{DIMENSIONS[key].column(clock)} AS by_{key}" for key in keys), *more]
        where = together([self.span.began, chosen(self.selector, clock)])
        start, end = self.span.period.starts_at, self.span.until
        homes, scope = self.selector.environments, self.selector.scope
        relation = seen_in_files(self.sources, scope, homes, start, end, self.span.now)
        return f"SELECT {', '.join(['*', *names])} FROM {relation} WHERE {where.sql}", where.params, keys

    def _vendor(self, apart: int) -> str:
        vendors = self.vendors
        cases = (
            f"WHEN {numbers_among('environment', _of(vendor, self.selector)).sql} THEN {place * apart}"
            for place, vendor in enumerate(vendors)
        )
        return f"CASE {' '.join(cases)} END"

    @property
    def vendors(self) -> list[str]:
        return sorted(set(self.selector.providers.values()))

    def sums(
        self, grains: Sequence[Grain], measures: Sequence[Sums], tariffs: Sequence[Collection[int]] = ()
    ) -> tuple[Statement, list[str]]:
        """Rows of: which grain, a number, the keys, and the measures. The number is the vendor's place times one more
        than there are ``tariffs``, plus the place of the agent's tariff counted from 1, or 0; a tariff is its agents.

        In two steps. Calls of which the same is true are counted together first, by the grains that are part of no
        other one: that is all the work there is for each call. The measures are then added up from these few rows.
        """
        calls, params, keys = self._calls(grains, f"{self._vendor(len(tariffs) + 1)}{_tariff(tariffs)} AS vendor")
        traits = _Traits(measures)
        values = "".join(f", sum({value}) AS {name}" for value, name in traits.values.items())
        widest = self._widest(grains)
        sets = ", ".join(_listed(["vendor", "traits", *(f"by_{key}" for key in sorted(wide))]) for wide in widest)
        serves = ", ".join(
            f"({place_of(next(wide for wide in widest if wide >= set(grain)), keys)}, {place_of(grain, keys)})"
            for grain in grains
        )
        kept = "".join(
            f"CASE WHEN bitAnd(grain, {1 << (len(keys) - 1 - at)}) = 0 THEN by_{key} END AS by_{key}, "
            for at, key in enumerate(keys)
        )
        columns = ", ".join(f"sum({traits.value(each)}) FILTER (WHERE {traits.test(each)})" for each in measures)
        return (
            Statement(
                f"WITH alike AS (SELECT {placed(keys)} AS widest, vendor, traits, {_columns(keys)}count(*) AS n{values}"
                f" FROM (SELECT * REPLACE ({traits.sql} AS traits) FROM ({calls})) GROUP BY GROUPING SETS ({sets}))"
                f" SELECT grain, vendor, {kept}{columns} FROM alike"
                f" JOIN (VALUES {serves}) AS serves(widest, grain) USING (widest)"
                f" GROUP BY grain, vendor{''.join(f', {at + 3}' for at in range(len(keys)))}",
                params,
            ),
            keys,
        )

    def _widest(self, grains: Iterable[Grain]) -> list[frozenset[str]]:
        """Few groupings of which each of ``grains`` is a part, so that calls are counted as seldom as can be.

        How calls went is told by several keys of which few combinations occur: they go together with any other few.
        """
        went = frozenset(key for grain in grains for key in grain if DIMENSIONS[key].of_outcome)
        wide = [frozenset(grain) for grain in grains]
        few = {keys - went for keys in wide if (self.most(keys - went) or FEW + 1) <= FEW}
        if went and few:
            carried = {keys: sum(other - went <= keys and bool(other & went) for other in wide) for keys in few}
            carrier = max(few, key=lambda keys: (carried[keys], -len(keys), sorted(keys)))
            wide = [keys | carrier | went if keys - went <= carrier else keys for keys in wide]
        return [keys for keys in dict.fromkeys(wide) if not any(keys < other for other in wide)]

    def most(self, keys: Iterable[str], agents: int | None = None) -> int | None:
        """How many groups there can be at most; None where nobody knows without looking."""
        times = tuple(key for key in keys if DIMENSIONS[key].timely)
        groups = len(time_keys(times, self.span.period))
        for key in keys:
            if DIMENSIONS[key].timely:
                continue
            homes = len(self.selector.environments)
            known: int | None = {"environment": homes, "agent": agents, "source_agent": agents}.get(
                key, DIMENSIONS[key].most
            )
            if key in COUNTED:
                start, end = self.span.period.starts_at, self.span.until
                known = self.sources.most_words(key, self.selector.environments, start, end)
            if known is None:
                return None
            groups *= max(1, known)
        return groups

    def contacts(self, grain: Grain, *, reached: bool) -> Statement:
        """Rows of: the keys, different contacts, and those with a connected call, where these are asked for, else 0."""
        calls, params, keys = self._calls([grain])
        by = _columns(keys)
        connected = f"max(outcome = '{Outcome.CONNECTED.value}')" if reached else "false"
        inner = f"SELECT {by}contact, {connected} AS connected FROM ({calls}) WHERE contact <> 0 GROUP BY ALL"
        grouped = " GROUP BY ALL" if keys else ""
        return Statement(f"SELECT {by}count(*), count(*) FILTER (WHERE connected) FROM ({inner}){grouped}", params)

    def percentiles(
        self, grains: Sequence[Grain], sources: Sequence[str], shares: Sequence[float]
    ) -> tuple[Statement, list[str]]:
        """Rows of: which grain, the keys, and for each source how many values there are and the percentiles as a list.

        ``sources`` are durations alone, or such of which a call has a value for each turn.
        """
        calls, params, keys = self._calls(grains)
        by, dialect = _columns(keys), engine.dialect()
        if sources == ["duration"]:
            values = f"SELECT {by}duration_ms AS duration FROM ({calls}) WHERE outcome = '{Outcome.CONNECTED.value}'"
            values += " AND duration_ms IS NOT NULL"
        else:
            turns = dialect.abreast({source: f"{source}_ms" for source in sources})
            some = " OR ".join(f"{source}_ms IS NOT NULL" for source in sources)
            values = f"SELECT {by}{turns} FROM ({calls}) WHERE {some}"
        sets = ", ".join(_listed([f"by_{key}" for key in grain]) for grain in grains)
        asked = ", ".join(f"count({each}), {dialect.quantiles(each, shares)}" for each in sources)
        return (
            Statement(f"SELECT {placed(keys)}, {by}{asked} FROM ({values}) GROUP BY GROUPING SETS ({sets})", params),
            keys,
        )

    def peaks(self, grain: Grain) -> Statement:
        """Rows of: the keys, and the most connected calls at one time. A call that ends as another begins is over."""
        calls, params, keys = self._calls([grain])
        by = _columns(keys)
        talks = (
            f"SELECT {by}started_us AS begins, started_us + duration_ms * 1000 AS ends FROM ({calls})"
            f" WHERE outcome = '{Outcome.CONNECTED.value}' AND duration_ms > 0"
        )
        both = engine.dialect().abreast({"moment": "[begins, ends]", "step": "[1, -1]"})
        steps = f"SELECT {by}{both} FROM ({talks})"
        partition = f"PARTITION BY {_columns(keys).removesuffix(', ')} " if keys else ""
        running = f"sum(step) OVER ({partition}ORDER BY moment, step ROWS UNBOUNDED PRECEDING) AS running"
        grouped = " GROUP BY ALL" if keys else ""
        return Statement(f"SELECT {by}max(running) FROM (SELECT {by}{running} FROM ({steps})){grouped}", params)

    def different(self, keys: Grain, most: int) -> Statement:
        """One row: how many different groups there are, counted up to ``most``."""
        calls, params, listed = self._calls([keys])
        groups = f"SELECT DISTINCT {_columns(listed).removesuffix(', ')} FROM ({calls}) LIMIT {most}"
        return Statement(f"SELECT count(*) FROM ({groups})", params)


def mirrored(
    sources: Sources, scope: Scope, environments: Collection[int], start: datetime, end: datetime, now: datetime
) -> Statement:
    """Rows of: the environment, and its calls of a span that the vendor still shows, whichever agent's, test calls
    among them."""
    relation = seen_in_files(sources, scope.whatever_agent(), environments, start, end, now)
    where = together([started(start, end), numbers_among("environment", environments), Condition("NOT missing")])
    sql = f"SELECT environment, count(*) FROM {relation} WHERE {where.sql} GROUP BY environment"
    return Statement(sql, where.params)


def _tariff(tariffs: Sequence[Collection[int]]) -> str:
    cases = (f"WHEN {numbers_among('agent', agents).sql} THEN {place}" for place, agents in enumerate(tariffs, 1))
    return f" + CASE {' '.join(cases)} ELSE 0 END" if tariffs else ""


def _of(vendor: str, selector: Selector) -> list[int]:
    return [key for key, name in selector.providers.items() if name == vendor]


def _columns(keys: Sequence[str]) -> str:
    return "".join(f"by_{key}, " for key in keys)


def _listed(names: Sequence[str]) -> str:
    return f"({', '.join(names)})"


def placed(keys: Sequence[str], prefix: str = "by") -> str:
    """A number that tells the grains apart: a bit for each key that is not part of it, the last key's the lowest."""
    return f"grouping({', '.join(f'{prefix}_{key}' for key in keys)})" if keys else "0"


def place_of(grain: Collection[str], keys: Sequence[str]) -> int:
    """The number by which :func:`placed` tells of a grain."""
    return sum(1 << (len(keys) - 1 - at) for at, key in enumerate(keys) if key not in grain)


class _Traits:
    """What some measures ask of a call, as bits of one number: those that the files have, and others beside them."""

    def __init__(self, measures: Collection[Sums]) -> None:
        tests = {test for measure in measures for test in tests_of(measure)}
        self._others = sorted(tests - set(TESTS), key=lambda test: test.sql)
        self._bits = {test: 1 << place for place, test in enumerate((*TESTS, *self._others))}
        self._asked = sum(self._bits[test] for test in tests)
        added = sorted({value for measure in measures if (value := COLUMNS[measure.column][0])})
        self.values = {value: f"value_{place}" for place, value in enumerate(added)}

    @property
    def sql(self) -> str:
        others = f" + {traits_sql(self._others, len(TESTS))}" if self._others else ""
        return f"bitAnd(traits, {self._asked}){others}"

    def test(self, measure: Sums) -> str:
        wanted = sum(self._bits[test] for test in tests_of(measure))
        return f"bitAnd(traits, {wanted}) = {wanted}"

    def value(self, measure: Sums) -> str:
        value = COLUMNS[measure.column][0]
        return self.values[value] if value else "n"


def percentile_sources(measures: Iterable[object]) -> dict[str, list[float]]:
    """The shares that are asked of each source."""
    shares_by_source: dict[str, set[float]] = {}
    for measure in measures:
        if isinstance(measure, Percentile):
            shares_by_source.setdefault(measure.source, set()).add(measure.share)
    return {source: sorted(shares) for source, shares in shares_by_source.items()}

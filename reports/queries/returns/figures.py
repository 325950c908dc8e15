"""Figures of the callback loop by group: returns, how long they took, who came back, who is still waiting.

A return stands in the time and with the agent of the return call, the return rate in those of the attempt, and what is
still open in those of the missed call. A figure that cannot be split as asked is never shared out by guess.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, QuerySet, Sum

from reports.dimensions import DIMENSIONS, Key, hour_code, time_key
from reports.measures import Sample
from reports.periods import DAY, number_day
from reports.queries.bundle import Bundle, Later
from reports.queries.filters import Reach
from reports.queries.plan import Span
from reports.queries.returns.rows import Rows, ask_live, rows_of
from reports.queries.returns.unreached import ask_unreached
from reports.queries.returns.waiting import ask_waiting

Group = tuple[Key, ...]
GRAINS = frozenset({"agent", "environment", *(key for key, grain in DIMENSIONS.items() if grain.timely)})
WAITS = frozenset({"waited"})
RATES = frozenset({"unreached", "returned"})
OPEN = frozenset({"open"})


@dataclass(slots=True)
class Loops:
    """Figures of the loop by group; ``splits`` is False where only the whole can be told."""

    splits: bool = True
    counts: dict[Group, Counter[str]] = field(default_factory=dict)
    waits: dict[Group, Sample] = field(default_factory=dict)

    @property
    def groups(self) -> set[Group]:
        return {*self.counts}

    def value(self, column: str, group: Group) -> Any:
        """A count, 0 where there was none, or a sample of milliseconds; None where it cannot be told."""
        if group and not self.splits:
            return None
        if column in WAITS:
            return self.waits.get(group)
        return self.counts.get(group, Counter())[column]


def loops(bundle: Bundle, reach: Reach, span: Span, by: tuple[str, ...], wanted: Collection[str]) -> Later[Loops]:
    """The columns ``wanted`` (see ``measures.Looped``) by group, and of all under ``()``."""
    splits = set(by) <= GRAINS
    grain = by if splits else ()
    start, until = span.period.starts_at, span.until
    rows = rows_of(reach, start, until, span.now)
    counts: dict[Group, Counter[str]] = defaultdict(Counter)
    parts: list[Later[None]] = []
    returned = (
        _ask_returns(bundle, rows, span, grain, counts) if {"returns", "attempts", *WAITS} & set(wanted) else dict
    )
    if RATES & set(wanted):
        later = max(until, min(until + rows.rules.window, span.now))  # an attempt may be returned after the span
        parts.append(_ask_came_back(bundle, rows_of(reach, start, later, span.now), span, grain, counts))
        parts.append(_ask_unreached(bundle, rows, span, grain, counts))
    if OPEN & set(wanted):
        parts.append(_ask_open(bundle, rows, span, grain, counts))

    def read() -> Loops:
        waits = returned()
        for part in parts:
            part()
        return Loops(splits, dict(counts), waits)

    return read


def _ask_returns(
    bundle: Bundle, rows: Rows, span: Span, by: tuple[str, ...], counts: dict[Group, Counter[str]]
) -> Later[dict[Group, Sample]]:
    live = ask_live(bundle, rows)
    grouped, names = _grouped(rows.kept_rings().filter(answers__isnull=False), by, span)
    told = grouped.values(*names, "waited_ms").annotate(occurs=Count("pk"), tries=Sum("attempts"))
    kept = bundle.add(told, *names, "waited_ms", "occurs", "tries")

    def read() -> dict[Group, Sample]:
        waits: dict[Group, Counter[float]] = defaultdict(Counter)

        def add(group: Group, waited: int, returns: int, attempts: int) -> None:
            for each in {group, ()}:
                waits[each][waited] += returns
                counts[each].update(returns=returns, attempts=attempts)

        for *keys, waited, returns, attempts in kept.rows:
            add(tuple(keys), waited, returns, attempts)
        live()
        key_of = _keys(by, span)
        for ring in rows.live_rings():
            if ring.waited_ms is not None:
                add(key_of(ring.environment, ring.agent, ring.at), ring.waited_ms, 1, len(ring.given))
        return {group: Sample(values) for group, values in waits.items()}

    return read


def _ask_came_back(
    bundle: Bundle, rows: Rows, span: Span, by: tuple[str, ...], counts: dict[Group, Counter[str]]
) -> Later[None]:
    """Contacts of unreached attempts of the span that were returned, in it or after it."""
    start, until = span.period.starts_at, span.until
    live = ask_live(bundle, rows)
    attempts = rows.kept_attempts().filter(unreached=True, started_at__gte=start, started_at__lt=until)
    grouped, names = _grouped(attempts, by, span)
    kept = bundle.add(grouped.values(*names, "contact").distinct(), *names, "contact")

    def read() -> None:
        people: dict[Group, set[str]] = defaultdict(set)
        for *keys, contact in kept.rows:
            people[tuple(keys)].add(contact)
        live()
        key_of = _keys(by, span)
        for attempt in rows.live_attempts():
            if attempt.unreached and start <= attempt.at < until:
                people[key_of(attempt.environment, attempt.agent, attempt.at)].add(attempt.contact)
        _count_people(people, counts, "returned")

    return read


def _ask_unreached(
    bundle: Bundle, rows: Rows, span: Span, by: tuple[str, ...], counts: dict[Group, Counter[str]]
) -> Later[None]:
    unreached = ask_unreached(bundle, rows, span, by)

    def read() -> None:
        for group, people in unreached().items():
            counts[group]["unreached"] = people

    return read


def _ask_open(
    bundle: Bundle, rows: Rows, span: Span, by: tuple[str, ...], counts: dict[Group, Counter[str]]
) -> Later[None]:
    waiting = ask_waiting(bundle, rows, span.until, lambda missed: _grouped(missed, by, span))

    def read() -> None:
        people: dict[Group, set[str]] = defaultdict(set)
        for _environment, contact, *keys in waiting():
            people[tuple(keys)].add(contact)
        _count_people(people, counts, "open")

    return read


def _count_people(people: dict[Group, set[str]], counts: dict[Group, Counter[str]], column: str) -> None:
    for group, contacts in people.items():
        counts[group][column] = len(contacts)
    counts[()][column] = len(set().union(*people.values()))


def _grouped(rows: QuerySet[Any], by: Iterable[str], span: Span) -> tuple[QuerySet[Any], list[str]]:
    names = [f"by_{key}" for key in by]
    return rows.annotate(**{f"by_{key}": DIMENSIONS[key].sql(span.clock) for key in by}), names


def _keys(by: tuple[str, ...], span: Span) -> Callable[[int, int, datetime], Group]:
    """How a call is grouped that was read already, as :func:`_grouped` does it in the database."""
    rules = ZoneInfo(span.period.zone)

    def key(grain: str, environment: int, agent: int, at: datetime) -> Key:
        if grain in ("environment", "agent"):
            return environment if grain == "environment" else agent
        offset = round(at.astimezone(rules).utcoffset().total_seconds())  # type: ignore[union-attr]
        local = int(at.timestamp()) + offset
        return time_key(
            DIMENSIONS[grain], number_day(local // DAY), local // 3600 % 24, hour_code(local // 3600, offset)
        )

    return lambda environment, agent, at: tuple(key(grain, environment, agent, at) for grain in by)

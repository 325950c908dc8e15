"""Every figure once more, in plain Python over the books: what random questions are held to.

The formulas follow the definitions of the metrics and share nothing with the modules that answer questions.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from reports.queries.question import Filters, Question
from tests.journeys.books import TIMES, TOTALS, Books, Return, Seen, Span, filtered, keys_of, midnight, time_keys
from tests.journeys.truth import CONNECTED, OPEN, UNREACHED, UNRESOLVED, peak, percentile

Result = tuple[float | None, int]
Key = tuple[str | None, ...]
NOTHING: Result = (None, 0)
LATENCIES = {f"{stage}_latency_p{n}": (stage, n / 100) for stage in ("stt", "llm", "tts") for n in (50, 95)}
ORIGINSAI = {"billed_minutes", "time_to_answer", "service_level", *LATENCIES}
LOOP = {
    "derived_callbacks", "return_rate", "time_to_callback_median", "time_to_callback_p90", "attempts_before_callback",
    "still_open",
}  # fmt: skip
TOLD = {"callbacks_received": "received", "callbacks_answered": "answered", "callbacks_unmatched": "unmatched"}
CALLBACKS = {*TOLD, "callback_answer_rate"}
TALKOVER = {*LOOP - {"still_open"}, *CALLBACKS, "campaign_success_rate", "estimated_cost"}
OF_RETURNS = {
    "derived_callbacks", "time_to_callback_median", "time_to_callback_p90", "attempts_before_callback",
}  # fmt: skip
OF_ATTEMPTS = {"status", "direction", "cause", "side", "length", "line", "source_agent"}  # of what a return answers
CALLBACK_GRAINS = {"day", "week", "month", "weekday", "environment"}


# --- figures ----------------------------------------------------------------------------------------------------------


@dataclass
class Group:
    """What one row of an answer rests on: its calls, and the loop's calls of it."""

    calls: list[Seen] = field(default_factory=list)
    returns: list[Return] = field(default_factory=list)
    tried: list[Seen] = field(default_factory=list)  # unreached attempts whose callbacks an agent of the row takes
    came: list[Seen] = field(default_factory=list)  # those of them for which such an agent was rung
    missed: list[Seen] = field(default_factory=list)


def count(n: int) -> Result:
    return n, n


def share(part: int, whole: int) -> Result:
    return (100 * part / whole if whole else None), whole


def mean(values: list[float]) -> Result:
    return (sum(values) / len(values) if values else None), len(values)


def spread(values: list[float], part: float) -> Result:
    return percentile(sorted(values), part), len(values)


def figure(name: str, group: Group, books: Books) -> Result:
    """A figure of calls and of the loop; the vendors' own totals are told in :func:`told`."""
    calls = group.calls
    final = [call for call in calls if call.outcome in (CONNECTED, UNREACHED)]
    connected = [call for call in final if call.outcome == CONNECTED]
    lengths = [call.duration for call in connected if call.duration is not None]
    if name in LATENCIES:
        stage, part = LATENCIES[name]
        return spread([turn for call in calls for turn in call.latencies.get(stage, ())], part)
    formulas: dict[str, Callable[[], Result]] = {
        "attempts": lambda: count(len(calls)),
        "connected": lambda: count(len(connected)),
        "connect_rate": lambda: share(len(connected), len(final)),
        "no_answer_rate": lambda: share(_of(final, "no-answer"), len(final)),
        "busy_rate": lambda: share(_of(final, "busy"), len(final)),
        "failed_rate": lambda: share(_of(final, "failed"), len(final)),
        "missed_rate": lambda: _missed(final),
        "average_duration": lambda: mean(lengths),
        "median_duration": lambda: spread(lengths, 0.5),
        "p90_duration": lambda: spread(lengths, 0.9),
        "talk_minutes": lambda: (sum(lengths) / 60, len(lengths)),
        "billed_minutes": lambda: _billed(calls),
        "short_call_share_3s": lambda: share(_short(final, 3), len(final)),
        "short_call_share_6s": lambda: share(_short(final, 6), len(final)),
        "short_connected_share_3s": lambda: share(_short(connected, 3), len(connected)),
        "short_connected_share_6s": lambda: share(_short(connected, 6), len(connected)),
        "engaged_share": lambda: share(sum((call.duration or 0) >= 30 for call in connected), len(connected)),
        "unique_contacts": lambda: count(len(_people(calls))),
        "reach_rate": lambda: share(len(_people(connected)), len(_people(calls))),
        "attempts_per_contact": lambda: _per_contact(calls),
        "open_calls": lambda: count(sum(call.outcome == OPEN for call in calls)),
        "unresolved_calls": lambda: count(sum(call.outcome == UNRESOLVED for call in calls)),
        "peak_concurrency": lambda: count(peak(connected)),  # type: ignore[arg-type]
        "estimated_cost": lambda: _cost(connected, books),
        "time_to_answer": lambda: mean([call.wait for call in connected if call.wait is not None]),
        "service_level": lambda: _service_level(final, connected),
        "derived_callbacks": lambda: count(len(group.returns)),
        "return_rate": lambda: share(len(_people(group.came)), len(_people(group.tried))),
        "time_to_callback_median": lambda: spread([each.minutes for each in group.returns], 0.5),
        "time_to_callback_p90": lambda: spread([each.minutes for each in group.returns], 0.9),
        "attempts_before_callback": lambda: mean([float(len(each.attempts)) for each in group.returns]),
        "still_open": lambda: count(len(_people(group.missed))),
    }
    return formulas[name]()


def _of(calls: list[Seen], status: str) -> int:
    return sum(call.status == status for call in calls)


def _short(calls: list[Seen], seconds: int) -> int:
    return sum(call.duration is not None and call.duration <= seconds for call in calls)


def _people(calls: Iterable[Seen]) -> set[str]:
    return {call.contact for call in calls if call.contact}


def _missed(final: list[Seen]) -> Result:
    inbound = [call for call in final if call.direction == "inbound"]
    return share(sum(call.outcome == UNREACHED for call in inbound), len(inbound))


def _billed(calls: list[Seen]) -> Result:
    billed = [call.billed for call in calls if call.vendor == "originsai" and call.billed is not None]
    return sum(billed) / 60, len(billed)


def _per_contact(calls: list[Seen]) -> Result:
    people = len(_people(calls))
    return (sum(bool(call.contact) for call in calls) / people if people else None), people


def _service_level(final: list[Seen], connected: list[Seen]) -> Result:
    final, connected = ([call for call in some if call.vendor == "originsai"] for some in (final, connected))
    waits = [call.wait for call in connected if call.wait is not None]
    if connected and not waits:
        return None, len(final)
    return share(sum(wait <= 20 for wait in waits), len(final))


def _cost(connected: list[Seen], books: Books) -> Result:
    priced = [call for call in connected if call.duration is not None and call.agent in books.prices]
    currencies = {books.prices[call.agent or ""][1] for call in priced}
    if len(currencies) != 1:
        return NOTHING
    return sum((call.duration or 0) / 60 * books.prices[call.agent or ""][0] for call in priced), len(priced)


# --- the vendors' own totals ------------------------------------------------------------------------------------------


def told(name: str, filters: Filters, keys: dict[str, str | None], span: Span, books: Books) -> Result:
    """A vendor's total of one row; nothing where it cannot be split as asked."""
    environments = {str(key) for key in filters.environments} or set(books.vendors)
    agents = {str(key) for key in filters.agents}
    whole = Filters(environments=filters.environments, agents=filters.agents, zone=filters.zone)
    if replace(filters, testing="exclude") != whole or filters.testing == "only":
        return NOTHING
    if name == "campaign_success_rate":
        if not set(keys) <= {"environment", "agent"}:
            return NOTHING
        rows = [
            row
            for row in books.campaigns
            if row[0] in environments
            and (not agents or row[1] in agents)
            and keys.get("environment", row[0]) == row[0]
            and keys.get("agent", row[1]) == row[1]
        ]
        return share(sum(row[3] for row in rows), sum(row[2] for row in rows)) if rows else NOTHING
    if agents or not set(keys) <= CALLBACK_GRAINS:
        return NOTHING
    rows = [
        (day, amounts)
        for environment, day, amounts in books.told
        if environment in environments
        and span.first <= day <= span.last
        and all(_told_key(key, environment, day) == value for key, value in keys.items())
    ]
    # A day of which only a part counts has no total.
    if not rows or any(span.end < midnight(day + timedelta(days=1), span.zone) for day, _amounts in rows):
        return NOTHING
    sums = {key: sum(amounts[key] for _day, amounts in rows) for key in TOTALS}
    return share(sums["answered"], sums["received"]) if name not in TOLD else count(sums[TOLD[name]])


def _told_key(key: str, environment: str, day: date) -> str:
    return environment if key == "environment" else time_keys(datetime.combine(day, time(12), UTC))[key]


# --- answers ----------------------------------------------------------------------------------------------------------


@dataclass
class Recounted:
    """The rows of an answer and its totals; of each the groups, so that only what is asked is counted."""

    question: Question
    span: Span
    books: Books
    rows: dict[Key, Group]
    whole: Group

    @classmethod
    def of(cls, question: Question, span: Span, books: Books) -> "Recounted":
        def asked(calls: Iterable[Seen]) -> list[Seen]:
            return filtered(filter(span.holds, calls), question.filters, span.zone)

        dialled = {str(key) for key in question.filters.source_agents}
        returns = {each.ring: each for each in books.returns if not dialled or each.attempts[-1].agent in dialled}
        whole = Group(asked(books.calls))
        for call in whole.calls:
            _sort_in(call, whole, returns, books)
        rows: dict[Key, Group] = defaultdict(Group)
        for call in whole.calls if question.by else ():
            keys = keys_of(call, span.zone)
            if not dialled and "source_agent" not in question.by:
                group = rows[tuple(keys[key] for key in question.by)]
                group.calls.append(call)
                _sort_in(call, group, {}, books)
            if call in returns:
                answered = keys_of(returns[call].attempts[-1], span.zone)
                place = tuple((answered if key in OF_ATTEMPTS else keys)[key] for key in question.by)
                if place in rows or OF_RETURNS & set(question.metrics):
                    rows[place].returns.append(returns[call])
        _try(whole, rows, question, span, books)
        found = cls(question, span, books, dict(rows), whole)
        if question.by:
            found._fill()
        return found

    def result(self, name: str, group: Group, keys: dict[str, str | None]) -> Result:
        able = self._vendors(keys)
        if (name in ORIGINSAI and "originsai" not in able) or (name in TALKOVER and "talkover" not in able):
            return NOTHING
        if name in CALLBACKS or name == "campaign_success_rate":
            return told(name, self.question.filters, keys, self.span, self.books)
        return figure(name, group, self.books)

    def _vendors(self, keys: dict[str, str | None]) -> set[str]:
        for key, value in keys.items():
            if key in ("environment", "agent", "source_agent") and value:
                return {self.books.vendors[value if key == "environment" else self.books.homes[value]]}
        chosen = {str(key) for key in self.question.filters.environments} or set(self.books.vendors)
        named = {str(key) for key in self.question.filters.agents}
        dialled = {str(key) for key in self.question.filters.source_agents}
        homes = chosen
        for agents in filter(None, (named, dialled)):
            homes = homes & {self.books.homes[agent] for agent in agents}
        return {self.books.vendors[key] for key in homes or chosen}

    def _fill(self) -> None:
        """Rows without calls: of each part of time, and of what only the vendors' totals know."""
        by, filters = self.question.by, self.question.filters
        environments = {str(key) for key in filters.environments} or set(self.books.vendors)
        seen = set(self.rows)
        for name in set(self.question.metrics) & {*CALLBACKS, "campaign_success_rate"}:
            campaigns = name == "campaign_success_rate"
            if not set(by) <= ({"environment", "agent"} if campaigns else CALLBACK_GRAINS):
                continue
            if campaigns:
                places = [{"environment": row[0], "agent": row[1]} for row in self.books.campaigns]
            else:
                places = [
                    {key: _told_key(key, environment, day) for key in CALLBACK_GRAINS}
                    for environment, day, _amounts in self.books.told
                    if self.span.first <= day <= self.span.last
                ]
            for place in places:
                keys = {key: place[key] for key in by}
                if place["environment"] in environments and told(name, filters, keys, self.span, self.books) != NOTHING:
                    seen.add(tuple(keys.values()))
        timely = [key for key in by if key in TIMES]
        if timely:
            others = {tuple(part for key, part in zip(by, row, strict=True) if key not in TIMES) for row in seen}
            for other in {()} if len(timely) == len(by) else others:
                for moment in times(self.span.first, self.span.last, self.span.zone, tuple(timely)):
                    parts, rest = iter(moment), iter(other)
                    seen.add(tuple(next(parts) if key in TIMES else next(rest) for key in by))
        for row in seen:
            self.rows.setdefault(row, Group())


def _sort_in(call: Seen, group: Group, returns: dict[Seen, Return], books: Books) -> None:
    if call in returns:
        group.returns.append(returns[call])
    if call in books.missed:
        group.missed.append(call)


def _try(whole: Group, rows: dict[Key, Group], question: Question, span: Span, books: Books) -> None:
    """Attempts, each for the agents that take its callbacks: what calls are chosen by is asked of the attempt, but for
    the agent.
    """
    filters = replace(question.filters, agents=(), source_agents=())
    rung, dialled = ({str(key) for key in some} for some in (question.filters.agents, question.filters.source_agents))
    came = {attempt: each.ring.agent for each in books.returns for attempt in each.attempts}
    for call in filtered(filter(span.holds, books.calls), filters, span.zone):
        if (
            call.direction != "outbound"
            or call.outcome != UNREACHED
            or call.test
            or (dialled and call.agent not in dialled)
        ):
            continue
        takers = {
            taker for taker, sources in books.sources.items() if call.agent in sources and taker in (rung or {taker})
        }
        places = [(whole, takers)] if takers else []
        for some in [{taker} for taker in takers] if "agent" in question.by else [takers]:
            keys = keys_of(call, span.zone) | {"agent": min(some, default=None)}
            place = tuple(keys[key] for key in question.by)
            if some and question.by and (place in rows or "return_rate" in question.metrics):
                places.append((rows[place], some))
        for group, wanted in places:
            group.tried.append(call)
            if came.get(call) in wanted:
                group.came.append(call)


@cache
def times(first: date, last: date, zone: str, keys: tuple[str, ...]) -> tuple[Key, ...]:
    """The parts of time of these days in order, each quarter of an hour asked."""
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return tuple(dict.fromkeys(tuple(told[key] for key in keys) for day in days for told in _quarters(day, zone)))


@cache
def _quarters(day: date, zone: str) -> list[dict[str, str]]:
    at, until, rules = midnight(day, zone), midnight(day + timedelta(days=1), zone), ZoneInfo(zone)
    found = []
    while at < until:
        found.append(time_keys(at.astimezone(rules)))
        at += timedelta(minutes=15)
    return found


def faced(row: Key, question: Question, span: Span, before: Span) -> Key | None:
    """The row of the period before that a row is compared with: days, weeks and months by their place."""
    keys = []
    for key, value in zip(question.by, row, strict=True):
        if key in ("day", "week", "month"):
            here, there = (times(each.first, each.last, each.zone, (key,)) for each in (span, before))
            place = here.index((value,))
            if place >= len(there):
                return None
            value = there[place][0]
        keys.append(value)
    return tuple(keys)


def change(value: float | None, before: float | None, *, rate: bool) -> float | None:
    """In percentage points of a rate, else relative in percent; nothing to say of nothing and of zero."""
    if value is None or before is None:
        return None
    if rate:
        return value - before
    return 100 * (value - before) / before if before else None

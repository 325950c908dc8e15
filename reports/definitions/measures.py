"""What is counted of calls.

*Sums* add up over any calls and are counted by vendor. *Percentiles*, *distinct* contacts and *overlaps* do not add up:
each grouping, and the whole, is asked for by itself. *Vendor totals* are the vendors' own, *callback counts* come of
the join of calls that come back to those they answer.

The SQL for rows of the database reads both databases alike: instants become whole Unix seconds, and no zone rule of the
database is used.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import BigIntegerField, DateTimeField, F, Func, Value

from reports.definitions.written import Written, listed
from sync.providers import registry
from sync.taxonomy import OPEN_STATUSES, UNRESOLVED_HOURS, Direction, Outcome, Status

# Conversations this long count as engaged: Twilio's "engaged calls" begin at half a minute.
ENGAGED_SECONDS = 30
# The line of the customary 80/20 service level: 80 % answered within 20 s (Genesys, Amazon Connect defaults).
SERVICE_LEVEL_SECONDS = 20
# The two lines that Brazil's regulator (Anatel) has drawn for short calls, as reported by the press: 3 s, then 6 s.
SHORT_SECONDS = (3, 6)

FINAL = frozenset({Outcome.CONNECTED, Outcome.UNREACHED})
CONNECTED = frozenset({Outcome.CONNECTED})


# --- Measures -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sums:
    """The sum of a column over the calls of some outcomes, statuses and one direction; empty means any."""

    key: str
    column: str = "n"
    outcomes: frozenset[str] = frozenset()
    statuses: frozenset[str] = frozenset()
    direction: str = ""

    def counts(self, direction: str, status: str, outcome: str) -> bool:
        return (
            (not self.outcomes or outcome in self.outcomes)
            and (not self.statuses or status in self.statuses)
            and (not self.direction or direction == self.direction)
        )


@dataclass(frozen=True, slots=True)
class Distinct:
    """Different contacts; ``connected`` looks at connected calls only."""

    key: str
    connected: bool = False


@dataclass(frozen=True, slots=True)
class Percentile:
    """The value that ``share`` of all are not above: between the two next to the rank, linearly, as PERCENTILE_CONT.

    ``source`` is ``duration`` (ms, connected calls), ``stt``, ``llm``, ``tts`` (ms a turn) or ``wait`` (ms from an
    attempt to the call that returns it). Gives the value and how many there are of the source.
    """

    source: str
    share: float

    @property
    def key(self) -> str:
        return f"{self.source}_{self.share}"


@dataclass(frozen=True, slots=True)
class Overlap:
    """The most connected calls at one time."""

    key: str


@dataclass(frozen=True, slots=True)
class VendorTotal:
    """A vendor's figure: ``callbacks`` of UTC days, ``campaigns``' running totals, connected time at list ``price``."""

    key: str
    source: str
    column: str


@dataclass(frozen=True, slots=True)
class CallbackCount:
    """A figure of the callback loop: calls joined to the calls they answer, and missed calls nobody has followed up.

    ``column`` is ``returns``, ``attempts`` before them, contacts ``unreached`` and of them ``returned``, contacts still
    ``open``.
    """

    key: str
    column: str


Measure = Sums | Distinct | Percentile | Overlap | VendorTotal | CallbackCount


def is_of_loop(measure: Measure) -> bool:
    """Whether it is about the callback loop."""
    return isinstance(measure, CallbackCount) or (isinstance(measure, Percentile) and measure.source == "wait")


def is_of_returns(measure: Measure) -> bool:
    """Whether it is about attempts and the calls that answer them. Who is still waiting need not have been called."""
    return is_of_loop(measure) and getattr(measure, "column", "") != "open"


ATTEMPTS = Sums("attempts")
ANSWERED = Sums("connected", outcomes=CONNECTED)
ENDED = Sums("final", outcomes=FINAL)
OPEN = Sums("open", outcomes=frozenset({Outcome.OPEN}))
UNRESOLVED = Sums("unresolved", outcomes=frozenset({Outcome.UNRESOLVED}))
UNANSWERED = Sums("no_answer", outcomes=FINAL, statuses=frozenset({Status.NO_ANSWER}))
ENGAGED_LINE = Sums("busy", outcomes=FINAL, statuses=frozenset({Status.BUSY}))
FAILURES = Sums("failed", outcomes=FINAL, statuses=frozenset({Status.FAILED}))
INBOUND = Sums("inbound", outcomes=FINAL, direction=Direction.INBOUND)
MISSED = Sums("missed", outcomes=frozenset({Outcome.UNREACHED}), direction=Direction.INBOUND)
TALK_MS = Sums("talk_ms", "duration_ms", CONNECTED)
TALKS = Sums("talks", "timed", CONNECTED)
BILLED_MS = Sums("billed_ms", "billed_ms")
BILLS = Sums("bills", "billed")
SHORT_3 = Sums("short_3", "short_3", FINAL)
SHORT_6 = Sums("short_6", "short_6", FINAL)
SHORT_TALKS_3 = Sums("short_talks_3", "short_3", CONNECTED)
SHORT_TALKS_6 = Sums("short_talks_6", "short_6", CONNECTED)
CONVERSATIONS = Sums("conversations", "engaged", CONNECTED)
PICKUPS = Sums("pickups", "picked_up", CONNECTED)
PICKUP_MS = Sums("pickup_ms", "pickup_ms", CONNECTED)
QUICK_PICKUPS = Sums("quick_pickups", "picked_up_soon", CONNECTED)
DIALLED = Sums("dialled", "dialled")  # calls with a known contact
CONTACTS = Distinct("contacts")
REACHED = Distinct("reached", connected=True)
PEAK = Overlap("peak")
CALLBACKS_RECEIVED = VendorTotal("callbacks_received", "callbacks", "received")
CALLBACKS_ANSWERED = VendorTotal("callbacks_answered", "callbacks", "answered")
CALLBACKS_UNMATCHED = VendorTotal("callbacks_unmatched", "callbacks", "unmatched")
CAMPAIGN_CALLS = VendorTotal("campaign_calls", "campaigns", "total_calls")
CAMPAIGN_SUCCESSES = VendorTotal("campaign_successes", "campaigns", "completed_calls")
PRICED = VendorTotal("priced", "price", "cost")
RETURNS = CallbackCount("returns", "returns")
RETURN_ATTEMPTS = CallbackCount("return_attempts", "attempts")
NOT_REACHED = CallbackCount("not_reached", "unreached")
CAME_BACK = CallbackCount("came_back", "returned")
STILL_OPEN = CallbackCount("still_open", "open")


# --- Sums in SQL --------------------------------------------------------------------------------------------------


class Seconds(Func):
    """Whole Unix seconds of a timestamp column; fractions are cut, not rounded."""

    output_field = BigIntegerField()
    arity = 1

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        template = "CAST(strftime('%%%%s', substr(%(expressions)s, 1, 19)) AS INTEGER)"
        return self.as_sql(compiler, connection, template=template, **extra)

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self.as_sql(compiler, connection, template="FLOOR(EXTRACT(EPOCH FROM %(expressions)s))::bigint", **extra)


class Microseconds(Func):
    """Unix time of a timestamp column in microseconds, exact."""

    output_field = BigIntegerField()
    arity = 1

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        template = (
            "(CAST(strftime('%%%%s', substr(%(expressions)s, 1, 19)) AS INTEGER) * 1000000"
            " + CAST(substr(substr(%(expressions)s, 21) || '000000', 1, 6) AS INTEGER))"
        )
        return self.as_sql(compiler, connection, template=template, **extra)

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        template = "(EXTRACT(EPOCH FROM %(expressions)s) * 1000000)::bigint"
        return self.as_sql(compiler, connection, template=template, **extra)


# What each column of a sum is over a group of calls in the column files: what is added up, or nothing where calls are
# counted; and the condition of the calls it is over.
_US = 1_000_000
COLUMNS: dict[str, tuple[str, str]] = {
    "n": ("", ""),
    "dialled": ("", "contact <> 0"),
    "timed": ("", "duration_ms IS NOT NULL"),
    "duration_ms": ("duration_ms", ""),
    "billed": ("", "billed_ms IS NOT NULL"),
    "billed_ms": ("billed_ms", ""),
    "short_3": ("", f"duration_ms <= {SHORT_SECONDS[0] * 1000}"),
    "short_6": ("", f"duration_ms <= {SHORT_SECONDS[1] * 1000}"),
    "engaged": ("", f"duration_ms >= {ENGAGED_SECONDS * 1000}"),
    "picked_up": ("", "pickup_us IS NOT NULL"),
    "pickup_ms": ("intDiv(pickup_us, 1000)", ""),
    "picked_up_soon": ("", f"pickup_us <= {SERVICE_LEVEL_SECONDS * _US}"),
}


class Test(NamedTuple):
    """Something that is true of a call in the column files or not; ``outcomes``, where it is that it counts as one."""

    sql: str
    outcomes: frozenset[str] = frozenset()


def tests_of(measure: Sums) -> tuple[Test, ...]:
    """What is true of the calls that a measure is over. Each is of one column, so that it is quick to look at."""
    tests = [Test(COLUMNS[measure.column][1])] if COLUMNS[measure.column][1] else []
    if measure.outcomes:
        tests.append(Test(f"outcome IN ({listed(sorted(map(str, measure.outcomes)))})", measure.outcomes))
    if measure.statuses:
        tests.append(Test(f"status IN ({listed(sorted(map(str, measure.statuses)))})"))
    if measure.direction:
        tests.append(Test(f"direction = '{measure.direction}'"))
    return tuple(tests)


def traits_sql(tests: Iterable[Test], first: int = 0) -> str:
    """One number of which each test is a bit, from the bit ``first`` on: calls of the same number count alike."""
    bits = (f"CASE WHEN {test.sql} THEN {1 << place} ELSE 0 END" for place, test in enumerate(tests, first))
    return " + ".join(bits) or "0"


def outcome(providers: Mapping[int, str], now: datetime) -> Written:
    """What a call counts as at ``now``, as SQL. ``providers`` maps the environments in question to their vendors."""
    waiting = f"CASE WHEN {{started}} <= {{long_ago}} THEN '{Outcome.UNRESOLVED.value}' ELSE '{Outcome.OPEN.value}' END"
    lines, moments, settles = [], {}, []
    for provider in sorted(set(providers.values())):
        environments = sorted(key for key, name in providers.items() if name == provider)
        if (hours := registry.settles_hours(provider)) is not None:
            settles += environments
            moments[f"settled_{provider}"] = _instant(now - timedelta(hours=hours))
            here = f"{{environment}} IN ({listed(environments)}) AND {{started}} > {{settled_{provider}}}"
            lines.append(f"WHEN {{status}} = '{Status.ANSWERED.value}' AND {here} THEN '{Outcome.OPEN.value}'")
    unended = f"{{status}} = '{Status.ANSWERED.value}' AND {{ended}} IS NULL"
    if settles:
        unended += f" AND {{environment}} NOT IN ({listed(settles)})"
    return Written(
        f"CASE WHEN {{status}} IN ({listed(sorted(OPEN_STATUSES))}) THEN {waiting} {' '.join(lines)}"
        f" WHEN {unended} THEN {waiting}"
        f" WHEN {{status}} IN ({listed((Status.ANSWERED.value, Status.COMPLETED.value))})"
        f" THEN '{Outcome.CONNECTED.value}' ELSE '{Outcome.UNREACHED.value}' END",
        status=F("status"),
        started=F("started_at"),
        ended=F("ended_at"),
        environment=F("environment_id"),
        long_ago=_instant(now - timedelta(hours=UNRESOLVED_HOURS)),
        **moments,
    )


def _instant(at: datetime) -> Value:
    return Value(at, output_field=DateTimeField())


@dataclass(slots=True)
class Tally:
    """Sums by vendor: what one row of an answer rests on."""

    amounts: dict[str, Counter[str]] = field(default_factory=dict)

    def of(self, vendor: str) -> Counter[str]:
        """The sums of one vendor's calls by the keys of their measures, to add to."""
        return self.amounts.setdefault(vendor, Counter())

    def value(self, measure: Sums, vendors: Collection[str] | None = None) -> int:
        """The measure over the calls of ``vendors``, all of them by default."""
        return sum(
            amounts[measure.key] for vendor, amounts in self.amounts.items() if vendors is None or vendor in vendors
        )

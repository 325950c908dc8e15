"""What is counted, and how it merges.

*Sums* merge over any rows: they are counted in the database by vendor, direction, status and outcome, from the rollups
where these hold and from the calls elsewhere. *Spreads* merge as histograms, *distinct* contacts as sets; *overlaps* do
not merge and are asked of the calls. *Told* figures are the vendors' own totals.

The SQL here reads both databases alike: instants become whole Unix seconds, and no zone rule of the database is used.
"""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any

from django.db.models import BigIntegerField, Count, DateTimeField, F, Func, Q, Sum, Value
from django.db.models.expressions import Combinable

from reports.written import Written, listed
from sync.taxonomy import ANSWERED_SETTLES_HOURS, OPEN_STATUSES, UNRESOLVED_HOURS, Direction, Outcome, Status

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
class Spread:
    """How values spread: ``source`` is ``duration`` (ms, connected calls) or ``stt``, ``llm``, ``tts`` (ms a turn)."""

    key: str
    source: str


@dataclass(frozen=True, slots=True)
class Overlap:
    """The most connected calls at one time."""

    key: str


@dataclass(frozen=True, slots=True)
class Told:
    """A vendor's figure: ``callbacks`` of UTC days, ``campaigns``' running totals, connected time at list ``price``."""

    key: str
    source: str
    column: str


@dataclass(frozen=True, slots=True)
class Looped:
    """A figure of the callback loop: calls joined to the calls they answer, and missed calls nobody has followed up.

    ``column`` is ``returns``, ``attempts`` before them, ``waited`` (ms), contacts ``unreached`` and of them
    ``returned``, contacts still ``open``.
    """

    key: str
    column: str


Measure = Sums | Distinct | Spread | Overlap | Told | Looped

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
CONVERSATIONS = Sums("conversations", "engaged", CONNECTED)
PICKUPS = Sums("pickups", "picked_up", CONNECTED)
PICKUP_MS = Sums("pickup_ms", "pickup_ms", CONNECTED)
QUICK_PICKUPS = Sums("quick_pickups", "picked_up_soon", CONNECTED)
DIALLED = Sums("dialled", "dialled")  # calls with a known contact
CONTACTS = Distinct("contacts")
REACHED = Distinct("reached", connected=True)
DURATIONS = Spread("durations", "duration")
STT, LLM, TTS = Spread("stt", "stt"), Spread("llm", "llm"), Spread("tts", "tts")
PEAK = Overlap("peak")
CALLBACKS_RECEIVED = Told("callbacks_received", "callbacks", "received")
CALLBACKS_ANSWERED = Told("callbacks_answered", "callbacks", "answered")
CALLBACKS_UNMATCHED = Told("callbacks_unmatched", "callbacks", "unmatched")
CAMPAIGN_CALLS = Told("campaign_calls", "campaigns", "total_calls")
CAMPAIGN_SUCCESSES = Told("campaign_successes", "campaigns", "completed_calls")
PRICED = Told("priced", "price", "cost")
RETURNS = Looped("returns", "returns")
RETURN_ATTEMPTS = Looped("return_attempts", "attempts")
RETURN_WAITS = Looped("return_waits", "waited")
NOT_REACHED = Looped("not_reached", "unreached")
CAME_BACK = Looped("came_back", "returned")
STILL_OPEN = Looped("still_open", "open")


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


_PICKUP_MS: Combinable = (Microseconds("answered_at") - Microseconds("started_at")) / Value(1000)
# A start without a zone still tells how long it rang when the pick-up came without one too. Where only one of them did,
# they are a quarter of an hour apart at least, as zones are; and a start taken from the pick-up is equal to it.
_PICKED_UP = Q(started_guessed=False, answered_at__gte=F("started_at")) | Q(
    started_guessed=True, answered_at__gt=F("started_at"), answered_at__lt=F("started_at") + timedelta(minutes=15)
)

# The columns of the rollups, and what each is over a group of calls.
COLUMNS: dict[str, Any] = {
    "n": Count("pk"),
    "dialled": Count("pk", filter=~Q(contact="")),
    "timed": Count("duration_ms"),
    "duration_ms": Sum("duration_ms"),
    "billed": Count("billed_ms"),
    "billed_ms": Sum("billed_ms"),
    "short_3": Count("pk", filter=Q(duration_ms__lte=SHORT_SECONDS[0] * 1000)),
    "short_6": Count("pk", filter=Q(duration_ms__lte=SHORT_SECONDS[1] * 1000)),
    "engaged": Count("pk", filter=Q(duration_ms__gte=ENGAGED_SECONDS * 1000)),
    "picked_up": Count("pk", filter=_PICKED_UP),
    "pickup_ms": Sum(_PICKUP_MS, filter=_PICKED_UP),
    "picked_up_soon": Count(
        "pk", filter=_PICKED_UP & Q(answered_at__lte=F("started_at") + timedelta(seconds=SERVICE_LEVEL_SECONDS))
    ),
}


def outcome(providers: Mapping[int, str], now: datetime) -> Written:
    """What a call counts as at ``now``, as SQL. ``providers`` maps the environments in question to their vendors."""
    waiting = f"CASE WHEN {{started}} <= {{long_ago}} THEN '{Outcome.UNRESOLVED.value}' ELSE '{Outcome.OPEN.value}' END"
    lines, moments, settles = [], {}, []
    for provider, hours in ANSWERED_SETTLES_HOURS.items():
        environments = sorted(key for key, name in providers.items() if name == provider)
        if environments:
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


# What the rollups of facets hold (``FacetDay``): sums of calls whatever their direction and status, each under its key.
FACET_SUMS = (ATTEMPTS, ANSWERED, ENDED, UNRESOLVED, TALKS, TALK_MS, SHORT_3, SHORT_6, CONVERSATIONS)


@dataclass(slots=True)
class Tally:
    """Sums by vendor: what one row of an answer rests on."""

    amounts: dict[str, Counter[str]] = field(default_factory=dict)

    def of(self, vendor: str) -> Counter[str]:
        """The sums of one vendor's calls by the keys of their measures, to add to."""
        return self.amounts.setdefault(vendor, Counter())

    def merge(self, other: "Tally") -> None:
        for vendor, amounts in other.amounts.items():
            self.of(vendor).update(amounts)

    def value(self, measure: Sums, vendors: Collection[str] | None = None) -> int:
        """The measure over the calls of ``vendors``, all of them by default."""
        return sum(
            amounts[measure.key] for vendor, amounts in self.amounts.items() if vendors is None or vendor in vendors
        )


# --- Spreads ------------------------------------------------------------------------------------------------------

GAMMA = 1.05  # a bucket reaches from γ^i to γ^(i+1), so its middle is at most 2.5 % off
_LOG_GAMMA = math.log(GAMMA)
ZERO = "z"  # the bucket of what is not above zero


def bucket(value: float) -> str:
    return ZERO if value <= 0 else str(math.floor(math.log(value) / _LOG_GAMMA))


def middle(name: str) -> float:
    """The geometric middle of a bucket."""
    return 0.0 if name == ZERO else GAMMA ** (int(name) + 0.5)


def histogram(values: Iterable[tuple[float, int]]) -> Counter[str]:
    """Counts by bucket of ``(value, count)`` pairs."""
    found: Counter[str] = Counter()
    for value, count in values:
        found[bucket(value)] += count
    return found


class Sample:
    """Values with how often each occurs."""

    def __init__(self, values: Mapping[float, int]) -> None:
        self._values = sorted(values)
        self._until = list(accumulate(values[value] for value in self._values))

    @classmethod
    def of_histogram(cls, counts: Mapping[str, int]) -> "Sample":
        return cls({middle(name): count for name, count in counts.items()})

    @property
    def n(self) -> int:
        return self._until[-1] if self._until else 0

    def percentile(self, share: float) -> float | None:
        """Between the order statistics next to the rank, linearly, as PERCENTILE_CONT; None without values."""
        if not self.n:
            return None
        rank = share * (self.n - 1)
        low = math.floor(rank)
        here, there = (self._values[bisect_right(self._until, at)] for at in (low, min(low + 1, self.n - 1)))
        return here + (there - here) * (rank - low)

"""The mirror as plain Python holds it: calls, agents and the vendors' totals, read once, with keys and calendars told
call by call by the zones' own rules, and the callback loop joined naively.

What :mod:`tests.journeys.recount` counts over it shares nothing with the modules that answer questions.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from portal.lib.phones import AREA_CODES
from reports.definitions.ended_by import side_of
from reports.queries.question import Filters, Question
from sync.models.agents import Agent
from sync.models.callbacks import CallbackDay
from sync.models.calls import Call
from sync.models.campaigns import Campaign
from tests.journeys.truth import CONNECTED, OPEN, UNREACHED, UNRESOLVED

TIMES = ("hour", "day", "week", "month", "weekday", "hour_of_day")
TOTALS = ("received", "answered", "unmatched")
BANDS = ((3, "0-3"), (6, "3-6"), (15, "6-15"), (30, "15-30"), (60, "30-60"), (120, "60-120"), (300, "120-300"),
         (600, "300-600"))  # fmt: skip


@dataclass(frozen=True, eq=False)
class Seen:
    """A mirrored call, as it counts at the books' moment. ``duration`` and ``billed`` in seconds."""

    id: str
    environment: str
    vendor: str
    agent: str | None
    start: datetime
    direction: str
    status: str
    outcome: str
    test: bool
    contact: str
    line: str
    cause: str
    duration: float | None
    billed: float | None
    wait: float | None  # until the pick-up, of connected calls
    latencies: dict[str, list[float]]


@dataclass(frozen=True, eq=False)
class Return:
    """A ring and the attempts it answers, oldest first."""

    ring: Seen
    attempts: tuple[Seen, ...]

    @property
    def minutes(self) -> float:
        return (self.ring.start - self.attempts[-1].start).total_seconds() / 60


@dataclass
class Books:
    """All that a tenant's mirror holds, and ``now``."""

    now: datetime
    hours: int  # within which a call back counts
    vendors: dict[str, str]  # by environment
    homes: dict[str, str]  # the environment of each agent
    prices: dict[str, tuple[float, str]]  # by agent: list price a minute, currency
    calls: list[Seen]
    told: list[tuple[str, date, dict[str, int]]]  # callback totals by environment and UTC day
    campaigns: list[tuple[str, str | None, int, int]]  # environment, agent, calls, completed
    sources: dict[str, set[str]]  # agents whose callbacks an agent takes
    returns: list[Return] = field(default_factory=list)
    missed: set[Seen] = field(default_factory=set)  # and nobody has connected with the contact since

    @classmethod
    def read(cls, tenant, now: datetime) -> "Books":
        """The wall of the tenant must be open."""
        agents = list(Agent.objects.select_related("environment"))
        keys = {(row.environment_id, row.external_id): str(row.public_id) for row in agents}
        rows = Call.objects.select_related("environment", "agent").order_by("started_at", "id")
        books = cls(
            now,
            tenant.callback_hours,
            {str(row.environment.public_id): row.environment.provider for row in agents},
            {str(row.public_id): str(row.environment.public_id) for row in agents},
            {
                str(row.public_id): (float(row.price_per_minute), row.currency)
                for row in agents
                if row.price_per_minute is not None
            },
            [_seen(row, now) for row in rows],
            [
                (
                    str(row.environment.public_id),
                    row.day,
                    {name: getattr(row, name) for name in TOTALS},
                )
                for row in CallbackDay.objects.select_related("environment")
            ],
            [
                (
                    str(row.environment.public_id),
                    str(row.agent.public_id) if row.agent else None,
                    row.total_calls,
                    row.completed_calls or 0,
                )
                for row in Campaign.objects.select_related("environment", "agent")
                if row.total_calls is not None
            ],
            {
                str(row.public_id): {keys.get((row.environment_id, str(source)), "") for source in row.callback_sources}
                for row in agents
                if row.takes_callbacks
            },
        )
        books.returns = list(_join(books))
        books.missed = set(_open_ends(books))
        return books

    @property
    def covered(self) -> set[str]:
        return set().union(*self.sources.values())


def _seen(row: Call, now: datetime) -> Seen:
    vendor = row.environment.provider
    result = _outcome(row, vendor, now)
    ours = row.from_number if row.direction == "outbound" else row.to_number
    wait = None
    if vendor == "originsai" and result == CONNECTED and row.answered_at and not row.started_guessed:
        wait = (row.answered_at - row.started_at).total_seconds()
    return Seen(
        str(row.pk), str(row.environment.public_id), vendor, str(row.agent.public_id) if row.agent else None,
        row.started_at, row.direction, row.status, result, row.is_test, row.contact,
        "".join(character for character in ours if character not in "+ -().\u00a0/"), row.hangup_cause,
        None if row.duration_ms is None else row.duration_ms / 1000,
        None if row.billed_ms is None else row.billed_ms / 1000, wait, row.latencies or {},
    )  # fmt: skip


def _outcome(row: Call, vendor: str, now: datetime) -> str:
    age = now - row.started_at
    waiting = OPEN if age <= timedelta(hours=48) else UNRESOLVED
    if row.status in ("initiated", "ringing", "queued", "in-progress"):
        return waiting
    if row.status == "answered" and vendor == "talkover":
        return OPEN if age < timedelta(hours=2) else CONNECTED
    if row.status == "answered" and row.ended_at is None:
        return waiting
    return CONNECTED if row.status in ("answered", "completed") else UNREACHED


# --- the callback loop ------------------------------------------------------------------------------------------------


def _join(books: Books) -> Iterable[Return]:
    """Each attempt is answered by the first ring after it, within the hours, to an agent that takes its callbacks."""
    window = timedelta(hours=books.hours)
    attempts = [call for call in books.calls if call.direction == "outbound" and not call.test and call.contact]
    answered: set[Seen] = set()
    for ring in books.calls:
        if ring.direction == "inbound" and ring.agent in books.sources and ring.contact and not ring.test:
            given = [
                call
                for call in attempts
                if call.contact == ring.contact
                and call.environment == ring.environment
                and call.agent in books.sources[ring.agent]
                and call not in answered
                and timedelta() < ring.start - call.start <= window
            ]
            if given:
                answered.update(given)
                yield Return(ring, tuple(given))


def _open_ends(books: Books) -> Iterable[Seen]:
    connected: dict[tuple[str, str], datetime] = {}
    for call in books.calls:
        if call.outcome == CONNECTED and not call.test and call.contact:
            connected[call.environment, call.contact] = call.start  # the last one stays
    for call in books.calls:
        if call.direction == "inbound" and call.outcome == UNREACHED and call.contact and not call.test:
            since = connected.get((call.environment, call.contact))
            if since is None or since <= call.start:
                yield call


# --- which calls, in which rows ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Span:
    """Instants of whole local days; ``end`` may be earlier, where a period is compared with one not over yet."""

    first: date
    last: date
    zone: str
    end: datetime

    @classmethod
    def of(cls, question: Question) -> "Span":
        period = question.period
        return cls(period.start, period.last_day, period.zone, midnight(period.end, period.zone))

    def before(self, now: datetime) -> "Span":
        """The same weekdays before, whole months before whole months; as long as this one is at ``now``."""
        first, after = self.first, self.last + timedelta(days=1)
        if first.day == after.day == 1:
            months = (after.year - first.year) * 12 + after.month - first.month
            number = first.year * 12 + first.month - 1 - months
            start, end = date(number // 12, number % 12 + 1, 1), first
        else:
            weeks = timedelta(days=-(-(after - first).days // 7) * 7)
            start, end = first - weeks, after - weeks
        until = midnight(end, self.zone)
        if midnight(first, self.zone) <= now < self.end:
            today = now.astimezone(ZoneInfo(self.zone)).date()
            until = min(until, midnight(start + (today - first), self.zone) + (now - midnight(today, self.zone)))
        return Span(start, end - timedelta(days=1), self.zone, until)

    def holds(self, call: Seen) -> bool:
        return call.start < self.end and self.first <= call.start.astimezone(ZoneInfo(self.zone)).date() <= self.last


def midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


@cache
def keys_of(call: Seen, zone: str) -> dict[str, str | None]:
    """What a call is grouped by, in the words of the API."""
    local = call.start.astimezone(ZoneInfo(zone))
    brazilian = call.contact.startswith("55") and len(call.contact) in (12, 13) and call.contact[2:4] in AREA_CODES
    seconds = call.duration
    band = None if seconds is None else next((name for most, name in BANDS if seconds <= most), "600+")
    return {
        **time_keys(local),
        "agent": call.agent,
        "source_agent": call.agent,
        "environment": call.environment,
        "status": call.status,
        "direction": call.direction,
        "cause": call.cause or None,
        "side": side_of(call.cause, call.status) or None,
        "area_code": call.contact[2:4] if brazilian else None,
        "line": call.line or None,
        "length": band,
    }


def time_keys(local: datetime) -> dict[str, str]:
    hour = local.replace(minute=0, second=0, microsecond=0)
    day = local.date()
    return {
        "hour": hour.isoformat(),
        "day": day.isoformat(),
        "week": (day - timedelta(days=day.weekday())).isoformat(),
        "month": day.replace(day=1).isoformat(),
        "weekday": str(day.isoweekday()),
        "hour_of_day": str(hour.hour),
    }


def filtered(calls: Iterable[Seen], filters: Filters, zone: str) -> list[Seen]:
    found = []
    for call in calls:
        keys = keys_of(call, zone)
        numbers = (call.contact, call.line)
        wanted, match = filters.number, filters.number_match
        if match in ("begins", "exact"):  # a Brazilian number may be named without its country's code, as people do
            numbers += tuple(
                number[2:]
                for number in numbers
                if number[:2] == "55"
                and number[2:4] in AREA_CODES
                and len(number) in ((12, 13) if number[4] == "9" else (12,))
            )
        tests = {"contains": str.__contains__, "begins": str.startswith, "ends": str.endswith, "exact": str.__eq__}
        if (
            (not filters.environments or call.environment in map(str, filters.environments))
            and (not filters.agents or call.agent in map(str, filters.agents))
            and (not filters.statuses or call.status in filters.statuses)
            and filters.direction in ("", call.direction)
            and (not filters.outcomes or call.outcome in filters.outcomes)
            and (not filters.causes or (call.cause or "none") in filters.causes)
            and (not filters.sides or keys["side"] in filters.sides)
            and (not filters.area_codes or (keys["area_code"] or "none") in filters.area_codes)
            and filters.line in ("", call.line)
            and (not filters.weekdays or int(keys["weekday"] or 0) in filters.weekdays)
            and (not filters.hours or int(keys["hour_of_day"] or 0) in filters.hours)
            and (not wanted or any(tests[match](number, wanted) for number in numbers))
            and (filters.min_duration is None or (call.duration is not None and call.duration >= filters.min_duration))
            and (filters.max_duration is None or (call.duration is not None and call.duration <= filters.max_duration))
            and (filters.testing == "include" or call.test == (filters.testing == "only"))
        ):
            found.append(call)
    return found

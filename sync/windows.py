"""Which days to read next. Pure.

Vendors have no "changed since": what is recent is read again and again, what is older less and less, and what is old
only when asked. Every day is read at least once after it settled, because a call may start late, last an hour, and be
corrected for days.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

# (days back from today, how old a whole reading may be)
OVERLAP = (2, timedelta(minutes=15))
DAILY = (7, timedelta(hours=24))
WEEKLY = (30, timedelta(days=7))
RETRY = (timedelta(minutes=1), timedelta(hours=1))  # after a failed window: first pause, longest pause
MANY_GONE = 10  # elements of a part that are doubted when they vanish together
BELIEVED_AFTER = timedelta(hours=24)  # for how long a mass absence must be told before it is taken for the truth
LISTS = {"agents": timedelta(hours=1), "campaigns": timedelta(hours=1), "calls": timedelta(minutes=5)}


@dataclass(frozen=True, slots=True)
class Seen:
    """What the ledger knows of a part."""

    whole: bool
    read_at: datetime | None  # last whole reading
    next_attempt_at: datetime | None = None  # of a failed part: not before; of a whole one: asked for by a person


def days(since: date, until: date) -> list[date]:
    """All days from ``since`` to ``until``, inclusive, newest first: what people look at comes in first."""
    return [until - timedelta(days=back) for back in range((until - since).days + 1)]


def is_due(day: date, seen: Seen | None, now: datetime, *, fresh: timedelta | None = None) -> bool:
    """Whether a UTC day is to be read now. ``fresh`` replaces the overlap's pause: zero reads recent days at once."""
    if seen is None or seen.read_at is None or not seen.whole:
        return seen is None or seen.next_attempt_at is None or seen.next_attempt_at <= now or fresh is not None
    if seen.next_attempt_at is not None and seen.next_attempt_at <= now:
        return True
    age = now - seen.read_at
    back = (now.astimezone(UTC).date() - day).days
    if back <= OVERLAP[0]:
        return age >= (OVERLAP[1] if fresh is None else fresh)
    settled = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1 + OVERLAP[0])
    if seen.read_at < settled:
        return True
    return any(back <= reach and age >= pause for reach, pause in (DAILY, WEEKLY))


def due_days(since: date, now: datetime, ledger: Mapping[date, Seen], *, fresh: timedelta | None = None) -> list[date]:
    """The days that are due, newest first."""
    today = now.astimezone(UTC).date()
    return [day for day in days(since, today) if is_due(day, ledger.get(day), now, fresh=fresh)]


def list_is_due(stream: str, seen: Seen | None, now: datetime) -> bool:
    """Whether a part that is read whole (agents, campaigns, one agent's history) is to be read now."""
    if seen is None or seen.read_at is None or not seen.whole:
        return seen is None or seen.next_attempt_at is None or seen.next_attempt_at <= now
    if seen.next_attempt_at is not None and seen.next_attempt_at <= now:
        return True
    return now - seen.read_at >= LISTS[stream]


def is_mass_absence(had: int, gone: int) -> bool:
    """Whether more vanished at once than people delete: more than half, when that is ten or more or leaves nothing."""
    return gone * 2 > had and (gone >= MANY_GONE or gone == had)


def next_attempt(now: datetime, attempts: int, blocked_until: datetime | None) -> datetime:
    """When to try a failed window again: growing pauses, and never before the vendor's own wish."""
    pause: timedelta = min(RETRY[0] * 2 ** min(attempts, 10), RETRY[1])
    return max(now + pause, blocked_until or now)

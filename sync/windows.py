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
    """What the ledger knows of a part: whether it was read whole last, and from when on it is to be read again."""

    whole: bool
    next_at: datetime | None


def days(since: date, until: date) -> list[date]:
    """All days from ``since`` to ``until``, inclusive, newest first: what people look at comes in first."""
    return [until - timedelta(days=back) for back in range((until - since).days + 1)]


def day_again(day: date, read_at: datetime) -> datetime | None:
    """When a UTC day that was read whole at ``read_at`` is to be read again; None: only when somebody asks.

    What was due and could not be read in time stays due, however old the day is by then.
    """
    settled = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1 + OVERLAP[0])
    if read_at < settled:
        return min(read_at + OVERLAP[1], settled)
    for reach, pause in (DAILY, WEEKLY):
        again = read_at + pause
        if (again.astimezone(UTC).date() - day).days <= reach:
            return again
    return None


def again(stream: str, day: date | None, read_at: datetime) -> datetime | None:
    """When a part that was read whole is to be read again: a UTC day, or a list or history that has none."""
    return read_at + LISTS[stream] if day is None else day_again(day, read_at)


def is_due(seen: Seen | None, now: datetime) -> bool:
    """Whether a part is to be read now."""
    if seen is None or (seen.next_at is None and not seen.whole):
        return True
    return seen.next_at is not None and seen.next_at <= now


def due_days(since: date, now: datetime, ledger: Mapping[date, Seen], *, fresh: bool = False) -> list[date]:
    """The days that are due, newest first. ``fresh`` adds recent days and failed ones, whenever they were read."""
    today = now.astimezone(UTC).date()
    recent = today - timedelta(days=OVERLAP[0])
    return [
        day
        for day in days(since, today)
        if is_due(seen := ledger.get(day), now) or (fresh and (day >= recent or seen is None or not seen.whole))
    ]


def is_mass_absence(had: int, gone: int) -> bool:
    """Whether more vanished at once than people delete: more than half, when that is ten or more or leaves nothing."""
    return gone * 2 > had and (gone >= MANY_GONE or gone == had)


def hasten(factor: float) -> None:
    """Shorten the pauses between readings, for watching hours of reading go by in minutes."""
    global OVERLAP, LISTS, RETRY
    OVERLAP = (OVERLAP[0], OVERLAP[1] / factor)
    LISTS = {stream: pause / factor for stream, pause in LISTS.items()}
    RETRY = (RETRY[0] / factor, RETRY[1] / factor)


def next_attempt(now: datetime, attempts: int, blocked_until: datetime | None) -> datetime:
    """When to try a failed window again: growing pauses, and never before the vendor's own wish."""
    pause: timedelta = min(RETRY[0] * 2 ** min(attempts, 10), RETRY[1])
    return max(now + pause, blocked_until or now)

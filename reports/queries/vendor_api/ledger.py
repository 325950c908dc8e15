"""How far what a vendor's form answers is whole: the two ``X-Mirror`` headers. The rules are those of
``reports.queries.completeness.freshness``, for one environment and one stream, from one query over its windows.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time

from portal.tenants.models.tenants import Environment
from reports.definitions.periods import DAY, utc_date
from reports.queries.completeness.readings import FIRST_HOUR, reads_until
from reports.queries.scope import Scope
from reports.queries.seen import seen
from sync.models.runs import Window, WindowState
from sync.taxonomy import Stream


@dataclass(frozen=True, slots=True)
class Rests:
    """What an answer rests on: a stream, all of it or only some UTC days (inclusive), or one agent's part."""

    stream: Stream = Stream.CALLS
    first: date | None = None
    last: date | None = None
    part: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """``complete``: every window of the range was read whole and all in it understood, the last day's as of ``as_of``.

    ``as_of`` is the oldest last reading among the days that may still change, or among all of a range that is past;
    with nothing read yet it is when the environment was made, before which there was nothing to know.
    """

    as_of: datetime
    complete: bool


@dataclass(frozen=True, slots=True)
class _Read:
    """A window's last whole reading; ``day`` is None for a list or an agent's history."""

    day: date | None
    state: str
    read_at: datetime | None

    def is_whole(self, now: datetime) -> bool:
        """Today and yesterday may have been read before they ended: ``as_of`` tells."""
        if self.state != WindowState.COMPLETE or self.read_at is None:
            return False
        return self.day is None or self.read_at >= _end(self.day) or _end(self.day) > now - DAY


def standing(scope: Scope, environment: Environment, rests: Rests, now: datetime) -> Standing:
    """One query. Days ahead count as nothing to read; a past day without a window makes the answer incomplete.

    Without a first day the range begins with the first window there is.
    """
    rows = seen(Window, scope, [environment.pk]).filter(stream=rests.stream)
    if rests.part:
        rows = rows.filter(part=rests.part)
    now = reads_until(environment, now)
    dated = rests.first is not None or rests.last is not None
    if rests.first and rests.first > date.min:
        rows = rows.filter(day__gte=rests.first - DAY)  # with the day before, which may have to stand in
    if rests.last:
        rows = rows.filter(day__lte=rests.last)
    windows = [_Read(*row) for row in rows.values_list("day", "state", "read_at")]
    rests = _before_todays_first(windows, rests, now)
    if rests.first:
        windows = [window for window in windows if window.day is None or window.day >= rests.first]
    complete = bool(windows) and all(window.is_whole(now) for window in windows)
    if complete and dated:
        complete = _covers([window.day for window in windows if window.day], rests, now)
    return Standing(_as_of(windows, now) or environment.created_at, complete)


def _before_todays_first(windows: Iterable[_Read], rests: Rests, now: datetime) -> Rests:
    """A range that reaches a day which began within the hour and was not read yet ends with the day before, if that one
    was read whole within the hour.
    """
    today = utc_date(now)
    begins, ends = rests.first or today, rests.last or today
    days = {window.day: window for window in windows}
    before = days.get(today - DAY)
    if not begins <= today <= ends or today in days or now - _end(today - DAY) >= FIRST_HOUR:
        return rests
    if before is None or before.read_at is None or not before.is_whole(now) or now - before.read_at >= FIRST_HOUR:
        return rests
    first = min(rests.first, today - DAY) if rests.first else None
    return replace(rests, first=first, last=today - DAY)


def _as_of(windows: Iterable[_Read], now: datetime) -> datetime | None:
    """A day read whole after it ended is not what makes an answer old, as long as newer days are in it."""
    read = [(window.day, window.read_at) for window in windows if window.read_at is not None]
    last = max((day for day, _ in read if day is not None), default=None)
    if last is None or last < utc_date(now) - DAY:
        return min((read_at for _, read_at in read), default=None)
    return min(read_at for day, read_at in read if day is None or day == last or read_at < _end(day))


def _covers(days: Iterable[date], rests: Rests, now: datetime) -> bool:
    """Whether there is a window for each UTC day of the range up to today."""
    read_days = set(days)
    first = rests.first or min(read_days, default=utc_date(now))
    last = min(rests.last or utc_date(now), utc_date(now))
    return len({day for day in read_days if day <= last}) == max(0, (last - first).days + 1)


def _end(day: date) -> datetime:
    return datetime.combine(day, time(), UTC) + DAY

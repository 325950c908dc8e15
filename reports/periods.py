"""Days, weeks and months in a zone, and the period to compare with. Pure.

A period is whole local days, half-open: ``[start, end)``. Its edges are instants found through the zone's rules, so a
day may have 23 or 25 hours, and none is lost or counted twice.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo


@lru_cache(maxsize=8192)
def day_start(day: date, zone: str) -> datetime:
    """The first instant of a local day, in UTC. Where midnight does not exist the day begins when the gap ends."""
    local = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
    instant = local.astimezone(UTC)
    if instant.astimezone(ZoneInfo(zone)).date() < day:  # midnight fell into a gap: fold=0 maps before it
        instant = local.replace(fold=1).astimezone(UTC)
    back = instant.astimezone(ZoneInfo(zone))
    if back.date() == day and (back.hour, back.minute) != (0, 0):
        # The gap's end is the first instant of the day: drop the part of the clock that was skipped into.
        skipped = timedelta(hours=back.hour, minutes=back.minute) - (
            back.utcoffset() - (back - timedelta(days=1)).utcoffset()  # type: ignore[operator]
        )
        instant -= skipped
    return instant


@dataclass(frozen=True, slots=True)
class Period:
    start: date
    end: date  # exclusive
    zone: str

    @property
    def days(self) -> int:
        return (self.end - self.start).days

    @property
    def last_day(self) -> date:
        return self.end - timedelta(days=1)

    @property
    def starts_at(self) -> datetime:
        return day_start(self.start, self.zone)

    @property
    def ends_at(self) -> datetime:
        return day_start(self.end, self.zone)

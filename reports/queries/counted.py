"""Which days the rollups hold, asked for a page's questions together."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from reports.measures import Microseconds
from reports.queries.bundle import Bundle, Later, moment
from reports.rollups.trust import counted_days, trusted_days


@dataclass(frozen=True, slots=True)
class Counted:
    """The days whose rollups hold, by environment, and how many calls of any kind began on each."""

    days: Mapping[int, set[date]] = field(default_factory=dict)
    calls: Mapping[int, Mapping[date, int]] = field(default_factory=dict)


def counted(
    bundle: Bundle, environments: Collection[int], zone: str, days: tuple[date, date], now: datetime
) -> Later[Counted]:
    """The days from ``days[0]`` up to ``days[1]``, which is excluded. ``zone`` is the tenant's."""
    rows = counted_days(environments, zone).filter(day__gte=days[0], day__lt=days[1])
    got = bundle.add(rows, "environment_id", "day", Microseconds("counted_at"), "calls")

    def read() -> Counted:
        calls: dict[int, dict[date, int]] = defaultdict(dict)
        ledger = []
        for environment, told, counted_at, n in got.rows:
            day, at = date.fromisoformat(told), moment(counted_at)
            if at is not None:
                ledger.append((environment, day, at))
                calls[environment][day] = n
        return Counted(trusted_days(ledger, zone, now), calls)

    return read

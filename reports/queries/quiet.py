"""Where to look for calls that may be few: not on days of which the rollups know that no such call began.

Rollups tell of statuses, directions, outcomes, causes, sides and area codes. Days they do not hold for good, today
above all, are always looked through, so what is left out is left out rightly.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from reports.periods import day_number, day_start
from reports.queries.chosen import NONE, Filters
from reports.queries.filters import Reach
from reports.queries.plan import runs
from reports.rollups.models import DayRollup, FacetDay
from reports.rollups.trust import counted_days, trusted_days

MOST_GAPS = 2  # of an environment: each costs the statement a part


@dataclass(frozen=True, slots=True)
class Stretch:
    """From an instant to another that is excluded; None for no bound."""

    start: datetime | None = None
    end: datetime | None = None


EVERYWHERE: tuple[Stretch, ...] = (Stretch(),)


def stretches(reach: Reach, key: int) -> tuple[Stretch, ...]:
    """The stretches of time in which an environment can have a call that is left. A few queries, once."""
    if "quiet" not in reach.found:
        reach.found["quiet"] = _quiet(reach) if _told(reach.filters) else {}
    days: set[date] = reach.found["quiet"].get(key, set())
    longest = sorted(runs(sorted(days)), key=lambda run: run.last - run.first, reverse=True)
    gaps = sorted(longest[:MOST_GAPS], key=lambda run: run.first)
    if not gaps:
        return EVERYWHERE
    zone = reach.scope.zone
    found, start = [], None
    for gap in gaps:
        found.append(Stretch(start, day_start(gap.first, zone)))
        start = day_start(gap.last + timedelta(days=1), zone)
    return (*found, Stretch(start, None))


def _told(chosen: Filters) -> bool:
    """Whether the rollups tell of a filter. Of test calls they know nothing."""
    return chosen.testing == "exclude" and bool(
        chosen.statuses or chosen.direction or chosen.outcomes or _facets(chosen)
    )


def _facets(chosen: Filters) -> dict[str, list[str]]:
    told = {"cause": chosen.causes, "side": chosen.sides, "area_code": chosen.area_codes}
    return {facet: ["" if word == NONE else word for word in words] for facet, words in told.items() if words}


def _quiet(reach: Reach) -> dict[int, set[date]]:
    """Days by environment that the rollups hold for good, and hold no such call of."""
    keys, chosen, zone = sorted(reach.environments), reach.filters, reach.scope.zone
    ledger = counted_days(keys, zone).values_list("environment_id", "day", "counted_at")
    quiet = trusted_days(((key, day, at) for key, day, at in ledger if at is not None), zone, reach.now)
    busy: list[set[tuple[int, int]]] = []
    kinds = {"status": chosen.statuses, "direction": chosen.direction, "outcome": chosen.outcomes}
    wanted = {(name if isinstance(value, str) else f"{name}__in"): value for name, value in kinds.items() if value}
    if wanted:
        rows = DayRollup.objects.filter(environment_id__in=keys, **wanted).order_by()
        busy.append(set(rows.values_list("environment_id", "day").distinct()))
    for facet, words in _facets(chosen).items():
        rows_of = FacetDay.objects.filter(environment_id__in=keys, facet=facet, key__in=words).order_by()
        busy.append(set(rows_of.values_list("environment_id", "day").distinct()))
    return {
        key: {day for day in days if not all((key, day_number(day)) in known for known in busy)}
        for key, days in quiet.items()
    }

"""Sums of calls by group: from the rollups for the days they hold, from the calls for the others."""

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from django.db.models import F, QuerySet, Sum

from reports.dimensions import AREA_PARTS, DIMENSIONS, Clock, Key
from reports.measures import COLUMNS, Tally, outcome
from reports.queries.plan import Plan
from reports.rollups.models import AgentDayRollup, DayRollup

Group = tuple[Key, ...]
Tallies = dict[Group, Tally]


def count_sums(plan: Plan, by: tuple[str, ...], *, columns: Collection[str]) -> Tallies:
    """Sums of ``columns``, and always of ``n``, by group; a group without calls is left out. Two queries at most."""
    wanted = sorted({"n", *columns})
    if not plan.held or not rollups_know(plan, by, wanted):
        return _from_calls(plan.without_rollups() if plan.held else plan, by, wanted)
    found = _from_calls(plan, by, wanted)
    held = _from_hours(plan, by) if "hour_of_day" in by else _from_days(plan, by, wanted)
    for group, tally in held.items():
        found[group].merge(tally)
    return found


def rollups_know(plan: Plan, by: tuple[str, ...], columns: Collection[str]) -> bool:
    """Whether the rollups can be grouped like this. By hour of the day they hold the number of calls only."""
    if "hour_of_day" in by:
        by_agent = "agent" in by or plan.reach.agent_ids is not None
        return set(columns) == {"n"} and not by_agent and rollups_know(plan, _but_hours(by), columns)
    return all(key == "agent" or DIMENSIONS[key].in_rollups is not None for key in by)


def rollup_model(plan: Plan, by: tuple[str, ...]) -> Any:
    return AgentDayRollup if "agent" in by or plan.reach.agent_ids is not None else DayRollup


def grouped(rows: QuerySet[Any], by: tuple[str, ...], clock: Clock) -> tuple[QuerySet[Any], list[str]]:
    """Calls with the keys of ``by`` as columns, and the names of these columns in the order of ``by``."""
    if "area_code" in by:
        rows = rows.alias(**AREA_PARTS)
    names = [f"by_{key}" for key in by]
    return rows.annotate(**{f"by_{key}": DIMENSIONS[key].sql(clock) for key in by}), names


def grouped_rollups(rows: QuerySet[Any], by: tuple[str, ...], clock: Clock) -> tuple[QuerySet[Any], list[str]]:
    """Rollup rows with the keys of ``by`` as columns, as :func:`grouped` for calls."""
    keys = {}
    for key in by:
        told = DIMENSIONS[key].in_rollups
        keys[f"by_{key}"] = F("agent_id") if told is None else told(clock)
    return rows.annotate(**keys), [f"by_{key}" for key in by]


def _from_calls(plan: Plan, by: tuple[str, ...], columns: list[str]) -> Tallies:
    found: Tallies = defaultdict(Tally)
    if not plan.live:
        return found
    rows, names = grouped(plan.calls(), by, plan.span.clock)
    rows = rows.annotate(result=outcome(plan.reach.providers, plan.span.now))
    kind = ("environment_id", "direction", "status", "result")
    for row in rows.values_list(*names, *kind).annotate(**{f"sum_{name}": COLUMNS[name] for name in columns}):
        _add(plan, found, row, len(names), columns)
    return found


def _from_days(plan: Plan, by: tuple[str, ...], columns: list[str]) -> Tallies:
    found: Tallies = defaultdict(Tally)
    rows, names = grouped_rollups(plan.rollups(rollup_model(plan, by)), by, plan.span.clock)
    kind = ("environment_id", "direction", "status", "outcome")
    for row in rows.values_list(*names, *kind).annotate(**{f"sum_{name}": Sum(name) for name in columns}):
        _add(plan, found, row, len(names), columns)
    return found


def _from_hours(plan: Plan, by: tuple[str, ...]) -> Tallies:
    """Numbers of calls by hour of the day and whatever else, unfolded from the hours of each row."""
    found: Tallies = defaultdict(Tally)
    place = by.index("hour_of_day")
    rows, names = grouped_rollups(plan.rollups(DayRollup), _but_hours(by), plan.span.clock)
    width = len(names)
    for *row, hours in rows.values_list(*names, "environment_id", "direction", "status", "outcome", "hours"):
        kind = (plan.reach.providers[row[width]], *row[width + 1 :])
        for hour, n in enumerate(hours):
            if n:
                found[(*row[:place], hour, *row[place:width])].add(kind, {"n": n})
    return found


def _but_hours(by: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(key for key in by if key != "hour_of_day")


def _add(plan: Plan, found: Tallies, row: tuple[Any, ...], width: int, columns: list[str]) -> None:
    environment, direction, status, result = row[width : width + 4]
    amounts = dict(zip(columns, row[width + 4 :], strict=True))
    found[row[:width]].add((plan.reach.providers[environment], direction, status, result), amounts)

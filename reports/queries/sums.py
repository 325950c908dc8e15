"""Sums of calls by group: from the rollups for the days they hold, from the calls for the others."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import F, IntegerField, QuerySet, Sum, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Cast

from reports.dimensions import AREA_PARTS, DIMENSIONS, FACETS, Clock, Key
from reports.measures import ATTEMPTS, COLUMNS, FACET_SUMS, OPEN, Sums, Tally, outcome
from reports.queries.bundle import Bundle, Got, Later, grouped_by
from reports.queries.plan import Plan
from reports.rollups.models import AgentDayRollup, DayRollup, FacetDay
from reports.written import Written, listed

Group = tuple[Key, ...]
Tallies = dict[Group, Tally]
HOURS = tuple(f"hour_{hour}" for hour in range(24))


def count_sums(bundle: Bundle, plan: Plan, by: tuple[str, ...], measures: Collection[Sums]) -> Later[Tallies]:
    """The measures, and always the number of calls, by group; a group without calls is left out."""
    wanted = {ATTEMPTS, *measures}
    held = {measure for measure in wanted if plan.held and rollups_know(plan, by, measure)}
    readers = []
    if held:
        from_rollups = _from_facets if _facets(by) else _from_hours if "hour_of_day" in by else _from_days
        readers = [from_rollups(bundle, plan, by, held), _from_calls(bundle, plan, by, held)]
    if wanted - held:
        readers.append(_from_calls(bundle, plan.without_rollups() if plan.held else plan, by, wanted - held))

    def read() -> Tallies:
        found: Tallies = defaultdict(Tally)
        for reader in readers:
            reader.read(found)
        return found

    return read


def rollups_know(plan: Plan, by: tuple[str, ...], measure: Sums) -> bool:
    """Whether the rollups hold the measure in these groups.

    By hour of the day they hold numbers of calls. Facets stand alone: no other facet, kind of call or agent beside one.
    """
    apart = "agent" in by or plan.reach.agent_ids is not None
    facets = _facets(by)
    if facets:
        chosen = plan.reach.filters
        kinds = {"status", "direction"} & set(by) or chosen.statuses or chosen.direction
        alone = len(facets) == 1 and not apart and not kinds
        return alone and measure in {*FACET_SUMS, OPEN} and all(map(_held, by))
    if "hour_of_day" in by:
        return measure.column == "n" and not apart and all(_held(key) for key in by if key != "hour_of_day")
    return all(key == "agent" or _held(key) for key in by)


def _held(key: str) -> bool:
    return DIMENSIONS[key].in_rollups is not None


def _facets(by: tuple[str, ...]) -> list[str]:
    return [key for key in by if key in FACETS]


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


@dataclass(slots=True)
class _Reader:
    """Reads rows of: the keys of a group, what tells the calls apart, and a sum for each column."""

    plan: Plan
    width: int
    measures: Collection[Sums]
    got: Got = field(default_factory=Got)
    kinds: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()

    def read(self, found: Tallies) -> None:
        width, values = self.width, self.width + len(self.kinds)
        known: dict[tuple[Any, ...], tuple[str, list[tuple[str, int]]]] = {}
        for row in self.got.rows:
            kind = tuple(row[width:values])
            if kind not in known:
                known[kind] = self._amounts(kind)
            vendor, amounts = known[kind]
            counter = None
            for key, place in amounts:
                if row[place]:
                    if counter is None:
                        counter = found[tuple(row[:width])].of(vendor)
                    counter[key] += row[place]

    def _amounts(self, kind: tuple[Any, ...]) -> tuple[str, list[tuple[str, int]]]:
        """The vendor, and which measures count calls of this kind, each with the place of its column in a row."""
        told = dict(zip(self.kinds, kind, strict=True))
        vendor = told.get("vendor") or next(iter(self.plan.reach.providers.values()))
        values = self.width + len(self.kinds)
        return vendor, [
            (measure.key, values + self.columns.index(measure.column))
            for measure in self.measures
            if measure.column in self.columns
            and measure.counts(told.get("direction", ""), told.get("status", ""), told.get("outcome", ""))
        ]


def _reader(plan: Plan, by: tuple[str, ...], measures: Collection[Sums]) -> _Reader:
    kinds = {
        "vendor": len(set(plan.reach.providers.values())) > 1,
        "direction": any(measure.direction for measure in measures),
        "status": any(measure.statuses for measure in measures),
        "outcome": any(measure.outcomes for measure in measures),
    }
    columns = tuple(sorted({"n", *(measure.column for measure in measures)}))
    needed = tuple(name for name, apart in kinds.items() if apart)
    return _Reader(plan, len(by), measures, kinds=needed, columns=columns)


def _vendor(plan: Plan) -> Written:
    """The vendor of a row, by its environment."""
    by_vendor = defaultdict(list)
    for environment, vendor in plan.reach.providers.items():
        by_vendor[vendor].append(environment)
    cases = (
        f"WHEN {{environment}} IN ({listed(sorted(keys))}) THEN {{vendor_{place}}}"
        for place, keys in enumerate(by_vendor.values())
    )
    vendors = {f"vendor_{place}": Value(vendor) for place, vendor in enumerate(by_vendor)}
    return Written(f"CASE {' '.join(cases)} ELSE '' END", environment=F("environment_id"), **vendors)


def _from_calls(bundle: Bundle, plan: Plan, by: tuple[str, ...], measures: Collection[Sums]) -> _Reader:
    reader = _reader(plan, by, measures)
    if plan.live:
        rows, names = grouped(plan.calls(), by, plan.span.clock)
        rows = rows.annotate(kind_outcome=outcome(plan.reach.providers, plan.span.now))
        sums = {f"sum_{name}": COLUMNS[name] for name in reader.columns}
        reader.got = _add(bundle, plan, _kinds(rows, reader.kinds), (names, reader.kinds, sums))
    return reader


def _from_days(bundle: Bundle, plan: Plan, by: tuple[str, ...], measures: Collection[Sums]) -> _Reader:
    reader = _reader(plan, by, measures)
    model: Any = AgentDayRollup if "agent" in by or plan.reach.agent_ids is not None else DayRollup
    rows, names = grouped_rollups(plan.rollups(model), by, plan.span.clock)
    sums = {f"sum_{name}": Sum(name) for name in reader.columns}
    rows = _kinds(rows.annotate(kind_outcome=F("outcome")), reader.kinds)
    reader.got = _add(bundle, plan, rows, (names, reader.kinds, sums))
    return reader


def _from_hours(bundle: Bundle, plan: Plan, by: tuple[str, ...], measures: Collection[Sums]) -> "_Hours":
    """Numbers of calls by hour of the day and whatever else, unfolded from the hours of each row."""
    others = tuple(key for key in by if key != "hour_of_day")
    reader = _reader(plan, others, measures)
    rows, names = grouped_rollups(plan.rollups(DayRollup), others, plan.span.clock)
    rows = _kinds(rows.annotate(kind_outcome=F("outcome")), reader.kinds)
    sums = {name: Sum(Cast(KT(f"hours__{hour}"), IntegerField())) for hour, name in enumerate(HOURS)}
    return _Hours(reader, by.index("hour_of_day"), _add(bundle, plan, rows, (names, reader.kinds, sums)))


@dataclass(slots=True)
class _Hours:
    reader: _Reader
    place: int  # of the hour among the keys
    got: Got

    def read(self, found: Tallies) -> None:
        values = self.reader.width + len(self.reader.kinds)
        for hour in range(24):
            self.reader.got.rows = [[*row[:values], row[values + hour]] for row in self.got.rows]
            here: Tallies = defaultdict(Tally)
            self.reader.read(here)
            for group, tally in here.items():
                found[(*group[: self.place], hour, *group[self.place :])].merge(tally)


def _from_facets(bundle: Bundle, plan: Plan, by: tuple[str, ...], measures: Collection[Sums]) -> _Reader:
    """A rollup of facets has a column for each measure. On the days it holds no call is open any more."""
    kept = [Sums(measure.key, measure.key) for measure in measures if measure in FACET_SUMS]
    reader = _reader(plan, by, kept)
    reader.columns = tuple(measure.column for measure in kept)
    rows = plan.rollups(FacetDay).filter(facet=_facets(by)[0])
    rows, names = grouped_rollups(rows, by, plan.span.clock)
    sums = {f"sum_{name}": Sum(name) for name in reader.columns}
    reader.got = _add(bundle, plan, rows, (names, reader.kinds, sums))
    return reader


def _kinds(rows: QuerySet[Any], kinds: Iterable[str]) -> QuerySet[Any]:
    told: QuerySet[Any] = rows.annotate(
        **{f"kind_{name}": F(name) for name in kinds if name in ("direction", "status")}
    )
    return told


def _add(
    bundle: Bundle, plan: Plan, rows: QuerySet[Any], columns: tuple[list[str], tuple[str, ...], dict[str, Any]]
) -> Got:
    names, kinds, sums = columns
    if "vendor" in kinds:
        rows = rows.annotate(kind_vendor=_vendor(plan))
    keys = [*names, *(f"kind_{kind}" for kind in kinds)]
    return bundle.add(grouped_by(rows, keys).annotate(**sums), *keys, *sums)

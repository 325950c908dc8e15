"""How complete the calls behind one period's figures are: asked in two steps, beside everything else of a page."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet

from portal.tenants.models.tenants import Environment
from reports.dimensions import Clock
from reports.measures import Microseconds
from reports.periods import Period, day_start
from reports.queries import aside
from reports.queries.answer import Completeness, GapNote
from reports.queries.aside import Aside, Asides
from reports.queries.bundle import Bundle, Got, Later, grouped_by, moment
from reports.queries.counted import Counted
from reports.queries.filters import Reach, within
from reports.queries.plan import runs
from reports.queries.readings import READ_BY_DAY, Reading, Told, by_day, reads_until, undivided, utc_days, utc_start
from sync import freshness as ledger
from sync.models.calls import Call
from sync.models.runs import Gap
from sync.taxonomy import Stream

DAY = timedelta(days=1)
_WINDOW = ("day", "state", Microseconds("read_at"), "mirrored", "vendor_total")
_GAP = ("environment_id", "stream", "part", "day", "fault", Microseconds("opened_at"))
Windows = dict[int, dict[str, dict[date, Told]]]


@dataclass(slots=True)
class Standing:
    """Made with a bundle that it adds the ledger's rows to; once that was fetched, :meth:`count` adds to another one
    what these left open, often nothing, and gives the completeness for later.
    """

    bundle: Bundle
    reach: Reach
    period: Period
    streams: Collection[str]
    now: datetime
    _days: list[date] = field(init=False)  # UTC days of the period, up to today
    _by_day: Got = field(init=False)
    _whole: Got = field(init=False)
    _gaps: Got = field(init=False)
    _aside: Got = field(init=False)
    _changed: Got = field(init=False)

    def __post_init__(self) -> None:
        keys = tuple(sorted(self.reach.environments))
        days = self._days = utc_days(self.period, self.now)
        daily = [key for key in keys if self._is_daily(key)]
        self._by_day = Got()
        if daily and days:
            # The day before as well: it may have to stand in for a day that has just begun.
            windows = ledger.day_windows(daily, self.streams, days[0] - DAY, days[-1])
            self._by_day = self.bundle.add(windows, "environment_id", "stream", *_WINDOW)
        self._gaps = self.bundle.once(("gaps", keys), lambda: self.bundle.add(ledger.open_gaps(keys), *_GAP))
        self._aside = self.bundle.once(("aside", keys), lambda: aside.ask(self.bundle, keys))
        apart = [key for key in keys if not self._is_daily(key)]
        self._whole = self.bundle.once(
            ("whole", keys),
            lambda: self.bundle.add(ledger.whole_windows(apart, (Stream.CALLS,)), "environment_id", *_WINDOW),
        )

        self._changed = self._corrections(self.bundle)

    def _is_daily(self, environment: int) -> bool:
        return self.reach.environments[environment].provider in READ_BY_DAY

    def count(self, bundle: Bundle, counted: Counted) -> Later[Completeness]:
        """What the ledger does not tell is counted among the calls: days not read whole, and histories that have no
        days, as far as the rollups do not tell how many calls there were.
        """
        windows, asides = self._windows(), aside.told(self._aside)
        readings = {
            key: self._reading(bundle, row, windows[key], (counted, self._of_calls(key, asides)))
            for key, row in self.reach.environments.items()
        }

        def read() -> Completeness:
            done = [(environment, readings[key]()) for key, environment in self.reach.environments.items()]
            return self._told(done, sum(n for (n,) in self._changed.rows), asides)

        return read

    def _of_calls(self, environment: int, asides: Asides) -> list[Aside]:
        return asides.of(environment, Stream.CALLS, self._days)

    def _told(self, readings: list[tuple[Environment, Reading]], corrections: int, asides: Asides) -> Completeness:
        totals = [reading.vendor_total for _environment, reading in readings]
        # Nothing new can come from a retired environment, so its last reading makes no figures old beside a living one.
        living = [reading.as_of for row, reading in readings if reading.as_of and not self._is_closed(row)]
        as_of = living or [reading.as_of for _environment, reading in readings if reading.as_of]
        shown = [row for key in self.reach.environments for row in self._of_calls(key, asides)]
        return Completeness(
            as_of=min(as_of, default=None),
            complete=bool(readings) and all(reading.complete for _environment, reading in readings),
            mirrored=sum(reading.mirrored for _environment, reading in readings),
            vendor_total=None if None in totals or not totals else sum(total or 0 for total in totals),
            gaps=tuple(self._notes(asides)),
            corrections=corrections,
            quarantined=sum(row.unreadable for row in shown),
            accepted=sum(row.accepted for row in shown),
        )

    def _is_closed(self, environment: Environment) -> bool:
        return reads_until(environment, self.now) < self.now

    def _reading(
        self,
        bundle: Bundle,
        environment: Environment,
        windows: Mapping[str, Mapping[date, Told]],
        known: tuple[Counted, list[Aside]],
    ) -> Later[Reading]:
        counted, set_aside = known
        end = reads_until(environment, self.now)
        if self._is_closed(environment) and end <= self.period.starts_at:
            return lambda: Reading(vendor_total=0)
        if not self._is_daily(environment.pk):
            histories = [_window(*row) for key, *row in self._whole.rows if key == environment.pk]
            mirrored = self._mirrored(bundle, environment.pk, counted)
            return lambda: undivided(histories, mirrored(), set_aside, self.period, end)
        days = self._days if end == self.now else utc_days(self.period, end)
        reading, uncounted = by_day(windows, days, end)
        spans = [(utc_start(run.first), utc_start(run.last) + DAY) for run in runs(uncounted)]
        got = _count(bundle, environment.pk, spans, missing=False)

        return lambda: replace(reading, mirrored=reading.mirrored + sum(n for (n,) in got.rows))

    def _windows(self) -> Windows:
        found: Windows = {key: {stream: {} for stream in self.streams} for key in self.reach.environments}
        for environment, stream, *row in self._by_day.rows:
            window = _window(*row)
            if window.day is not None:
                found[environment][stream][window.day] = window
        return found

    def _mirrored(self, bundle: Bundle, environment: int, counted: Counted) -> Later[int]:
        """Calls of the period that the vendor still shows: all there were on counted days, without the vanished ones,
        and those of the other days.
        """
        zone = self.period.zone
        kept = counted.calls.get(environment, {}) if zone == self.reach.scope.zone else {}
        held = [day for day in self.period if day in counted.days.get(environment, ()) and day in kept]
        known = set(held)

        def spans(days: list[date]) -> list[tuple[datetime, datetime]]:
            return [(day_start(run.first, zone), day_start(run.last + DAY, zone)) for run in runs(days)]

        gone = _count(bundle, environment, spans(held), missing=True)
        live = _count(bundle, environment, spans([day for day in self.period if day not in known]), missing=False)
        return lambda: sum(kept[day] for day in held) - sum(n for (n,) in gone.rows) + sum(n for (n,) in live.rows)

    def _corrections(self, bundle: Bundle) -> Got:
        """Calls of the period whose figures changed after the local day they count in was over."""
        if self.reach.empty:
            return Got()
        period = self.period
        clock = Clock(period.starts_at, max(period.ends_at, self.now) + DAY, period.zone)
        calls = self.reach.calls(start=period.starts_at, end=period.ends_at)
        changes = ledger.changes_since(self.reach.environments, period.starts_at).filter(
            Exists(within(calls, period.starts_at, period.ends_at).filter(pk=OuterRef("call_id")))
        )
        late = changes.alias(changed_on=clock.local_day("at"), counted_on=clock.local_day("call__started_at"))
        late = late.filter(changed_on__gt=F("counted_on"))
        return bundle.add(grouped_by(late, ()).annotate(n=Count("call_id", distinct=True)), "n")

    def _notes(self, asides: Asides) -> list[GapNote]:
        days = self._days
        found = []
        for environment, stream, part, told, fault, opened in self._gaps.rows:
            day = date.fromisoformat(told) if told else None
            if stream in self.streams and (day is None or (days and days[0] <= day <= days[-1])):
                at = moment(opened) or self.now
                found.append(
                    Gap(environment_id=environment, stream=stream, part=part, day=day, fault=fault, opened_at=at)
                )
        notes = [noted(gap, self.reach.environments) for gap in found]
        environments = self.reach.environments
        unread = [row for key in environments for stream in self.streams for row in asides.of(key, stream, days)]
        notes += aside.notes(unread, environments)
        places = {str(row.public_id): key for key, row in environments.items()}
        return sorted(notes, key=lambda note: (places[note.environment], note.stream, note.day or date.max, note.part))


def noted(gap: Gap, environments: Mapping[int, Environment]) -> GapNote:
    environment = environments[gap.environment_id]
    return GapNote(
        environment=str(environment.public_id),
        environment_name=environment.name,
        stream=gap.stream,
        part=gap.part,
        day=gap.day,
        fault=gap.fault,
        since=gap.opened_at,
    )


def _window(day: str | None, state: str, read_at: int | None, mirrored: int | None, total: int | None) -> Told:
    return Told(date.fromisoformat(day) if day else None, state, moment(read_at), mirrored, total)


def _count(bundle: Bundle, environment: int, spans: list[tuple[datetime, datetime]], *, missing: bool) -> Got:
    """How many calls began in the spans: those the vendor still shows, or those that vanished."""
    if not spans:
        return Got()
    began = reduce(or_, (Q(started_at__gte=start, started_at__lt=end) for start, end in spans))
    rows: QuerySet[Any] = Call.objects.filter(began, environment_id=environment, missing_since__isnull=not missing)
    return bundle.add(grouped_by(rows, ()).annotate(n=Count("pk")), "n")

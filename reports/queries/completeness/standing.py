"""How complete the calls behind one period's figures are: asked in two steps, beside everything else of a page."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import partial, reduce
from operator import or_

from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, Sum

from portal.tenants.models.tenants import Environment
from reports.bundle import Bundle, Got, Later, grouped_by, moment
from reports.definitions.dimensions import Clock
from reports.definitions.measures import Microseconds
from reports.definitions.periods import DAY, Period, at_of, in_a_row, utc_date, utc_start
from reports.queries.answer import Completeness, GapNote
from reports.queries.completeness import aside
from reports.queries.completeness.aside import Aside, Asides
from reports.queries.completeness.readings import (
    Reading,
    ReadWindow,
    SettledDays,
    StreamWindows,
    by_day,
    is_settled,
    reads_until,
    undivided,
    utc_days,
)
from reports.queries.scope import Scope
from reports.queries.seen import seen
from reports.queries.selector import Selector, within
from sync import freshness as ledger
from sync.models.calls import Call
from sync.models.changes import CallChange
from sync.models.runs import Gap
from sync.providers.registry import daily_streams
from sync.taxonomy import Stream

FEW = 200  # windows of a stream that are looked at one by one
_WINDOW = ("day", "state", Microseconds("read_at"), "mirrored", "vendor_total")
_GAP = ("environment_id", "stream", "part", "day", "fault", Microseconds("opened_at"))
Windows = dict[int, dict[str, StreamWindows]]
Counter = Callable[[int, datetime, datetime], int]  # calls of an environment that began between two moments


@dataclass(slots=True)
class Standing:
    """Made with a bundle that it adds the ledger's rows to; once that was fetched, :meth:`count` adds to another one
    what these left open, often nothing, and gives the completeness for later.
    """

    bundle: Bundle
    selector: Selector
    period: Period
    streams: Collection[str]
    now: datetime
    _days: list[date] = field(init=False)  # UTC days of the period, up to today
    _by_day: dict[str, tuple[Got, Got]] = field(init=False)  # of each stream, settled days together and others
    _whole: Got = field(init=False)
    _gaps: Got = field(init=False)
    _aside: Got = field(init=False)
    _changed: Got = field(init=False)

    def __post_init__(self) -> None:
        keys = tuple(sorted(self.selector.environments))
        days = self._days = utc_days(self.period, self.now)
        daily = tuple(key for key in keys if self._is_daily(key))
        self._by_day = {}
        if daily and days:
            for stream in self.streams:
                key = ("days", stream, daily, days[0], days[-1])
                self._by_day[stream] = self.bundle.once(key, partial(self._ask_days, stream, daily))
        self._gaps = self.bundle.once(("gaps", keys), lambda: self.bundle.add(ledger.open_gaps(keys), *_GAP))
        self._aside = self.bundle.once(("aside", keys), lambda: aside.ask(self.bundle, keys))
        apart = [key for key in keys if not self._is_daily(key)]
        self._whole = self.bundle.once(
            ("whole", keys),
            lambda: self.bundle.add(ledger.whole_windows(apart, (Stream.CALLS,)), "environment_id", *_WINDOW),
        )
        changed = ("changed", self.selector.filters, self.selector.scope, self.period)
        self._changed = self.bundle.once(changed, lambda: self._corrections(self.bundle))

    def _ask_days(self, stream: str, daily: tuple[int, ...]) -> tuple[Got, Got]:
        """Years of days that were read and stay as they are come as one row for each environment; a few come each as a
        row, since one question less costs less than their rows.
        """
        days = self._days
        # The day before as well: it may have to stand in for a day that has just begun.
        windows = ledger.day_windows(daily, (stream,), days[0] - DAY, days[-1])
        if len(days) * len(daily) <= FEW:
            return Got(), self.bundle.add(windows, "environment_id", *_WINDOW)
        settled = is_settled(stream, utc_date(self.now) - DAY)
        # The clock of a retired environment stands still, so what it read last counts by its own rules.
        settled &= Q(environment_id__in=[key for key in daily if not self._is_closed(self.selector.environments[key])])
        kept = ledger.day_windows(daily, (stream,), days[0], days[-1]).filter(settled)
        sums = grouped_by(kept.order_by(), ("environment_id",)).annotate(
            days=Count("pk"),
            first=Min("day"),
            last=Max("day"),
            counted=Sum("mirrored", default=0),
            total=Sum("vendor_total"),
            read=Min(Microseconds("read_at")),
        )
        together = self.bundle.add(sums, "environment_id", "days", "first", "last", "counted", "total", "read")
        return together, self.bundle.add(windows.exclude(settled), "environment_id", *_WINDOW)

    def _is_daily(self, environment: int) -> bool:
        return reads_by_day(self.selector.environments[environment])

    def count(self, bundle: Bundle, counter: Counter | None = None) -> Later[Completeness]:
        """What the ledger does not tell is counted among the calls: days not read whole, and histories without days,
        those by ``counter`` if there is one.
        """
        windows, asides = self._windows(), aside.taken(self._aside)
        readings = {
            key: self._reading(bundle, row, windows[key], self._of_calls(key, asides), counter)
            for key, row in self.selector.environments.items()
        }

        def read() -> Completeness:
            done = [(environment, readings[key]()) for key, environment in self.selector.environments.items()]
            return self._completeness(done, sum(n for (n,) in self._changed.rows), asides)

        return read

    def _of_calls(self, environment: int, asides: Asides) -> list[Aside]:
        return asides.of(environment, Stream.CALLS, self._days)

    def _completeness(
        self, readings: list[tuple[Environment, Reading]], corrections: int, asides: Asides
    ) -> Completeness:
        totals = [reading.vendor_total for _environment, reading in readings]
        # Nothing new can come from a retired environment, so its last reading makes no figures old beside a living one.
        living = [reading.as_of for row, reading in readings if reading.as_of and not self._is_closed(row)]
        as_of = living or [reading.as_of for _environment, reading in readings if reading.as_of]
        begun = self.period.starts_at <= self.now
        shown = [row for key in self.selector.environments for row in self._of_calls(key, asides)]
        return Completeness(
            as_of=min(as_of, default=None),
            complete=begun and bool(readings) and all(reading.complete for _environment, reading in readings),
            mirrored=sum(reading.mirrored for _environment, reading in readings),
            vendor_total=None if None in totals or not totals else sum(total or 0 for total in totals),
            gaps=tuple(self._notes(asides)),
            corrections=corrections,
            quarantined=sum(row.unreadable for row in shown),
            accepted=sum(row.accepted for row in shown),
            begun=begun,
            environments=len(readings),
            incomplete=tuple(environment.name for environment, reading in readings if not reading.complete),
        )

    def _is_closed(self, environment: Environment) -> bool:
        return reads_until(environment, self.now) < self.now

    def _reading(
        self,
        bundle: Bundle,
        environment: Environment,
        windows: Mapping[str, StreamWindows],
        set_aside: list[Aside],
        counter: Counter | None,
    ) -> Later[Reading]:
        end = reads_until(environment, self.now)
        if self._is_closed(environment) and end <= self.period.starts_at:
            return lambda: Reading(vendor_total=0)
        if not self._is_daily(environment.pk):
            histories = [_window(*row) for key, *row in self._whole.rows if key == environment.pk]
            start, stop = self.period.starts_at, self.period.ends_at
            counted: Later[int]
            if counter is not None:
                counted = partial(counter, environment.pk, start, stop)
            else:
                counted = _counted(_count(bundle, self.selector.scope, environment.pk, [(start, stop)]))
            return lambda: undivided(histories, counted(), set_aside, self.period, end)
        days = self._days if end == self.now else utc_days(self.period, end)
        reading, uncounted = by_day(windows, days, end)
        spans = [(utc_start(first), utc_start(last) + DAY) for first, last in in_a_row(tuple(uncounted))]
        more = _counted(_count(bundle, self.selector.scope, environment.pk, spans))
        return lambda: replace(reading, mirrored=reading.mirrored + more())

    def _windows(self) -> Windows:
        windows: Windows = {
            key: {stream: StreamWindows() for stream in self.streams if stream in daily_streams(environment.provider)}
            for key, environment in self.selector.environments.items()
        }
        for stream, (together, others) in self._by_day.items():
            settled = {key: _settled(*row) for key, *row in together.rows}
            by_day = _by_environment(others)
            for key, streams in windows.items():
                if stream in streams:
                    streams[stream] = StreamWindows(settled.get(key), by_day.get(key, {}))
            self._tell_apart(windows, stream)
        return windows

    def _tell_apart(self, windows: Windows, stream: str) -> None:
        """Look up the settled days one by one where some day amid them was never read. No query where none is so."""
        keys = [key for key, streams in windows.items() if stream in streams and streams[stream].has_holes]
        if not keys:
            return
        bundle = Bundle()
        rows = ledger.day_windows(keys, (stream,), self._days[0] - DAY, self._days[-1])
        got = bundle.add(rows, "environment_id", *_WINDOW)
        bundle.fetch()
        for key, days in _by_environment(got).items():
            windows[key][stream] = StreamWindows(None, days)

    def _corrections(self, bundle: Bundle) -> Got:
        """Calls of the period whose figures changed after the local day they count in was over."""
        if self.selector.empty:
            return Got()
        period = self.period
        clock = Clock(period.starts_at, max(period.ends_at, self.now) + DAY, period.zone)
        calls = self.selector.calls(start=period.starts_at, end=period.ends_at)
        changes = seen(CallChange, self.selector.scope, self.selector.environments).filter(
            Exists(within(calls, period.starts_at, period.ends_at).filter(pk=OuterRef("call_id"))),
            at__gte=period.starts_at,
        )
        late = changes.alias(changed_on=clock.local_day("at"), counted_on=clock.local_day("call__started_at"))
        late = late.filter(changed_on__gt=F("counted_on"))
        return bundle.add(grouped_by(late, ()).annotate(n=Count("call_id", distinct=True)), "n")

    def _notes(self, asides: Asides) -> list[GapNote]:
        days = self._days
        gaps = []
        for environment, stream, part, iso_day, fault, opened in self._gaps.rows:
            day = date.fromisoformat(iso_day) if iso_day else None
            if stream in self.streams and (day is None or (days and days[0] <= day <= days[-1])):
                at = moment(opened) or self.now
                gaps.append(
                    Gap(environment_id=environment, stream=stream, part=part, day=day, fault=fault, opened_at=at)
                )
        notes = [noted(gap, self.selector.environments) for gap in gaps]
        environments = self.selector.environments
        unread = [row for key in environments for stream in self.streams for row in asides.of(key, stream, days)]
        notes += aside.notes(unread, environments)
        places = {str(row.public_id): key for key, row in environments.items()}
        return sorted(notes, key=lambda note: (places[note.environment], note.stream, note.day or date.max, note.part))


def reads_by_day(environment: Environment) -> bool:
    """Whether an environment's calls are read by UTC day."""
    return Stream.CALLS in daily_streams(environment.provider)


def _counted(got: Got) -> Later[int]:
    return lambda: sum(n for (n,) in got.rows)


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


def _by_environment(windows: Got) -> dict[int, dict[date, ReadWindow]]:
    by_day: dict[int, dict[date, ReadWindow]] = defaultdict(dict)
    for key, *row in windows.rows:
        window = _window(*row)
        if window.day is not None:
            by_day[key][window.day] = window
    return by_day


def _settled(days: int, first: str, last: str, mirrored: int, total: int | None, read_at: int) -> SettledDays:
    return SettledDays(days, date.fromisoformat(first), date.fromisoformat(last), mirrored, total, at_of(read_at))


def _window(day: str | None, state: str, read_at: int | None, mirrored: int | None, total: int | None) -> ReadWindow:
    return ReadWindow(date.fromisoformat(day) if day else None, state, moment(read_at), mirrored, total)


def _count(bundle: Bundle, scope: Scope, environment: int, spans: list[tuple[datetime, datetime]]) -> Got:
    """How many calls began in the spans that the vendor still shows, whichever agent's: so much is read."""
    if not spans:
        return Got()
    began = reduce(or_, (Q(started_at__gte=start, started_at__lt=end) for start, end in spans))
    rows = seen(Call, scope.whatever_agent(), [environment]).filter(began, missing_since__isnull=True)
    return bundle.add(grouped_by(rows, ()).annotate(n=Count("pk")), "n")

"""Keeping the column files right: dirty days made anew, older days merged into months, an unknown history built up.

Claimed with a lease, safe to run twice, late or in two processes: a file is written aside, put in place, and counts
from the moment its row is written, in one transaction with the rows it replaces and the marks it answers. A mark that
grew meanwhile stays. What was replaced is kept for an hour, for readers that began before.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from portal.storage import Away, NotThere
from portal.tenants.models.tenants import Environment
from portal.work.leases import Lease
from reports.columns import files
from reports.columns.build import Builder, KeptRows, Written, calls_of
from reports.columns.engine import open_connection
from reports.columns.models import ColumnFile, ColumnLedger
from reports.columns.schema import rules_of
from reports.definitions.periods import DAY, between, in_a_row, utc_date, utc_start
from sync.models.calls import Call
from sync.models.changes import DirtyDay

LEASE = Lease(timedelta(minutes=10), until="held_until", fence="claims")
MOVING = timedelta(days=2)  # today's UTC day and those so long before it are files of a day
MOST_ROWS = 250_000  # of a file of several months: opening many files takes longer than reading a long one
FOREVER = float("inf")


class LeaseLost(Exception):
    """Another process has taken over; nothing more may be written."""


@dataclass(frozen=True, slots=True)
class Unit:
    """The UTC days of one file to be: some months that are over, this month, or a day that still moves."""

    first: date
    last: date

    def holds(self, day: date) -> bool:
        return self.first <= day <= self.last


@dataclass(slots=True)
class _Work:
    """One claim on an environment's files."""

    environment: Environment
    ledger: ColumnLedger
    builder: Builder
    today: date
    until: float
    days: int = 0
    step: Callable[[str], None] = field(default=lambda _name: None)

    @property
    def keys(self) -> dict[str, int]:
        return {"tenant_id": self.environment.tenant_id, "environment_id": self.environment.pk}

    @property
    def rules(self) -> str:
        return rules_of(self.environment.provider)

    @property
    def is_over(self) -> bool:
        return time.monotonic() > self.until

    def live(self) -> "list[ColumnFile]":
        rows = ColumnFile.objects.filter(environment_id=self.environment.pk, retired_at__isnull=True)
        return list(rows.order_by("first_day"))


def refresh_tenant(seconds: float = FOREVER) -> int:
    """Make anew what is dirty of the active tenant; how many days were read. After ``seconds`` the rest waits."""
    until = time.monotonic() + seconds
    return sum(refresh(environment, until=until) for environment in Environment.objects.all())


def refresh(environment: Environment, *, until: float = FOREVER) -> int:
    """Make anew the days of an environment that are dirty, and all that is not known yet, newest first.

    Returns how many days were read from the mirror; 0 too where another process is at it. ``until`` is of
    :func:`time.monotonic`: no further file is begun after it.
    """
    work = _claimed(environment, until)
    if work is None:
        return 0
    try:
        with work.builder:
            if work.ledger.rules != work.rules:
                _forget(work)
            _make(work, _dirty(work))
            _build_up(work)
            _merge(work)
    except LeaseLost:
        return work.days
    finally:
        LEASE.settle(LEASE.held(ColumnLedger.objects.all(), work.ledger))
    return work.days


def rebuild(environment: Environment, since: date | None = None, until: date | None = None) -> int:
    """Make the files anew from the mirror, of the days from ``since`` to ``until`` if given; how many days were read.

    What there is goes on counting until it is replaced. Waits for a process that is at it; raises LeaseLost where
    another one took over meanwhile.
    """
    work = _claimed(environment, FOREVER)
    while work is None:
        time.sleep(0.2)
        work = _claimed(environment, FOREVER)
    try:
        with work.builder:
            if work.ledger.rules != work.rules:
                _forget(work)
            for unit in _units_back(work, until or date.max):
                if since is not None and unit.last < since:
                    break
                chosen = {day for day in _days(unit) if (since or date.min) <= day <= (until or date.max)}
                _replace(work, unit, chosen)
            if since is None and until is None:
                _drop_empty(work)
                _cover(work, date.min)
            _make(work, _dirty(work))
            _build_up(work)
            _merge(work)
    finally:
        LEASE.settle(LEASE.held(ColumnLedger.objects.all(), work.ledger))
    return work.days


def _claimed(environment: Environment, until: float) -> _Work | None:
    ledger, _made = ColumnLedger.objects.get_or_create(tenant_id=environment.tenant_id, environment_id=environment.pk)
    waits = DirtyDay.objects.filter(environment_id=environment.pk).exists()
    rules = rules_of(environment.provider)
    covered = ledger.rules == rules and ledger.covers_from == date.min
    if until != FOREVER and covered and not waits and not _has_parts(environment):
        return None  # nothing to do: the commonest case, without a write
    rows = ColumnLedger.objects.filter(LEASE.free(), pk=ledger.pk)
    if not LEASE.claim(rows):
        return None
    ledger.refresh_from_db()
    return _Work(environment, ledger, _builder(environment), timezone.now().date(), until)


def _builder(environment: Environment) -> Builder:
    """With a DuckDB of its own, so that making files takes no reader's memory."""
    threads, memory = settings.COLUMNS_THREADS, settings.COLUMNS_MEMORY
    return Builder(environment, open_connection(files.root(), threads=threads, memory=memory))


def _has_parts(environment: Environment) -> bool:
    """Whether there are files that are to become one."""
    rows = ColumnFile.objects.filter(environment_id=environment.pk, retired_at__isnull=True).order_by("first_day")
    parts = [Stretch(*row) for row in rows.values_list("first_day", "last_day", "rows")]
    return bool(to_merge(parts, timezone.now().date()))


def _forget(work: _Work) -> None:
    """No file made by other rules counts; the history is built up anew."""
    with transaction.atomic():
        _hold(work, rules=work.rules, covers_from=None)
        ColumnFile.objects.filter(**work.keys, retired_at__isnull=True).update(retired_at=timezone.now())
    work.ledger.refresh_from_db()


def _dirty(work: _Work) -> set[date]:
    return set(DirtyDay.objects.filter(environment_id=work.environment.pk).values_list("day", flat=True))


def _make(work: _Work, days: Iterable[date]) -> None:
    """Make the given days anew where they are known, newest first; of the others there is no file yet."""
    spans = _spans(work)
    by_unit: dict[Unit, set[date]] = {}
    for day in sorted(days, reverse=True):
        by_unit.setdefault(_unit_at(day, work, spans), set()).add(day)
    for unit, wanted in by_unit.items():
        if work.is_over:
            return
        if work.ledger.covers_from is not None and unit.last >= work.ledger.covers_from:
            _replace(work, unit, wanted)


def _build_up(work: _Work) -> None:
    """Make the files of what is not known yet, newest first, until all is."""
    if work.ledger.covers_from == date.min:
        return
    for unit in _units_back(
        work, (work.ledger.covers_from or date.max) - (DAY if work.ledger.covers_from else 0 * DAY)
    ):
        if work.is_over:
            return
        _replace(work, unit, set(_days(unit)), covers_from=unit.first)
    _cover(work, date.min)


def _merge(work: _Work) -> None:
    """Files of days that move no more become one with those of their month, and months that are over with others."""
    while not work.is_over:
        units = to_merge([Stretch(row.first_day, row.last_day, row.rows) for row in work.live()], work.today)
        if not units:
            return
        _replace(work, units[0], set())


class Stretch(NamedTuple):
    """The days of a file, and how many calls it has."""

    first: date
    last: date
    rows: int


def to_merge(files_there: Sequence[Stretch], today: date) -> list[Unit]:
    """The units of which files are to be made from those there are, given oldest first: days of a month that move no
    more, and then months that are over, as long as they are of few calls together.
    """
    by_month: dict[Unit, list[Stretch]] = {}
    for stretch in files_there:
        by_month.setdefault(_unit_of(stretch.first, today), []).append(stretch)
    months = [
        unit
        for unit, parts in by_month.items()
        if len(parts) > 1 or unit.first < parts[0].first == parts[0].last  # a first day alone is named as its month is
    ]
    if months:
        return months
    units: list[Unit] = []
    rows, joined = MOST_ROWS + 1, False
    for stretch in files_there:
        if stretch.last >= today.replace(day=1):
            break
        if rows + stretch.rows <= MOST_ROWS:
            before = units.pop()
            units.append(Unit(before.first, stretch.last))
            rows, joined = rows + stretch.rows, True
        else:
            units.append(Unit(stretch.first, stretch.last))
            rows = stretch.rows
    there = {(stretch.first, stretch.last) for stretch in files_there}
    return [unit for unit in units if (unit.first, unit.last) not in there] if joined else []


def _unit_of(day: date, today: date) -> Unit:
    moving = today - MOVING
    if day >= moving:
        return Unit(day, day)
    first = day.replace(day=1)
    return Unit(first, min((first + 31 * DAY).replace(day=1) - DAY, moving - DAY))


def _units_back(work: _Work, last: date) -> Iterator[Unit]:
    """The units that hold calls, newest first, from the one of ``last`` backwards."""
    this_month, spans = work.today.replace(day=1), _spans(work)
    grown: Unit | None = None
    rows = 0
    for unit in _parts_back(work, last, spans):
        stays = unit in spans or unit.last >= this_month
        count = MOST_ROWS + 1 if stays else calls_of(work.environment, unit.first, unit.last).count()
        if grown is not None and rows + count <= MOST_ROWS:
            grown, rows = Unit(unit.first, grown.last), rows + count
            continue
        if grown is not None:
            yield grown
        grown, rows = unit, count
    if grown is not None:
        yield grown


def _spans(work: _Work) -> list[Unit]:
    return [Unit(row.first_day, row.last_day) for row in work.live()]


def _unit_at(day: date, work: _Work, spans: list[Unit]) -> Unit:
    """The unit of a day: that of its file, or of the file it would have."""
    return next((span for span in spans if span.holds(day)), _unit_of(day, work.today))


def _parts_back(work: _Work, last: date, spans: list[Unit]) -> Iterator[Unit]:
    """The months and moving days that hold calls, and the files there are, newest first."""
    rows = Call.objects.filter(environment_id=work.environment.pk).order_by("-started_at", "-id")
    if last < date.max:
        rows = rows.filter(started_at__lt=utc_start(last + DAY))
    at = rows.values_list("started_at", flat=True).first()
    while at is not None:
        unit = _unit_at(utc_date(at), work, spans)
        yield unit
        at = rows.filter(started_at__lt=utc_start(unit.first)).values_list("started_at", flat=True).first()


def _days(unit: Unit) -> list[date]:
    return between(unit.first, unit.last)


def _replace(work: _Work, unit: Unit, days: set[date], *, covers_from: date | None = None) -> None:
    """Make the file of a unit: its ``days`` from the mirror, the others from the files there are.

    A file that cannot be read gives its days to those that are read from the mirror. Raises Away.
    """
    _hold(work)
    marks = _marks(work, unit, days)
    old = [row for row in work.live() if row.first_day <= unit.last and row.last_day >= unit.first]
    kept: list[KeptRows] = []
    for row in old:
        unit = Unit(min(unit.first, row.first_day), max(unit.last, row.last_day))
        here = set(_days(Unit(row.first_day, row.last_day)))
        if here <= days:
            continue
        try:
            kept.append(KeptRows(files.local(row), tuple(sorted(here & days))))
        except Away:
            raise
        except NotThere:
            days |= here
    with files.draft() as draft:
        parts = [calls_of(work.environment, first, last) for first, last in in_a_row(tuple(days))]
        written = work.builder.write(draft, parts, kept)
        work.step("written")
        made = _row(work, unit, written)
        if made is not None:
            made.bytes, made.digest = draft.stat().st_size, files.digest_of(draft)
            files.put(draft, made)
            work.step("placed")
    with transaction.atomic():
        _hold(work, **({"covers_from": covers_from} if covers_from else {}))
        now = timezone.now()
        ColumnFile.objects.filter(pk__in=[row.pk for row in old]).update(retired_at=now)
        if made is not None:
            made.save()
        for mark, keys in marks.items():
            DirtyDay.objects.filter(pk__in=keys, mark=mark).delete()
        work.step("switched")
    if covers_from:
        work.ledger.covers_from = covers_from
    work.days += len(days)


def _row(work: _Work, unit: Unit, written: Written) -> ColumnFile | None:
    if not written.rows:
        return None
    return ColumnFile(
        **work.keys,
        first_day=unit.first,
        last_day=unit.last,
        rows=written.rows,
        rules=work.rules,
        words=written.words,
        open_until=written.open_until,
        made_at=timezone.now(),
    )


def _marks(work: _Work, unit: Unit, days: set[date]) -> dict[int, list[int]]:
    """The marks of the days, read before their calls: a change that commits in between grows its mark."""
    by_mark: dict[int, list[int]] = {}
    rows = DirtyDay.objects.filter(environment_id=work.environment.pk, day__gte=unit.first, day__lte=unit.last)
    for pk, day, mark in rows.values_list("pk", "day", "mark"):
        if day in days:
            by_mark.setdefault(mark, []).append(pk)
    return by_mark


def _drop_empty(work: _Work) -> None:
    """Files of spans of which the mirror has no calls any more."""
    for row in work.live():
        if not calls_of(work.environment, row.first_day, row.last_day).exists():
            _replace(work, Unit(row.first_day, row.last_day), set(_days(Unit(row.first_day, row.last_day))))


def _cover(work: _Work, since: date) -> None:
    _hold(work, covers_from=since)
    work.ledger.covers_from = since
    # Of days without calls nothing was read; their marks are answered, unless calls came just now.
    with transaction.atomic():
        for pk, mark, day in DirtyDay.objects.filter(environment_id=work.environment.pk).values_list(
            "pk", "mark", "day"
        ):
            if not calls_of(work.environment, day, day).exists() and not _holds(work, day):
                DirtyDay.objects.filter(pk=pk, mark=mark).delete()


def _holds(work: _Work, day: date) -> bool:
    return ColumnFile.objects.filter(
        **work.keys, retired_at__isnull=True, first_day__lte=day, last_day__gte=day
    ).exists()


def _hold(work: _Work, **progress: object) -> None:
    if not LEASE.hold(LEASE.held(ColumnLedger.objects.all(), work.ledger), **progress):
        raise LeaseLost

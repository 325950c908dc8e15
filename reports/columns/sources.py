"""Which files answer for which days of which environments, and what is missing.

Rows are read behind the wall, so no file is opened that the active tenant does not own. A day that changed since its
file was made, or whose file is lost, is read from the mirror, into a file of this host's own that others read as well,
as long as it is of few calls and there is time; else the file is read as it is and the answer says as of when, or that
the day is missing. Readers write no row.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import duckdb
from django.conf import settings
from django.utils import timezone

from portal.lib.alone import alone
from portal.storage import NotThere
from portal.tenants.models.tenants import Environment
from reports.bundle import Bundle, Later, moment, unfolded
from reports.columns import engine, files, proof
from reports.columns.build import Builder, calls_of, during
from reports.columns.models import ColumnFile, ColumnLedger
from reports.columns.schema import HOUR_US, NAMES, OPEN_TRAITS, rules_of
from reports.definitions.measures import Microseconds
from reports.definitions.periods import DAY, between, in_a_row, microseconds, utc_date
from reports.definitions.written import listed
from sync.models.changes import DirtyDay
from sync.taxonomy import Outcome

logger = logging.getLogger("ringbook.reports")
# Called before calls are read from the mirror; says until when, of :func:`time.monotonic`, they may be.
Begin = Callable[[], float]


class Mark(NamedTuple):
    """That a day changed, and how often: another one as soon as it changes again."""

    day: date
    row: int
    mark: int


MOST_LIVE = 60_000  # calls of an environment that a question reads from the mirror itself


@dataclass(frozen=True, slots=True)
class Part:
    """A file on this host, and the days of it that do not count because another part has them."""

    path: Path
    environment: int
    first: date
    last: date
    without: tuple[date, ...] = ()
    open_until: datetime | None = None
    words: Mapping[str, int] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Missing:
    """Days of an environment that cannot be answered for; ``as_of`` is when what is shown of them was read."""

    environment: int
    first: date
    last: date
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sources:
    """What a page's questions read. ``areas`` are the area codes that calls are told apart by, None for all."""

    parts: tuple[Part, ...] = ()
    missing: tuple[Missing, ...] = ()
    areas: frozenset[str] | None = None

    def relation(self, environments: Collection[int], start: datetime, end: datetime, now: datetime) -> str:
        """The calls of some environments on the days that touch ``[start, end)``, and maybe others of theirs, as SQL:
        the columns of the schema and the ``outcome`` at ``now``."""
        first, last = utc_date(start), utc_date(end - timedelta(microseconds=1))
        wanted = self._wanted(environments, first, last)
        whole = [part.path for part in wanted if not part.without]
        selects = [_select(whole)] if whole else []
        for part in wanted:
            if part.without:
                selects.append(f"{_select([part.path])} WHERE NOT ({during(part.without)})")
        rows = " UNION ALL ".join(selects) if selects else f"SELECT {engine.dialect().nothing} WHERE false"
        if self.areas is not None:
            few = f"CASE WHEN area_code IN ({listed(sorted(self.areas))}) THEN area_code ELSE '' END"
            told = few if self.areas else "''"
            rows = f"SELECT * REPLACE ({told} AS area_code) FROM ({rows})"
        is_open = any(part.open_until is not None and part.open_until > now for part in wanted)
        if not is_open:
            return f"(SELECT *, settled AS outcome FROM ({rows}))"
        opened = open_sql(now)
        return (
            f"(SELECT * REPLACE (CASE WHEN {opened} THEN {OPEN_TRAITS} ELSE traits END AS traits),"
            f" CASE WHEN {opened} THEN '{Outcome.OPEN.value}' ELSE settled END AS outcome FROM ({rows}))"
        )

    def _wanted(self, environments: Collection[int], first: date, last: date) -> list[Part]:
        here = (part for part in self.parts if part.environment in environments)
        return [part for part in here if part.first <= last and part.last >= first]

    def most_words(self, column: str, environments: Collection[int], start: datetime, end: datetime) -> int | None:
        """How many different words of a column there can be at most among the calls of :meth:`relation`; None where
        that is not known without looking.
        """
        wanted = self._wanted(environments, utc_date(start), utc_date(end - timedelta(microseconds=1)))
        counts = [part.words.get(column) for part in wanted]
        return None if None in counts else sum(count or 0 for count in counts)

    def missing_of(self, environments: Collection[int], start: datetime, end: datetime) -> tuple[Missing, ...]:
        first, last = utc_date(start), utc_date(end - timedelta(microseconds=1))
        return tuple(
            missing
            for missing in self.missing
            if missing.environment in environments and missing.first <= last and missing.last >= first
        )


def _select(paths: list[Path]) -> str:
    return f"SELECT {', '.join(NAMES)} FROM {engine.dialect().table(paths)}"


def open_sql(now: datetime) -> str:
    """That a call is open at ``now``; the moment is ours, so it stands in the text and names the answer."""
    return f"open_hours > 0 AND started_us + CAST(open_hours AS BIGINT) * {HOUR_US} > {microseconds(now)}"


# --- Looking up ---------------------------------------------------------------------------------------------------


def sources(environments: Mapping[int, Environment], first: date, last: date) -> Sources:
    """What there is of the UTC days from ``first`` to ``last``, both included. The tenant's wall must be open.

    One query, and where days are dirty a few for each environment that has some.
    """
    bundle = Bundle()
    later = ask_sources(bundle, environments, first, last, lambda: time.monotonic() + settings.QUESTION_SECONDS)
    bundle.fetch()
    return later()


def ask_sources(
    bundle: Bundle, environments: Mapping[int, Environment], first: date, last: date, begin: Begin | None
) -> Later[Sources]:
    """As :func:`sources`, asked for beside other things: files, marks and ledgers of one moment, so that no day is in
    neither. What is called later raises what ``begin`` raises. Without it no call is read from the mirror: the files
    are read as they are.
    """
    keys = sorted(environments)
    live = ColumnFile.objects.filter(retired_at__isnull=True, first_day__lte=last, last_day__gte=first)
    files_of = bundle.add(live.filter(environment_id__in=keys), *_FILE[:-2], *map(Microseconds, _FILE[-2:]))
    marks = DirtyDay.objects.filter(environment_id__in=keys, day__gte=first, day__lte=last)
    dirty = bundle.add(marks, "environment_id", "day", "pk", "mark")
    ledgers = bundle.add(ColumnLedger.objects.filter(environment_id__in=keys), "environment_id", "covers_from", "rules")

    def read() -> Sources:
        gathering = _Gathering(first, last, begin)
        by_home: dict[int, list[ColumnFile]] = {key: [] for key in keys}
        for row in files_of.rows:
            file = _file(row)
            by_home[file.environment_id].append(file)
        changed: dict[int, list[Mark]] = {key: [] for key in keys}
        for key, day, pk, mark in dirty.rows:
            changed[key].append(Mark(date.fromisoformat(day), pk, mark))
        covers = {key: (date.fromisoformat(day) if day else None, rules) for key, day, rules in ledgers.rows}
        for key in keys:
            rows = sorted(by_home[key], key=lambda file: file.first_day)
            gathering.add(environments[key], covers.get(key, (None, "")), rows, sorted(changed[key]))
        return Sources(tuple(gathering.parts), tuple(gathering.missing))

    return read


_FILE = (
    "tenant_id", "environment_id", "pk", "first_day", "last_day", "rows", "bytes", "digest", "rules", "words",
    "open_until", "made_at",
)  # fmt: skip


def _file(values: list[Any]) -> ColumnFile:
    record = dict(zip(_FILE, values, strict=True))
    days = {name: date.fromisoformat(record[name]) for name in ("first_day", "last_day")}
    moments = {name: moment(record[name]) for name in ("open_until", "made_at")}
    return ColumnFile(**(record | days | moments | {"words": unfolded(record["words"])}))


@dataclass(slots=True)
class _Gathering:
    first: date
    last: date
    begin: Begin | None
    parts: list[Part] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)

    def add(
        self,
        environment: Environment,
        ledger: tuple[date | None, str],
        rows: list[ColumnFile],
        dirty: list[Mark],
    ) -> None:
        rules = rules_of(environment.provider)
        covers_from = ledger[0] if ledger[1] == rules else None
        paths = self._readable([row for row in rows if row.rules == rules] if covers_from is not None else [])
        lost = {day for row in rows if row.pk not in paths for day in _within(row, self.first, self.last)}
        if covers_from is None or covers_from > self.first:
            lost |= set(between(self.first, min(self.last, covers_from - DAY if covers_from else self.last)))
        changed = {mark.day for mark in dirty}
        wanted = lost | changed
        known: list[object] = [dirty]
        if lost:
            holding = (row.pk for row in rows if not wanted.isdisjoint(_within(row, self.first, self.last)))
            known += [covers_from, *holding]
        live = self._live(environment, wanted, known, counted=bool(lost)) if wanted else None
        without = wanted if live is not None else set()
        for row in rows:
            if row.pk in paths:
                self._keep(row, paths[row.pk], without)
        if live is not None:
            self.parts += live
        elif wanted:
            to_come = utc_date(timezone.now()) + DAY  # of days to come there is nothing to miss
            self._tell(environment.pk, {day for day in lost if day <= to_come}, changed - lost, rows)

    def _readable(self, rows: list[ColumnFile]) -> dict[int, Path]:
        """Those whose file proves to be the one that its row describes; the others are to be made again."""
        if engine.reads_storage():
            paths = {row.pk: Path(row.name) for row in proof.of_stored(rows)}
        else:
            paths = {}
            for row in rows:
                with suppress(NotThere):
                    paths[row.pk] = files.local(row)
        if broken := [row for row in rows if row.pk not in paths]:
            proof.report(broken)
        return paths

    def _keep(self, row: ColumnFile, path: Path, without: set[date]) -> None:
        inside = tuple(sorted(day for day in without if row.first_day <= day <= row.last_day))
        if len(inside) <= (row.last_day - row.first_day).days:
            self.parts.append(
                Part(path, row.environment_id, row.first_day, row.last_day, inside, row.open_until, row.words)
            )

    def _live(
        self, environment: Environment, days: set[date], known: list[object], *, counted: bool
    ) -> list[Part] | None:
        """The days as the mirror has them now, in a file that is made once for what is ``known`` of them; None where
        these are too many calls to read for a question, there is no time, the disk is full, or the engine reads no file
        of this host. Days that no file has are known by how many calls they have as well: they may lose calls, and then
        their mark.
        """
        if engine.reads_storage() or self.begin is None:
            return None
        spans = in_a_row(tuple(days))
        newest = _newest(environment, spans)
        if newest is None:
            return []
        count = _count(environment, spans) if counted else None
        # A database that was put back gives its keys again, but not to calls.
        key = live_key(environment, [*known, spans, count, newest])
        path = files.live(key)
        if path is None and (_count(environment, spans) if count is None else count) <= MOST_LIVE:
            path = self._make(environment, key, spans, self.begin())
        return None if path is None else [self._part(environment, path, spans)]

    def _make(self, environment: Environment, key: str, spans: list[tuple[date, date]], until: float) -> Path | None:
        """The file, made if nobody else made it; None where there is no time, or the disk is full."""
        with alone(key, until) as mine:
            if path := files.live(key):
                return path
            if not mine or time.monotonic() > until:
                return None
            try:
                with files.draft() as draft, Builder(environment, engine.cursor()) as builder:
                    builder.write(draft, [calls_of(environment, *span) for span in spans], [])
                    return files.keep_live(draft, key)
            except (OSError, duckdb.Error):
                logger.exception("days of environment %s cannot be counted for a question", environment.pk)
                return None

    def _part(self, environment: Environment, path: Path, spans: list[tuple[date, date]]) -> Part:
        # Whether some of its calls are open is not looked up: the moment then stands in the question, which is right.
        return Part(path, environment.pk, spans[0][0], spans[-1][1], (), datetime.max.replace(tzinfo=UTC))

    def _tell(self, environment: int, lost: set[date], stale: set[date], rows: list[ColumnFile]) -> None:
        self.missing += [Missing(environment, *span) for span in in_a_row(tuple(lost))]
        for span in in_a_row(tuple(stale)):
            made = [row.made_at for row in rows if row.first_day <= span[1] and row.last_day >= span[0]]
            self.missing.append(Missing(environment, *span, as_of=min(made, default=None)))


def _count(environment: Environment, spans: list[tuple[date, date]]) -> int:
    """How many calls there are, as far as it matters."""
    count = 0
    for first, last in spans:
        rows = calls_of(environment, first, last).order_by()
        count += rows.values("pk")[: MOST_LIVE + 1 - count].count()
        if count > MOST_LIVE:
            break
    return count


def _newest(environment: Environment, spans: list[tuple[date, date]]) -> UUID | None:
    for first, last in reversed(spans):
        pk: UUID | None = (
            calls_of(environment, first, last).order_by("-started_at").values_list("pk", flat=True).first()
        )
        if pk is not None:
            return pk
    return None


def live_key(environment: Environment, known: list[object]) -> str:
    """A name that is another one as soon as any of the days changes again, so that what lies there is right."""
    text = f"{environment.tenant_id}/{environment.pk}/{rules_of(environment.provider)}/{known}"
    return f"live-{hashlib.sha256(text.encode()).hexdigest()[:40]}"


def _within(row: ColumnFile, first: date, last: date) -> list[date]:
    return between(max(row.first_day, first), min(row.last_day, last))

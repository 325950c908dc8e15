"""Writing calls: new ones are copied in, known ones are compared and only the changed written."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from operator import itemgetter
from typing import Any

from django.db import connection
from django.db.models import F, Q, QuerySet

from portal.lib.phones import contact_digits
from sync.mirror import tables
from sync.mirror.rows import COLUMNS, ID, STARTED_AT, UPDATED, Item, RowMaker, Stored, own_number
from sync.models.agents import Agent
from sync.models.calls import Call, Payload
from sync.models.changes import CallChange, DirtyDay
from sync.models.lines import Line
from sync.records import CallRecord

_PAYLOAD = ("call_id", "tenant_id", "environment_id", "raw")
_UPDATED_PLACES = tuple(COLUMNS.index(name) for name in UPDATED)
_CHUNK = 2000  # ids in one look-up: under SQLite's bound on parameters


@dataclass(slots=True)
class WriteResult:
    new: int = 0
    changed: int = 0
    days: set[date] = field(default_factory=set)  # UTC days whose figures moved


class CallWriter:
    """Writes the calls of one environment, inside the caller's transaction and under its lease."""

    def __init__(self, maker: RowMaker) -> None:
        self._maker = maker
        self._agents: dict[str, int] = {}
        self._lines: set[str] = set()
        self._environment = {"tenant_id": maker.tenant_id, "environment_id": maker.environment_id}

    def forget(self) -> None:
        """Forget what was looked up: the transaction that saw it is undone."""
        self._agents.clear()
        self._lines.clear()

    def write(self, records: Sequence[tuple[CallRecord, datetime]], now: datetime) -> WriteResult:
        """Each record comes with the time its answer was asked for. One id may come several times."""
        newest: dict[str, Item] = {}
        for record, read_at in records:
            other = newest.get(record.external_id)
            if other is None or _later(record, read_at, *other):
                newest[record.external_id] = (record, read_at)
        agents = self._agent_ids(newest.values())
        self._note_lines(newest.values())
        # By key: one order for every writer, and the order of time.
        items = sorted(((self._maker.key(item[0], now), item) for item in newest.values()), key=itemgetter(0))
        result = WriteResult()
        try:
            self._insert(items, agents, now, result)
        except tables.AlreadyThere:
            stored = self._stored(newest)
            self._insert([item for item in items if item[1][0].external_id not in stored], agents, now, result)
            self._update([item for item in items if item[1][0].external_id in stored], stored, now, result)
        self._mark(result.days, now)
        return result

    def mark_missing(self, keys: Iterable[str], span: Q, now: datetime, *, whole_history: bool = False) -> int:
        """Mark calls that a whole reading of ``span`` no longer showed. Nothing is deleted. Returns how many.

        A call whose start can't be read stands at the time it was first seen, so no day's reading can tell that it is
        gone.
        """
        gone = sorted(keys)
        marked = 0
        days: set[date] = set()
        for start in range(0, len(gone), _CHUNK):
            rows = Call.objects.filter(
                span,
                environment_id=self._maker.environment_id,
                missing_since=None,
                external_id__in=gone[start : start + _CHUNK],
            )
            if not whole_history:
                rows = rows.exclude(started_guessed=True, started_at=F("first_seen_at"))
            days |= self._maker.utc_days(rows.order_by().values_list("started_at", flat=True))
            marked += rows.update(missing_since=now, changed_at=now)
        self._mark(days, now)
        return marked

    def _insert(
        self, items: Sequence[tuple[str, Item]], agents: Mapping[str, int], now: datetime, result: WriteResult
    ) -> None:
        columns = self._columns(items, agents, now)
        tables.insert(Call, COLUMNS, columns)
        keys = [[value] * len(items) for value in (self._maker.tenant_id, self._maker.environment_id)]
        tables.insert(Payload, _PAYLOAD, [columns[ID], *keys, [record.raw for _, (record, _) in items]])
        result.new += len(items)
        result.days |= self._maker.utc_days(columns[STARTED_AT])

    def _columns(self, items: Sequence[tuple[str, Item]], agents: Mapping[str, int], now: datetime) -> list[list[Any]]:
        return self._maker.columns([key for key, _ in items], [item for _, item in items], agents, now)

    def _update(
        self, items: Sequence[tuple[str, Item]], stored: Mapping[str, Stored], now: datetime, result: WriteResult
    ) -> None:
        calls, payloads, changes, back = [], [], [], []
        rows = zip(*self._columns(items, self._agents, now), strict=True)
        for (_, (record, read_at)), row in zip(items, rows, strict=True):
            was = stored[record.external_id]
            if was.digest == record.digest or not was.gives_way(record, read_at, now):
                if was.missing_since is not None and not read_at <= was.missing_since <= now:
                    back.append(was.id)  # whatever version it is, upstream has it
                    result.days |= self._maker.utc_days((was.started_at,))
                continue
            cells = list(row)
            if record.started_at is None:
                cells[STARTED_AT] = was.started_at
            calls.append((was.id, *(cells[place] for place in _UPDATED_PLACES)))
            payloads.append((was.id, record.raw))
            result.days |= self._maker.utc_days((was.started_at, cells[STARTED_AT]))
            figures = (cells[STARTED_AT], record.status, record.duration_ms)
            if figures != (was.started_at, was.status, was.duration_ms):
                changes.append(self._change(was, record, now))
        tables.update(Call, "id", UPDATED, calls)
        tables.update(Payload, "call_id", ("raw",), payloads)
        CallChange.objects.bulk_create(changes, batch_size=1000)
        for start in range(0, len(back), _CHUNK):
            Call.objects.filter(pk__in=back[start : start + _CHUNK]).update(missing_since=None, changed_at=now)
        result.changed += len(calls)

    def _change(self, was: Stored, record: CallRecord, now: datetime) -> CallChange:
        return CallChange(
            **self._environment,
            call_id=was.id,
            at=now,
            was_started_at=was.started_at,
            was_status=was.status,
            was_duration_ms=was.duration_ms,
            now_status=record.status,
            now_duration_ms=record.duration_ms,
        )

    def _stored(self, keys: Iterable[str]) -> dict[str, Stored]:
        ordered = sorted(keys)
        stored: dict[str, Stored] = {}
        for start in range(0, len(ordered), _CHUNK):
            rows = Call.objects.select_for_update(of=("self",)).filter(
                environment_id=self._maker.environment_id, external_id__in=ordered[start : start + _CHUNK]
            )
            for key, identity, digest, *rest in rows.order_by("id").values_list("external_id", *Stored._fields):
                stored[key] = Stored(identity, bytes(digest), *rest)
        return stored

    def _agent_ids(self, items: Iterable[Item]) -> dict[str, int]:
        """Rows of the agents the calls name, made where only calls know them yet."""
        unknown = {record.agent: record.agent_name or "" for record, _ in items if record.agent}
        for key in self._agents:
            unknown.pop(key, None)
        if unknown:
            Agent.objects.bulk_create(
                [Agent(**self._environment, external_id=key, name=name[:200]) for key, name in sorted(unknown.items())],
                ignore_conflicts=True,
            )
            agents = Agent.objects.filter(environment_id=self._maker.environment_id, external_id__in=list(unknown))
            self._agents.update(agents.values_list("external_id", "id"))
        return self._agents

    def _note_lines(self, items: Iterable[Item]) -> None:
        """Rows of our own numbers that the calls name, where they are new."""
        new = {own_number(record) for record, _ in items} - self._lines
        lines = [
            Line(**self._environment, number=number, digits=digits)
            for number in sorted(new)
            if (digits := contact_digits(number))
        ]
        if lines:
            Line.objects.bulk_create(lines, ignore_conflicts=True, batch_size=1000)
        self._lines |= new

    def _mark(self, days: Iterable[date], now: datetime) -> None:
        mark_dirty(self._maker.tenant_id, self._maker.environment_id, days, now)


def _later(record: CallRecord, read_at: datetime, other: CallRecord, other_read_at: datetime) -> bool:
    """Which of two versions in one batch is the newer one; the later of equals, as it was read."""
    if record.updated_at and other.updated_at and record.updated_at != other.updated_at:
        return record.updated_at > other.updated_at
    return read_at >= other_read_at


def mark_dirty(tenant_id: int, environment_id: int, days: Iterable[date], now: datetime) -> None:
    """Have the columns of some UTC days made anew. In the transaction of what made them so."""
    rows = [(tenant_id, environment_id, day, 1, now) for day in sorted(days)]
    quote = connection.ops.quote_name
    table = quote(DirtyDay._meta.db_table)
    statement = (
        f"INSERT INTO {table} (tenant_id, environment_id, day, mark, since) VALUES (%s, %s, %s, %s, %s) "  # noqa: S608
        f"ON CONFLICT (tenant_id, environment_id, day) DO UPDATE SET mark = {table}.mark + 1"
    )
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(statement, rows)


def known_of(environment_id: int, first: datetime, last: datetime) -> dict[bytes, str]:
    """The digests of the calls of a span, with their ids, so that an unchanged element need not even be decoded."""
    return _known(Call.objects.filter(environment_id=environment_id, started_at__gte=first, started_at__lt=last))


def known_of_agent(environment_id: int, agent_key: str) -> dict[bytes, str]:
    agent = Agent.objects.filter(environment_id=environment_id, external_id=agent_key).values_list("pk", flat=True)
    return _known(Call.objects.filter(environment_id=environment_id, agent_id__in=list(agent)))


def _known(calls: QuerySet[Call]) -> dict[bytes, str]:
    calls = calls.filter(missing_since=None).order_by("started_at", "id")
    with tables.index_order():
        return {bytes(digest): key for digest, key in calls.values_list("digest", "external_id").iterator(5000)}

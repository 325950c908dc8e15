"""Elements that can't be read: their rows, and what these make of the windows in which they came.

A window is judged by its rows alone, so reading, accepting and reading again come to the same, in whatever order.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet, Sum

from sync.mirror import tables
from sync.models.quarantine import OPEN, SHOWN, Quarantine
from sync.models.runs import READ, Window, WindowState
from sync.records import BrokenRecord, Mark
from sync.taxonomy import Fault

SEEN_AGAIN = timedelta(days=1)  # how stale "last seen" may get; spares a write each reading
_CHUNK = 2000  # values in one look-up: under SQLite's bound on parameters
Place = tuple[str, str]  # a window: stream and part


def keep(keys: Mapping[str, int], records: Sequence[BrokenRecord], now: datetime) -> None:
    """Rows of elements just shown; one that was released is open again. ``keys``: tenant and environment."""
    by_key = {(record.stream, record.part, record.kind, record.digest): record for record in records}
    stored, again = set(), []
    for *name, digest, pk, released_at, last_seen_at in _look_up(keys, {mark for *_, mark in by_key}):
        key = (*name, bytes(digest))
        if key in by_key:
            stored.add(key)
            if released_at is not None or now - last_seen_at > SEEN_AGAIN:
                again.append(pk)
    _update(again, last_seen_at=now, released_at=None)
    for some in tables.portions([record for key, record in sorted(by_key.items()) if key not in stored]):
        Quarantine.objects.bulk_create([_row(keys, record, now) for record in some])


def _look_up(keys: Mapping[str, int], marks: Collection[bytes]) -> Iterator[Any]:
    for some in _chunks(sorted(marks)):
        rows = Quarantine.objects.filter(environment_id=keys["environment_id"], digest__in=some)
        yield from rows.values_list("stream", "part", "kind", "digest", "pk", "released_at", "last_seen_at")


def _row(keys: Mapping[str, int], record: BrokenRecord, now: datetime) -> Quarantine:
    return Quarantine(
        **keys,
        stream=record.stream,
        part=record.part,
        day=record.day,
        kind=record.kind,
        external_id=record.external_id[:200],
        digest=record.digest,
        raw=record.raw,
        reason=record.reason,
        first_seen_at=now,
        last_seen_at=now,
    )


def places(environment_id: int) -> set[Place]:
    """The windows of which elements are in quarantine."""
    rows = Quarantine.objects.filter(SHOWN, environment_id=environment_id)
    return set(rows.values_list("stream", "part").distinct())


def settle(environment_id: int, place: Place, shown: Mapping[Mark, int], now: datetime) -> None:
    """After a whole reading of a window, which showed ``shown`` and how often: what else is kept of it is released."""
    gone, back = [], []
    times: dict[int, list[int]] = {}
    rows = _of(environment_id, place).values_list("pk", "kind", "digest", "times", "released_at")
    for pk, kind, digest, count, released_at in rows:
        seen = shown.get((kind, bytes(digest)))
        if seen is None:
            gone += [] if released_at else [pk]
            continue
        back += [pk] if released_at else []
        if seen != count:
            times.setdefault(seen, []).append(pk)
    _update(gone, released_at=now)
    _update(back, released_at=None)
    for count, pks in times.items():
        _update(pks, times=count)


def release_calls(environment_id: int, ids: Collection[str], now: datetime) -> set[Place]:
    """Calls that came in whole, wherever, are broken no more. Returns the windows that this may make complete."""
    waiting = Quarantine.objects.filter(SHOWN, environment_id=environment_id, kind="call").exclude(external_id="")
    whole = [row for row in waiting.values_list("pk", "external_id", "stream", "part") if row[1] in ids]
    _update([pk for pk, *_ in whole], released_at=now)
    return {(stream, part) for _, _, stream, part in whole}


def judge(window: Window) -> None:
    """Say of a window that was read to its end whether all of it is understood. Does not save it."""
    if window.state not in READ:
        return
    rows = _of(window.environment_id, (window.stream, window.part))
    counted = rows.filter(SHOWN).aggregate(shown=Sum("times", default=0), open=Sum("times", filter=OPEN, default=0))
    window.state = WindowState.UNREADABLE if counted["open"] else WindowState.COMPLETE
    window.fault = Fault.UNREADABLE if counted["open"] else ""
    if window.vendor_total is not None:
        window.mirrored = max(window.vendor_total - counted["shown"], 0)


def judge_again(environment_id: int, at: Iterable[Place]) -> None:
    """Judge windows whose rows changed outside a reading of theirs. In the transaction of that change."""
    for stream, part in sorted(at):
        rows = Window.objects.select_for_update(of=("self",))
        window = rows.filter(environment_id=environment_id, stream=stream, part=part).first()
        if window is not None:
            judge(window)
            window.save(update_fields=["state", "fault", "mirrored"])


def forget_parts(environment_id: int, stream: str, kept: Collection[str], now: datetime) -> None:
    """Release what came in windows of a stream that nobody reads any more."""
    rows = Quarantine.objects.filter(SHOWN, environment_id=environment_id, stream=stream)
    rows.exclude(part__in=kept).update(released_at=now)


def _of(environment_id: int, place: Place) -> QuerySet[Quarantine]:
    stream, part = place
    rows: QuerySet[Quarantine] = Quarantine.objects.filter(environment_id=environment_id, stream=stream, part=part)
    return rows


def _update(pks: Sequence[int], **values: object) -> None:
    for some in _chunks(pks):
        Quarantine.objects.filter(pk__in=some).update(**values)


def _chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]

"""What is kept of a record that names somebody who was erased, or that tells what is to be kept no more.

The same each time, digest included, so that a call that the vendor goes on telling of is found unchanged.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from msgspec.structs import replace

from portal.lib.phones import contact_digits, is_erased
from portal.privacy.retention import Keeping
from portal.privacy.tombstones import Named, Tombstones, code_of, digest_of, id_of, may_name, with_id
from sync.mirror import retained
from sync.models.calls import Call
from sync.records import BrokenRecord, CallbackDayRecord, CallRecord, CampaignRecord, Record, UnplacedRecord
from sync.taxonomy import Direction

_CHUNK = 2000  # ids in one look-up: under SQLite's bound on parameters


def heed(
    tombstones: Tombstones,
    keeping: Keeping,
    records: Sequence[tuple[Record, datetime]],
    environment_id: int,
) -> list[tuple[Record, datetime]]:
    """The records as they may be written. What is gone stays so, even where the vendor withholds the number now."""
    ids: dict[str, str] = {}
    codes: dict[str, str] = {}
    if tombstones or keeping.codes:
        named = {key for record, _ in records for key in _call_ids(record)}
        ids = _ids_gone(tombstones, sorted(filter(may_name, named)), environment_id)
        codes = dict(_codes(environment_id, sorted({ids.get(key, key) for key in named})))
    return [(_cut(keeping, _heeded(tombstones, record, (ids, codes)), codes), at) for record, at in records]


def _call_ids(record: Record) -> Iterator[str]:
    """The vendor's ids of the calls that a record names."""
    if isinstance(record, CallRecord | BrokenRecord):
        yield record.external_id
    elif isinstance(record, CampaignRecord):
        yield from (key for key, _ in record.calls)


def _ids_gone(tombstones: Tombstones, named: Sequence[str], environment_id: int) -> dict[str, str]:
    """What stands for those ids that were made of a number that is gone.

    A call that stands under its own id yet keeps it until the erasure comes to its row.
    """
    ours = {key: id_of(tombstones.tenant_id, key) for key in named}
    wanted, there = sorted({*ours, *ours.values()}), set[str]()
    for start in range(0, len(wanted), _CHUNK):
        rows = Call.objects.filter(environment_id=environment_id, external_id__in=wanted[start : start + _CHUNK])
        there.update(rows.values_list("external_id", flat=True))
    return {key: other for key, other in ours.items() if other in there or (key not in there and tombstones.names(key))}


def _codes(environment_id: int, ids: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Of those calls, by the vendor's id: what stands for the contact of each whose number is gone."""
    for start in range(0, len(ids), _CHUNK):
        rows = Call.objects.filter(environment_id=environment_id, external_id__in=ids[start : start + _CHUNK])
        yield from ((key, contact) for key, contact in rows.values_list("external_id", "contact") if is_erased(contact))


def _heeded(tombstones: Tombstones, record: Record, gone: tuple[Mapping[str, str], Mapping[str, str]]) -> Record:
    """``gone`` are the ids that others stand for, and the codes that stand for contacts."""
    ids, codes = gone
    if isinstance(record, CallRecord):
        key = ids.get(record.external_id, record.external_id)
        return _call(tombstones, record, key, codes.get(key, ""))
    raw, values = record.raw, _scrubbed(tombstones, record, ("name", "label", "reason"))
    if isinstance(record, BrokenRecord):
        values["external_id"] = ids.get(record.external_id, record.external_id)
    elif isinstance(record, CampaignRecord) and ids:
        for key in [key for key, _ in record.calls if key in ids]:
            raw = with_id(raw, key, ids[key])
        values["calls"] = tuple((ids.get(key, key), retries) for key, retries in record.calls)
    elif isinstance(record, CallbackDayRecord):
        values["sources"] = tuple((key, tombstones.scrub(name), count) for key, name, count in record.sources)
    raw = tombstones.scrub(raw)
    if raw == record.raw:
        return replace(record, **values)
    if isinstance(record, UnplacedRecord | BrokenRecord):
        return replace(record, **values, raw="")  # its window knows it by its digest
    return replace(record, **values, raw=raw, digest=digest_of(record.digest))


def _scrubbed(tombstones: Tombstones, record: Record, names: Sequence[str]) -> dict[str, Any]:
    return {name: tombstones.scrub(getattr(record, name)) for name in names if hasattr(record, name)}


def _call(tombstones: Tombstones, record: CallRecord, key: str, code: str) -> CallRecord:
    numbers = neutral_numbers(tombstones, record.from_number, record.to_number)
    erased, gone = bool(numbers) or code in tombstones.codes, tombstones
    if code:
        side = "to_number" if record.direction == Direction.OUTBOUND else "from_number"
        if not erased:
            gone = Named.these(tombstones.tenant_id, [contact_digits(getattr(record, side))])
        numbers[side] = code
    values = _scrubbed(gone, record, ("sid", "hangup_cause", "hangup_source")) | {"external_id": key}
    if record.agent_name:
        values["agent_name"] = tombstones.scrub(record.agent_name)
    raw = record.raw if key == record.external_id else with_id(record.raw, record.external_id, key)
    if numbers:
        raw = bare(tombstones, raw) if erased else tombstones.scrub(gone.scrub(raw))
        return replace(record, **(values | numbers | {"sid": ""}), raw=raw, digest=digest_of(record.digest))
    raw = tombstones.scrub(raw)
    if raw == record.raw and all(getattr(record, name) == value for name, value in values.items()):
        return record
    return replace(record, **values, raw=raw, digest=digest_of(record.digest))


def _cut(keeping: Keeping, record: Record, gone: Collection[str]) -> Record:
    """The record without what is over."""
    if isinstance(record, CallRecord):
        over = keeping.over(record.started_at)
        raw = retained.without(record.raw, over)
        return record if raw == record.raw else replace(record, raw=raw)
    if isinstance(record, BrokenRecord):
        over = keeping.over(record.started_at or (_start(record.day) if record.day else None))
        return replace(record, raw="") if over & retained.OF_UNREADABLE else record
    if isinstance(record, CampaignRecord) and keeping.codes and any(key in gone for key, _ in record.calls):
        return replace(record, raw=retained.without_calls(record.raw), digest=digest_of(record.digest))
    return record


def _start(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def neutral_numbers(tombstones: Tombstones, from_number: str, to_number: str) -> dict[str, str]:
    """The codes in place of those numbers of a call that are erased, by their column."""
    numbers = {"from_number": contact_digits(from_number), "to_number": contact_digits(to_number)}
    return {
        name: code_of(tombstones.tenant_id, contact) for name, contact in numbers.items() if tombstones.holds(contact)
    }


def bare(tombstones: Tombstones, raw: str) -> str:
    """The element of an erased call: when and how it went, and nobody's words."""
    return tombstones.scrub(retained.bare(raw))

"""What is kept of a record that names somebody who was erased, or that tells what is to be kept no more.

The same each time, digest included, so that a call that the vendor goes on telling of is found unchanged.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, date, datetime

from msgspec.structs import replace

from portal.lib.phones import contact_digits, is_erased
from portal.privacy.retention import Keeping
from portal.privacy.tombstones import Named, Tombstones, code_of, digest_of
from sync.mirror import retained
from sync.models.calls import Call
from sync.records import BrokenRecord, CallRecord, CampaignRecord, Record, UnplacedRecord
from sync.taxonomy import Direction

_CHUNK = 2000  # ids in one look-up: under SQLite's bound on parameters


def heed(
    tombstones: Tombstones,
    keeping: Keeping,
    records: Sequence[tuple[Record, datetime]],
    environment_id: int,
) -> list[tuple[Record, datetime]]:
    """The records as they may be written. What is gone stays so, even where the vendor withholds the number now."""
    named = {record.external_id for record, _ in records if isinstance(record, CallRecord)}
    if keeping.codes:
        named |= {key for record, _ in records if isinstance(record, CampaignRecord) for key, _ in record.calls}
    codes = dict(_codes(environment_id, sorted(named))) if tombstones or keeping.codes else {}
    return [(_cut(keeping, _heeded(tombstones, record, codes), codes), at) for record, at in records]


def _codes(environment_id: int, ids: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Of those calls, by the vendor's id: what stands for the contact of each whose number is gone."""
    for start in range(0, len(ids), _CHUNK):
        rows = Call.objects.filter(environment_id=environment_id, external_id__in=ids[start : start + _CHUNK])
        yield from ((key, contact) for key, contact in rows.values_list("external_id", "contact") if is_erased(contact))


def _heeded(tombstones: Tombstones, record: Record, codes: dict[str, str]) -> Record:
    if isinstance(record, CallRecord):
        return _call(tombstones, record, codes.get(record.external_id, ""))
    raw = tombstones.scrub(record.raw)
    if raw == record.raw:
        return record
    if isinstance(record, UnplacedRecord | BrokenRecord):
        return replace(record, raw="")  # its window knows it by its digest
    return replace(record, raw=raw, digest=digest_of(record.digest))


def _call(tombstones: Tombstones, record: CallRecord, code: str) -> CallRecord:
    numbers = neutral_numbers(tombstones, record.from_number, record.to_number)
    erased, gone = bool(numbers) or code in tombstones.codes, tombstones
    if code:
        side = "to_number" if record.direction == Direction.OUTBOUND else "from_number"
        if not erased:
            gone = Named.these(tombstones.tenant_id, [contact_digits(getattr(record, side))])
        numbers[side] = code
    words = {name: gone.scrub(getattr(record, name)) for name in ("sid", "hangup_cause", "hangup_source")}
    if numbers:
        raw = bare(tombstones, record.raw) if erased else tombstones.scrub(gone.scrub(record.raw))
        return replace(record, **(words | numbers | {"sid": ""}), raw=raw, digest=digest_of(record.digest))
    raw = tombstones.scrub(record.raw)
    if raw == record.raw and all(getattr(record, name) == word for name, word in words.items()):
        return record
    return replace(record, **words, raw=raw, digest=digest_of(record.digest))


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

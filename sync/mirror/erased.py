"""What is kept of a record that names somebody who was erased: what is counted, and nothing he is known by.

The same each time, digest included, so that an erased call that the vendor goes on telling of is found unchanged.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from portal.lib.phones import contact_digits, is_erased
from portal.privacy.tombstones import Tombstones, code_of, digest_of
from sync.models.calls import Call
from sync.records import BrokenRecord, CallRecord, Record, UnplacedRecord
from sync.taxonomy import Direction

_CHUNK = 2000  # ids in one look-up: under SQLite's bound on parameters
# What stays of an element: when and how it went, in the vendors' words for it.
_KEPT = frozenset(
    {
        "agent_id",
        "answer_time",
        "call_id",
        "created_at",
        "direction",
        "duration",
        "end_time",
        "id",
        "initiation_time",
        "is_testing",
        "org_id",
        "status",
        "updated_at",
    }
)


def heed(
    tombstones: Tombstones, records: Sequence[tuple[Record, datetime]], environment_id: int
) -> list[tuple[Record, datetime]]:
    """The records as they may be written. What was erased stays so, even where the vendor withholds the number now."""
    known = {record.external_id for record, _ in records if isinstance(record, CallRecord)}
    codes = dict(_codes(environment_id, sorted(known)))
    return [(_heeded(tombstones, record, codes), at) for record, at in records]


def _codes(environment_id: int, ids: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Of those calls, by the vendor's id: what stands for the contact of each that was erased."""
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
    if code:
        numbers["to_number" if record.direction == Direction.OUTBOUND else "from_number"] = code
    words = {name: tombstones.scrub(getattr(record, name)) for name in ("sid", "hangup_cause", "hangup_source")}
    if numbers:
        raw = bare(tombstones, record.raw)
        return replace(record, **(words | numbers | {"sid": ""}), raw=raw, digest=digest_of(record.digest))
    raw = tombstones.scrub(record.raw)
    if raw == record.raw and all(getattr(record, name) == word for name, word in words.items()):
        return record
    return replace(record, **words, raw=raw, digest=digest_of(record.digest))


def neutral_numbers(tombstones: Tombstones, from_number: str, to_number: str) -> dict[str, str]:
    """The codes in place of those numbers of a call that are erased, by their column."""
    numbers = {"from_number": contact_digits(from_number), "to_number": contact_digits(to_number)}
    return {
        name: code_of(tombstones.tenant_id, contact) for name, contact in numbers.items() if tombstones.holds(contact)
    }


def bare(tombstones: Tombstones, raw: str) -> str:
    """The element of an erased call: when and how it went, and nobody's words."""
    try:
        element: Any = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        element = None
    members = element if isinstance(element, dict) else {}
    kept = {name: value for name, value in members.items() if name in _KEPT and _is_plain(value)}
    return tombstones.scrub(msgspec.json.encode(kept).decode())


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, str | int | float)

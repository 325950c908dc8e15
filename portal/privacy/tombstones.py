"""What is known of erased numbers without knowing them: a keyed hash of each, and how many digits it has.

A text that is to be kept is looked through for digits that hash to one of these; what was found is written over.
Two who meet at the same moment take turns by :func:`reading` and :func:`burying`, so that whoever writes after an
erasure was asked for knows of it, and whoever wrote before is found by it.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from django.db import connection

from portal.lib import number_runs, phones
from portal.lib.number_runs import Run
from portal.privacy.models import Erasure
from portal.vault import keyed_hash

Number = tuple[str, int, str]  # as an erasure keeps it: keyed hash, how many digits, and the code in its place
LOCK = 0x45524153  # "ERAS", with the tenant's key: an advisory lock
GONE = "erased-"  # so begins what stands for a vendor's id that was made of a number
_SHORTEST = 8  # digits of a number that is erased
_OVER = "9"  # keeps JSON valid where a number stands without quotes


@dataclass(frozen=True, slots=True)
class Tombstones:
    """The erased numbers of one tenant. ``beginnings`` are what those of a length begin with: few texts are hashed."""

    tenant_id: int
    beginnings: Mapping[int, frozenset[str]] = field(default_factory=dict)
    hashes: frozenset[str] = frozenset()
    codes: frozenset[str] = frozenset()  # of calls whose number was gone before its person was erased

    def __bool__(self) -> bool:
        return bool(self.hashes)

    @classmethod
    def of(cls, tenant_id: int) -> "Tombstones":
        """All there are. The tenant's wall must be open."""
        rows = Erasure.objects.filter(tenant_id=tenant_id).values_list("numbers", flat=True)
        return cls(tenant_id).including(rows)

    def including(self, rows: Iterable[Iterable[Number]]) -> "Tombstones":
        several = [list(numbers) for numbers in rows]
        known = [number for numbers in several for number in numbers]
        beginnings = dict(self.beginnings)
        for length, beginning in (each for numbers in several for each in _beginnings(numbers)):
            beginnings[length] = beginnings.get(length, frozenset()) | {beginning}
        return replace(
            self,
            beginnings=beginnings,
            hashes=self.hashes | {digest for digest, _, _ in known},
            codes=self.codes | {code for _, _, code in known},
        )

    def holds(self, contact: str) -> bool:
        """Whether the digits are an erased number."""
        return len(contact) in self.beginnings and _hash(self.tenant_id, contact) in self.hashes

    def names(self, text: str) -> bool:
        """Whether a text holds an erased number, however it is written."""
        return bool(self) and any(True for run in number_runs.runs(text) for _place in self._places(run))

    def scrub(self, text: str) -> str:
        """The text with each erased number in it written over, however it is punctuated."""
        if not self or not text:
            return text
        return number_runs.rewrite(text, lambda run: [(place, _OVER) for place in set(self._places(run))])

    def _places(self, run: Run) -> Iterator[int]:
        """The digits of a run that are of an erased number."""
        digits = run.digits
        for length, beginnings in self.beginnings.items():
            several = tuple(beginnings)
            for start in range(len(digits) - length + 1):
                if digits.startswith(several, start) and self.holds(digits[start : start + length]):
                    yield from range(start, start + length)


@dataclass(frozen=True, slots=True)
class Named(Tombstones):
    """Numbers that are to go and are at hand, so that nothing has to be hashed to find them."""

    contacts: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.contacts)

    @classmethod
    def these(cls, tenant_id: int, contacts: Iterable[str]) -> "Named":
        """Some contacts, in every spelling."""
        spelt = {
            spelling
            for contact in contacts
            for spelling in (*phones.readings(contact), *phones.spellings(f"+{contact}"))
        }
        lengths = dict.fromkeys(map(len, spelt), frozenset({""}))
        return cls(tenant_id, beginnings=lengths, contacts=frozenset(spelt))

    def holds(self, contact: str) -> bool:
        return contact in self.contacts


def hashes_of(tenant_id: int, contacts: Iterable[str]) -> list[Number]:
    """As an erasure keeps its numbers."""
    return [(_hash(tenant_id, contact), len(contact), code_of(tenant_id, contact)) for contact in contacts]


def _beginnings(numbers: list[Number]) -> Iterator[tuple[int, str]]:
    """What each spelling of one number begins with, as far as its code tells: country and area of one of Brazil."""
    if not numbers:
        return
    _hash_of_it, whole, code = numbers[0]
    area = phones.area_code(code)
    known = {whole: f"55{area}", whole - 1: f"0{area}", whole - 2: area} if area else {}
    for _hash_of_one, length, _code in numbers:
        yield length, known.get(length, "")


def code_of(tenant_id: int, contact: str) -> str:
    """What stands for an erased contact from now on: the same each time."""
    return phones.erased_code(contact, int(keyed_hash("erased contact", str(tenant_id), contact), 16))


def id_of(tenant_id: int, external_id: str) -> str:
    """What stands for a vendor's id that holds an erased number: the same each time, another one for each id."""
    return f"{GONE}{keyed_hash('erased id', str(tenant_id), external_id)}"


def may_name(external_id: str) -> bool:
    """Whether a vendor's id has as many digits in a row as a number."""
    return any(len(run.digits) >= _SHORTEST for run in number_runs.runs(external_id))


def with_id(raw: str, external_id: str, other: str) -> str:
    """An element with another id in place of its own, wherever that stands as a text."""
    return raw.replace(json.dumps(external_id, ensure_ascii=False), json.dumps(other))


def digest_of(digest: bytes) -> bytes:
    """In place of the digest of what held an erased number: who has the rest of the text could else find the number by
    trying. The same each time, so that the vendor's next telling is known to be the same.
    """
    return bytes.fromhex(keyed_hash("erased digest", digest.hex()))


def reading(tenant_id: int) -> Tombstones:
    """The tombstones that a writer has to heed, until its transaction ends. SQLite has one writer at a time anyway."""
    _take("pg_advisory_xact_lock_shared", tenant_id)
    return Tombstones.of(tenant_id)


def burying(tenant_id: int) -> None:
    """Wait until no writer is under way that does not know of the erasure that this transaction adds."""
    _take("pg_advisory_xact_lock", tenant_id)


def _take(lock: str, tenant_id: int) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {lock}(%s::int, %s::int)", [LOCK, tenant_id % 2**31])


def _hash(tenant_id: int, contact: str) -> str:
    return keyed_hash("erased number", str(tenant_id), contact)

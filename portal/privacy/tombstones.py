"""What is known of erased numbers without knowing them: a keyed hash of each, and how many digits it has.

A text that is to be kept is looked through for digits that hash to one of these; what was found is written over.
Two who meet at the same moment take turns by :func:`reading` and :func:`burying`, so that whoever writes after an
erasure was asked for knows of it, and whoever wrote before is found by it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from django.db import connection

from portal.lib import phones
from portal.privacy.models import Erasure
from portal.vault import keyed_hash

Number = tuple[str, int, str]  # as an erasure keeps it: keyed hash, how many digits, and the code in its place
LOCK = 0x45524153  # "ERAS", with the tenant's key: an advisory lock
_BETWEEN = r"[ ().\-/\u00a0]{0,3}"
_RUN = re.compile(rf"[0-9](?:{_BETWEEN}[0-9]){{7,}}")
_DIGIT = re.compile(r"[0-9]")
_OVER = "9"  # keeps a text as long as it was, and JSON valid where a number stands without quotes


@dataclass(frozen=True, slots=True)
class Tombstones:
    """The erased numbers of one tenant."""

    tenant_id: int
    lengths: frozenset[int] = frozenset()
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
        known = [number for numbers in rows for number in numbers]
        return replace(
            self,
            lengths=self.lengths | {length for _, length, _ in known},
            hashes=self.hashes | {digest for digest, _, _ in known},
            codes=self.codes | {code for _, _, code in known},
        )

    def holds(self, contact: str) -> bool:
        """Whether the digits are an erased number."""
        return len(contact) in self.lengths and _hash(self.tenant_id, contact) in self.hashes

    def scrub(self, text: str) -> str:
        """The text with each erased number in it written over, however it is punctuated."""
        if not self or not text:
            return text
        return _RUN.sub(lambda run: self._over(run.group()), text)

    def _over(self, run: str) -> str:
        places = [match.start() for match in _DIGIT.finditer(run)]
        digits = "".join(run[place] for place in places)
        hidden: set[int] = set()
        for length in self.lengths:
            for start in range(len(digits) - length + 1):
                if self.holds(digits[start : start + length]):
                    hidden.update(places[start : start + length])
        if not hidden:
            return run
        return "".join(_OVER if place in hidden else sign for place, sign in enumerate(run))


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
        return cls(tenant_id, lengths=frozenset(map(len, spelt)), contacts=frozenset(spelt))

    def holds(self, contact: str) -> bool:
        return contact in self.contacts


def hashes_of(tenant_id: int, contacts: Iterable[str]) -> list[Number]:
    """As an erasure keeps its numbers."""
    return [(_hash(tenant_id, contact), len(contact), code_of(tenant_id, contact)) for contact in contacts]


def code_of(tenant_id: int, contact: str) -> str:
    """What stands for an erased contact from now on: the same each time."""
    return phones.erased_code(contact, int(keyed_hash("erased contact", str(tenant_id), contact), 16))


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

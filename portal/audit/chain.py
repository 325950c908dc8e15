"""The chain of entries: how each is sealed to the one before, and where it is broken.

An entry's digest is SHA-256 over the digest before it and all that the entry says, in one canonical form, so anybody
who holds an exported log can check it without a key. The head of a chain is the only row that is ever updated.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC
from ipaddress import ip_address
from typing import Any

from django.db import transaction

from portal.audit.models import Act, Entry, EntryHead, Head, PlatformEntry, PlatformEntryHead
from portal.tenants import wall

SEALED = ("previous", "tenant", "number", "at", "action", "user", "key", "about", "changes", "address")
PLATFORM = 1  # the key of the head of the platform's chain


@dataclass(frozen=True, slots=True)
class Break:
    """The first entry that does not hold, and why."""

    number: int
    reason: str


def append(entry: Act) -> None:
    """Seal a new entry to the end of its chain and insert it. The chain waits for the caller's transaction to end.

    The wall of the entry's tenant must be open.
    """
    with transaction.atomic():
        head = _held_head(entry)
        entry.number, entry.previous = head.number + 1, head.digest
        entry.digest = digest_of(entry)
        entry.save(force_insert=True)
        head.number, head.digest = entry.number, entry.digest
        head.save(update_fields=["number", "digest"])


def _held_head(entry: Act) -> Head:
    if isinstance(entry, Entry):
        ends: Any = EntryHead.objects.select_for_update(of=("self",)).filter(pk=entry.tenant_id)
        name = {"pk": entry.tenant_id, "tenant_id": entry.tenant_id}
    else:
        ends, name = PlatformEntryHead.objects.select_for_update().filter(pk=PLATFORM), {"pk": PLATFORM}
    head: Head | None = ends.first()
    if head is None:  # the first entry of all; somebody else may be writing one as well
        ends.model.objects.get_or_create(**name)
        head = ends.get()
    return head


def sealed(entry: Any) -> dict[str, Any]:
    """All that an entry says, by name, in the order in which it is sealed."""
    return {
        "previous": entry.previous,
        "tenant": getattr(entry, "tenant_id", None),
        "number": entry.number,
        "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "action": entry.action,
        "user": entry.user_id,
        "key": getattr(entry, "key_id", None),
        "about": entry.about,
        "changes": entry.changes,
        "address": None if entry.address is None else ip_address(entry.address).exploded,
    }


def digest_of(entry: Any) -> str:
    """What seals an entry: the same on both databases, and for a row of a migration."""
    return _digest(sealed(entry).values())


def _digest(said: Iterable[Any]) -> str:
    return hashlib.sha256(json.dumps(list(said), sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def first_break_of_lines(lines: Iterable[str]) -> tuple[Break | None, int, str]:
    """Where an exported log is broken, and the number and digest it ends with. It asks no database."""
    number, digest = 0, ""
    for text in lines:
        line = json.loads(text)
        if line["number"] != number + 1:
            return Break(number + 1, "it is missing"), number, digest
        if line["previous"] != digest:
            return Break(number + 1, "it is not sealed to the entry before"), number, digest
        if line["digest"] != _digest(line[name] for name in SEALED):
            return Break(number + 1, "it does not say what was sealed"), number, digest
        number, digest = line["number"], line["digest"]
    return None, number, digest


def first_break(tenant_id: int | None) -> Break | None:
    """Where the chain of a tenant, or the platform's for None, is broken; None when it holds from end to end."""
    # One transaction that holds the head, so that no entry comes in between the entries and their end.
    if tenant_id is None:
        with transaction.atomic():
            ends = PlatformEntryHead.objects.select_for_update().filter(pk=PLATFORM).first()
            return _walk(PlatformEntry.objects.order_by("number").iterator(2000), ends)
    with wall.tenant(tenant_id), transaction.atomic():
        end = EntryHead.objects.select_for_update(of=("self",)).filter(pk=tenant_id).first()
        return _walk(Entry.objects.order_by("number").iterator(2000), end)


def _walk(entries: Iterable[Act], head: Head | None) -> Break | None:
    number, digest = 0, ""
    for entry in entries:
        if entry.number != number + 1:
            return Break(number + 1, "it is missing")
        if entry.previous != digest:
            return Break(entry.number, "it is not sealed to the entry before")
        if entry.digest != digest_of(entry):
            return Break(entry.number, "it does not say what was sealed")
        number, digest = entry.number, entry.digest
    end = (0, "") if head is None else (head.number, head.digest)
    if end != (number, digest):
        return Break(number + 1, "it is missing at the end" if end[0] > number else "the end was not noted")
    return None

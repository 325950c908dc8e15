"""Looking through every text of a tenant that may name an erased person, and writing over what is found.

Batches are read without a lock. Where one of them has something to write, it is read again after ``burying``, so that
no reading of a vendor is under way that has other versions of these rows, or waits for them in another order.
"""

import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from django.apps import apps
from django.db import models, transaction
from django.db.models import F
from django.utils import timezone

from portal.privacy.registry import PERSONAL, Kind, columns
from portal.privacy.tombstones import Tombstones, burying, code_of, digest_of
from portal.work.retries import persist
from reports.queries.contacts.ids import digits_within, id_within
from sync.models.calls import Call

_BATCH = 500
# Texts whose digest is kept beside them: what held a number is known again by another one.
_DIGESTS = {
    "sync.Agent.payload": "digest",
    "sync.CallbackDay.payload": "digest",
    "sync.Campaign.detail_payload": "detail_digest",
    "sync.Campaign.payload": "digest",
}
# Where an address of ours may stand, and in it the id of a contact, which opens to his number.
_ADDRESSES = frozenset((*PERSONAL[Kind.MAIL], *PERSONAL[Kind.WRITTEN]))
_WORD = re.compile(r"[A-Za-z0-9_-]{32,}")
_BLANKED = frozenset({"sync.Quarantine.raw", "sync.Unplaced.raw"})  # they are known by the digest of the text itself


def scrub_texts(tombstones: Tombstones, place: str, hold: Callable[..., None]) -> None:
    """Every row after ``place``, which is ``table:key`` of the last that was looked through, or empty."""
    reached, _, key = place.partition(":")
    for label, names in sorted(columns(Kind.RAW, Kind.MAIL, Kind.WRITTEN, Kind.WORD).items()):
        if label < reached:
            continue
        model = apps.get_model(label)
        last = model._meta.pk.to_python(key) if label == reached else None
        while (last := persist(partial(_some, tombstones, (model, names), last, hold))) is not None:
            pass


def _some(
    tombstones: Tombstones, table: tuple[type[models.Model], list[str]], last: Any, hold: Callable[..., None]
) -> Any:
    """Look through the next rows; the key of the last one, None after the last of all."""
    model, names = table
    rows = model._default_manager.order_by("pk")
    some = list((rows if last is None else rows.filter(pk__gt=last)).values("pk", *names)[:_BATCH])
    if not some:
        return None
    last = some[-1]["pk"]
    found = [row["pk"] for row in some if any(_scrubbed(tombstones, model._meta.label, row, names))]
    with transaction.atomic():
        if found:
            burying(tombstones.tenant_id)
        changed = 0
        for row in rows.filter(pk__in=found).select_for_update(of=("self",)).values("pk", *names):
            if values := dict(_scrubbed(tombstones, model._meta.label, row, names)):
                changed += 1
                _write(model, row["pk"], values)
        hold(place=f"{model._meta.label}:{last}", texts=F("texts") + changed)
    return last


def _scrubbed(tombstones: Tombstones, label: str, row: dict[str, Any], names: list[str]) -> Iterator[tuple[str, Any]]:
    """The columns of a row that named somebody, as they are to be."""
    for name in names:
        value = row[name]
        column = f"{label}.{name}"
        clean: Any
        if isinstance(value, str):
            clean = _clean(tombstones, column, value)
        elif isinstance(value, bytes | memoryview):
            value = bytes(value)
            clean = tombstones.scrub(value.decode("latin-1")).encode("latin-1")
        else:
            clean = json.loads(_clean(tombstones, column, json.dumps(value, ensure_ascii=False)))
        if clean != value:
            yield name, "" if column in _BLANKED else clean


def _clean(tombstones: Tombstones, column: str, text: str) -> str:
    if column in _ADDRESSES:
        text = _WORD.sub(lambda word: _contact(tombstones, word.group()), text)
    return tombstones.scrub(text)


def _contact(tombstones: Tombstones, word: str) -> str:
    """The id that an erased contact has now in place of the one he had; any other word as it is."""
    contact = digits_within(tombstones.tenant_id, word)
    held = contact and tombstones.holds(contact)
    return id_within(tombstones.tenant_id, code_of(tombstones.tenant_id, contact)) if held else word


def _write(model: type[models.Model], key: Any, values: dict[str, Any]) -> None:
    label = model._meta.label
    rows = model._default_manager.filter(pk=key)
    for name in list(values):
        if digest := _DIGESTS.get(f"{label}.{name}"):
            stored = rows.values_list(digest, flat=True).get()
            values[digest] = None if stored is None else digest_of(bytes(stored))
    rows.update(**values)
    if label == "sync.Payload":
        _reseal_call(key)


def _reseal_call(key: Any) -> None:
    calls = Call.objects.filter(pk=key)
    for stored in calls.values_list("digest", flat=True):
        calls.update(digest=digest_of(bytes(stored)), changed_at=timezone.now())

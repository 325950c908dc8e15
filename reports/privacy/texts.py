"""Looking through every text of a tenant that may name an erased person, and writing over what is found.

Batches are read without a lock. Where one of them has something to write, it is read again after ``burying``, so that
no reading of a vendor is under way that has other versions of these rows, or waits for them in another order.
"""

import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from typing import Any

from django.apps import apps
from django.db import models, transaction
from django.db.models import F
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from portal.outbox.models import Enclosure
from portal.privacy.registry import PERSONAL, Kind, columns
from portal.privacy.tombstones import Tombstones, burying, code_of, digest_of, id_of, with_id
from portal.work.retries import persist
from reports.privacy import inside
from reports.queries.contacts.ids import digits_within, id_within
from sync.models.calls import Call, Payload
from sync.models.campaigns import CampaignCall

_BATCH = 500
_FILES = 5  # that go with mails, each of some megabytes
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
    for label, names in sorted(columns(Kind.ID, Kind.RAW, Kind.MAIL, Kind.WRITTEN, Kind.WORD).items()):
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
    size = _FILES if model is Enclosure else _BATCH
    some = list((rows if last is None else rows.filter(pk__gt=last)).values("pk", *names)[:size])
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
                _write(model, row["pk"], values, tombstones)
        hold(place=f"{model._meta.label}:{last}", texts=F("texts") + changed)
    return last


def _scrubbed(tombstones: Tombstones, label: str, row: dict[str, Any], names: list[str]) -> Iterator[tuple[str, Any]]:
    """The columns of a row that named somebody, as they are to be."""
    for name in names:
        value = row[name]
        column = f"{label}.{name}"
        clean: Any
        if column in PERSONAL[Kind.ID]:
            clean = id_of(tombstones.tenant_id, value) if tombstones.names(value) else value
        elif isinstance(value, str):
            clean = _clean(tombstones, column, value)
        elif isinstance(value, bytes | memoryview):
            clean = b"" if inside.names(tombstones, BytesIO(value)) else value
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


def _write(model: type[models.Model], key: Any, values: dict[str, Any], tombstones: Tombstones) -> None:
    label = model._meta.label
    rows = model._default_manager.filter(pk=key)
    if label == "sync.Call" and "external_id" in values:
        _rename_in_payload(tombstones, key, values["external_id"])
    elif label == "outbox.Enclosure":
        values |= _withdrawn(Enclosure.objects.select_related("message").defer("content").get(pk=key))
    elif label == "sync.CampaignCall":  # a reading since may have named the call as it is to be named
        campaign = rows.values("campaign")
        CampaignCall.objects.filter(campaign__in=campaign, call_key=values["call_key"]).delete()
    for name in list(values):
        if digest := _DIGESTS.get(f"{label}.{name}"):
            stored = rows.values_list(digest, flat=True).get()
            values[digest] = None if stored is None else digest_of(bytes(stored))
    rows.update(**values)
    if label == "sync.Payload":
        _reseal_call(key)


def _withdrawn(enclosure: Enclosure) -> dict[str, Any]:
    """In place of a file that held a number: a text that says so, in the mail's language."""
    with translation.override(enclosure.message.language or None):
        reason = _("This file was withdrawn: it held data of a person who asked that they be erased.")
    name = f"{enclosure.name[:140]}.txt"
    return {"name": name, "content_type": "text/plain; charset=utf-8", "content": f"{reason}\r\n".encode()}


def _rename_in_payload(tombstones: Tombstones, key: Any, external_id: str) -> None:
    """What the vendor said of a call names it by the id that it has from now on."""
    was = Call.objects.filter(pk=key).values_list("external_id", flat=True).get()
    for raw in Payload.objects.filter(pk=key).values_list("raw", flat=True):
        clean = tombstones.scrub(with_id(raw, was, external_id))
        if clean != raw:
            Payload.objects.filter(pk=key).update(raw=clean)
            _reseal_call(key)


def _reseal_call(key: Any) -> None:
    calls = Call.objects.filter(pk=key)
    for stored in calls.values_list("digest", flat=True):
        calls.update(digest=digest_of(bytes(stored)), changed_at=timezone.now())

"""Erasing a person's calls, some at a time: their numbers, what was said in them, and what members wrote of it."""

from collections.abc import Callable, Sequence
from datetime import UTC, date
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet

from portal.privacy.tombstones import Tombstones, burying, code_of, digest_of, id_of, with_id
from portal.tenants.models.tenants import Environment
from portal.work.clock import database_now
from portal.work.retries import persist
from reports.annotations.models import CallNote
from reports.columns.sweep import withdraw
from sync.mirror.erased import bare, neutral_numbers
from sync.models.calls import Call, Payload
from sync.models.lines import Line

_BATCH = 200
# What is written anew of a call whose number goes.
REWRITTEN = (
    "external_id",
    "from_number",
    "to_number",
    "contact",
    "sid",
    "hangup_cause",
    "hangup_source",
    "digest",
    "changed_at",
)


def erase_calls(tombstones: Tombstones, hold: Callable[..., None]) -> None:
    """Every call that names an erased number on either side. Numbers are found by their hash, each of them once; calls
    whose number was gone already, by its code.

    ``hold`` is called in the transaction of each batch, with what it adds to the row of the erasure.
    """
    _strip_nameless(tombstones, hold)
    contacts = Call.objects.order_by().values_list("contact", flat=True).distinct().iterator()
    found = [contact for contact in contacts if tombstones.holds(contact)]
    lines = Line.objects.order_by().values_list("number", "digits")
    own = [number for number, digits in lines if tombstones.holds(digits)]
    theirs = Q(contact__in=found) | (Q(from_number__in=own) | Q(to_number__in=own) if own else Q(pk__in=()))
    rows = Call.objects.filter(theirs).order_by("pk")
    while persist(lambda: _erase_some(tombstones, rows, hold)):
        pass
    Line.objects.filter(number__in=own).delete()


def _strip_nameless(tombstones: Tombstones, hold: Callable[..., None]) -> None:
    keys = list(Call.objects.filter(contact__in=tombstones.codes).order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(keys), _BATCH):
        persist(partial(_strip_some, tombstones, keys[start : start + _BATCH], hold))


def _strip_some(tombstones: Tombstones, keys: Sequence[Any], hold: Callable[..., None]) -> None:
    with transaction.atomic():
        stripped = []
        for payload in Payload.objects.select_for_update(of=("self",)).filter(call__in=keys).order_by("call_id"):
            raw = bare(tombstones, payload.raw)
            if raw != payload.raw:
                payload.raw = raw
                stripped.append(payload)
        Payload.objects.bulk_update(stripped, ("raw",))
        CallNote.objects.filter(call__in=keys).delete()
        hold(calls=F("calls") + len(stripped))


def _erase_some(tombstones: Tombstones, rows: QuerySet[Call], hold: Callable[..., None]) -> int:
    if not rows.exists():
        return 0
    with transaction.atomic():
        burying(tombstones.tenant_id)  # a reading of the vendor holds rows in an order of its own
        calls = list(rows.select_for_update(of=("self",))[:_BATCH])
        now = database_now()
        raws = dict(Payload.objects.filter(call__in=calls).values_list("call_id", "raw"))
        for call in calls:
            raw = _neutralise(tombstones, call, raws.get(call.pk, ""))
            raws |= {call.pk: raw} if call.pk in raws else {}
            call.changed_at = now
        Call.objects.bulk_update(calls, REWRITTEN)
        payloads = [
            Payload(
                call_id=call.pk,
                tenant_id=call.tenant_id,
                environment_id=call.environment_id,
                raw=bare(tombstones, raws[call.pk]),
            )
            for call in calls
            if call.pk in raws
        ]
        Payload.objects.bulk_update(payloads, ("raw",))
        CallNote.objects.filter(call__in=calls).delete()
        _withdraw_columns(calls)
        hold(calls=F("calls") + len(calls))
        return len(calls)


def _neutralise(tombstones: Tombstones, call: Call, raw: str) -> str:
    """Take the number out of a call; its element, with the id that the call has now."""
    for name, code in neutral_numbers(tombstones, call.from_number, call.to_number).items():
        setattr(call, name, code)
    if tombstones.holds(call.contact):
        call.contact = code_of(call.tenant_id, call.contact)
    if tombstones.names(call.external_id):
        was, call.external_id = call.external_id, id_of(call.tenant_id, call.external_id)
        raw = with_id(raw, was, call.external_id)
    call.sid = ""
    call.hangup_cause = tombstones.scrub(call.hangup_cause)
    call.hangup_source = tombstones.scrub(call.hangup_source)
    call.digest = digest_of(bytes(call.digest))
    return raw


def _withdraw_columns(calls: Sequence[Call]) -> None:
    days: dict[int, set[date]] = {}
    for call in calls:
        days.setdefault(call.environment_id, set()).add(call.started_at.astimezone(UTC).date())
    for environment in Environment.objects.filter(pk__in=days):
        withdraw(environment, days[environment.pk])

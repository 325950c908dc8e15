"""Numbers of people with whom there was no call for so long: a code takes the place of each, as of an erased one.

All calls of a contact keep naming one contact, so a number goes once the *last* of them is old. Nothing else changes:
outcome, duration, area code and own numbers stay, and with them every figure.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Count, Max, QuerySet
from django.db.models.functions import Length

from portal.lib.phones import CODE_LENGTH
from portal.privacy.models import Removal
from portal.privacy.tombstones import Named, burying, code_of, digest_of, id_of, with_id
from portal.work.clock import database_now
from portal.work.retries import persist
from reports.annotations.models import CallNote
from reports.privacy.calls import REWRITTEN
from reports.privacy.exports import withdraw_exports
from reports.privacy.retention.rounds import Round, some_of
from sync.mirror.calls import mark_dirty
from sync.mirror.retained import without_calls
from sync.models.calls import Call, Payload
from sync.models.campaigns import Campaign, CampaignCall
from sync.taxonomy import Direction

_AT_ONCE = 10_000  # contacts that are listed
_CONTACTS = 50  # contacts of one transaction
_BATCH = 500


def silent(since: datetime) -> QuerySet[Call, Any]:
    """The contacts whose number is known and whose last call is of before ``since``, with the moment of that call."""
    rows = Call.objects.exclude(contact="").order_by().annotate(digits=Length("contact")).exclude(digits=CODE_LENGTH)
    return rows.values("contact").annotate(last=Max("started_at")).filter(last__lt=since)


def numbers_by_environment(since: datetime) -> dict[int, int]:
    rows = Call.objects.filter(contact__in=silent(since).values("contact")).order_by().values("environment_id")
    return dict(rows.annotate(count=Count("contact", distinct=True)).values_list("environment_id", "count"))


def take_numbers(round_: Round) -> None:
    while contacts := list(silent(round_.since).values_list("contact", flat=True)[:_AT_ONCE]):
        for some in some_of(contacts, _CONTACTS):
            _take(round_, some)
            round_.go_on()
    _cut_campaigns(round_)
    if Removal.objects.filter(what=round_.what, day=round_.day).exists():
        withdraw_exports(round_.since.date())


def _take(round_: Round, contacts: Sequence[str]) -> None:
    tenant_id = round_.rule.tenant_id

    def take() -> None:
        with transaction.atomic():
            burying(tenant_id)  # a reading of the vendor holds rows in an order of its own
            again = Call.objects.filter(contact__in=contacts, started_at__gte=round_.since)  # since they were listed
            gone = set(contacts) - set(again.values_list("contact", flat=True))
            named = Named.these(tenant_id, gone)
            rows = Call.objects.filter(contact__in=gone, started_at__lt=round_.since).order_by("pk")
            while calls := list(rows.select_for_update(of=("self",))[:_BATCH]):
                _neutralise(named, calls)
            round_.note(len(gone))

    persist(take)


def _neutralise(named: Named, calls: Sequence[Call]) -> None:
    now = database_now()
    days: dict[int, set[date]] = {}
    renamed: dict[Any, tuple[str, str]] = {}  # by the call's key: its id as it was, and as it is from now on
    for call in calls:
        if named.names(call.external_id):
            renamed[call.pk] = call.external_id, id_of(call.tenant_id, call.external_id)
            call.external_id = renamed[call.pk][1]
        call.contact = code_of(call.tenant_id, call.contact)
        setattr(call, "to_number" if call.direction == Direction.OUTBOUND else "from_number", call.contact)
        call.sid, call.changed_at = "", now
        call.hangup_cause, call.hangup_source = named.scrub(call.hangup_cause), named.scrub(call.hangup_source)
        call.digest = digest_of(bytes(call.digest))
        days.setdefault(call.environment_id, set()).add(call.started_at.astimezone(UTC).date())
    Call.objects.bulk_update(calls, REWRITTEN)
    payloads, notes = list(Payload.objects.filter(call__in=calls)), list(CallNote.objects.filter(call__in=calls))
    for payload in payloads:
        if payload.call_id in renamed:
            payload.raw = with_id(payload.raw, *renamed[payload.call_id])
        payload.raw = named.scrub(payload.raw)
    for note in notes:
        note.text = named.scrub(note.text)
    Payload.objects.bulk_update(payloads, ("raw",))
    CallNote.objects.bulk_update(notes, ("text",))
    _rename_links(
        {(call.environment_id, renamed[call.pk][0]): call.external_id for call in calls if call.pk in renamed}
    )
    for environment_id, moved in days.items():
        mark_dirty(named.tenant_id, environment_id, moved, now)


def _rename_links(renamed: Mapping[tuple[int, str], str]) -> None:
    links = CampaignCall.objects.filter(call_key__in=[was for _environment, was in renamed]) if renamed else ()
    changed = [link for link in links if (link.environment_id, link.call_key) in renamed]
    for link in changed:
        link.call_key = renamed[link.environment_id, link.call_key]
    CampaignCall.objects.bulk_update(changed, ("call_key",))


def _cut_campaigns(round_: Round) -> None:
    """What is kept of a campaign's own answer names its calls with their numbers. Not of one with a number gone."""
    rows = Campaign.objects.exclude(detail_payload="").order_by("pk")
    for pk in list(rows.values_list("pk", flat=True)):
        persist(partial(_cut_campaign, round_, pk))
        round_.go_on()


def _cut_campaign(round_: Round, pk: int) -> None:
    with transaction.atomic():
        campaign = Campaign.objects.select_for_update(of=("self",)).get(pk=pk)
        raw = without_calls(campaign.detail_payload)
        if raw == campaign.detail_payload or not _names_code(campaign):
            return
        stored = campaign.detail_digest
        digest = None if stored is None else digest_of(bytes(stored))
        Campaign.objects.filter(pk=pk).update(detail_payload=raw, detail_digest=digest)
        round_.note(0)


def _names_code(campaign: Campaign) -> bool:
    keys = list(campaign.calls.values_list("call_key", flat=True))
    calls = Call.objects.filter(environment_id=campaign.environment_id).annotate(digits=Length("contact"))
    return any(calls.filter(digits=CODE_LENGTH, external_id__in=some).exists() for some in some_of(keys, _BATCH))

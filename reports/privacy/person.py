"""All that is kept of one person, by his number: what his export holds in full, and what it can only count.

Each column of the registry (``portal.privacy.registry``) is either in ``IN_FULL`` or among ``COUNTED`` with the reason;
a test fails for one that is neither.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from django.apps import apps
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model, Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portal.lib import phones
from portal.privacy.registry import columns
from portal.privacy.tombstones import Tombstones, hashes_of
from reports.annotations.models import CallFlag, CallNote
from reports.privacy import inside
from sync.models.calls import Call, Payload, Unplaced
from sync.models.lines import Line
from sync.models.quarantine import Quarantine

_BATCH = 200
_LOOKED: str | Promise = _("It says why somebody looked.")
_MANY: str | Promise = _("It tells of many people at once.")
_AGENT: str | Promise = _("It names an agent of the company's.")
_READING: str | Promise = _("It tells how reading went.")
_MEMBERS: str | Promise = _("It was written, asked for or sent by members.")

IN_FULL = frozenset(
    {
        "reports_remarks.CallNote.text",
        "sync.Call.contact",
        "sync.Call.external_id",
        "sync.Call.from_number",
        "sync.Call.hangup_cause",
        "sync.Call.hangup_source",
        "sync.Call.sid",
        "sync.Call.to_number",
        "sync.Payload.raw",
        "sync.Quarantine.external_id",
        "sync.Quarantine.note",
        "sync.Quarantine.raw",
        "sync.Quarantine.reason",
        "sync.Unplaced.raw",
    }
)
COUNTED: dict[str, str | Promise] = {
    "audit.Visit.reason": _LOOKED,
    "outbox.Enclosure.content": _MEMBERS,
    "outbox.Message.html": _MEMBERS,
    "outbox.Message.subject": _MEMBERS,
    "outbox.Message.text": _MEMBERS,
    "privacy.Reveal.reason": _LOOKED,
    "reports_alerts.Alert.filters": _MEMBERS,
    "reports_alerts.Alert.name": _MEMBERS,
    "reports_files.Export.facts": _MEMBERS,
    "reports_files.Export.query": _MEMBERS,
    "reports_files.Export.subject": _("It is the number of an export such as this one, encrypted."),
    "reports_files.Export.title": _MEMBERS,
    "reports_handover.Destination.name": _MEMBERS,
    "reports_handover.ExportSchedule.name": _MEMBERS,
    "reports_handover.ExportSchedule.query": _MEMBERS,
    "reports_handover.Handover.manifest": _MEMBERS,
    "reports_mail.Delivery.snapshot": _MEMBERS,
    "reports_mail.Subscription.filters": _MEMBERS,
    "reports_mail.Subscription.name": _MEMBERS,
    "reports_mail.Subscription.note": _MEMBERS,
    "reports_mail.Subscription.subject": _MEMBERS,
    "reports_saved.Board.name": _MEMBERS,
    "reports_saved.SavedView.name": _MEMBERS,
    "reports_saved.SavedView.query": _MEMBERS,
    "sync.Agent.callback_payload": _MANY,
    "sync.Agent.label": _AGENT,
    "sync.Agent.name": _AGENT,
    "sync.Agent.payload": _MANY,
    "sync.Agent.price_payload": _MANY,
    "sync.CallbackDay.payload": _MANY,
    "sync.CallbackDay.sources": _MANY,
    "sync.Campaign.detail_payload": _MANY,
    "sync.Campaign.name": _MANY,
    "sync.Campaign.payload": _MANY,
    "sync.CampaignCall.call_key": _MANY,
    "sync.Gap.detail": _READING,
    "sync.Line.digits": _("It is a number of the company's own."),
    "sync.Line.number": _("It is a number of the company's own."),
    "sync.Run.detail": _READING,
    "tenants.ApiKey.name": _MEMBERS,
    "tenants.Environment.name": _MEMBERS,
}
# Of a call: all columns but those that are digests, or the tenant's.
_OF_A_CALL = tuple(
    field.attname for field in Call._meta.concrete_fields if field.attname not in ("digest", "tenant_id")
)
_ELEMENTS: tuple[type[Model], ...] = (Quarantine, Unplaced)
Element = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who called or was called, by the spellings of his number. The wall must be open."""

    contacts: tuple[str, ...]
    marks: Tombstones  # finds the number in a text; nothing of him is buried

    @classmethod
    def of(cls, tenant_id: int, number: str) -> "Person":
        """Without spellings for what is no whole number."""
        contacts = phones.spellings(number)
        return cls(contacts, Tombstones(tenant_id).including([hashes_of(tenant_id, contacts)]))

    @property
    def calls(self) -> Any:
        own = [number for number, digits in Line.objects.values_list("number", "digits") if digits in self.contacts]
        theirs = Q(contact__in=self.contacts)
        if own:
            theirs |= Q(from_number__in=own) | Q(to_number__in=own)
        return Call.objects.filter(theirs).order_by("pk")

    def is_named(self, value: Any) -> bool:
        """Whether a column names him, in any spelling."""
        if isinstance(value, bytes | memoryview):
            return inside.names(self.marks, BytesIO(value))
        return self.marks.names(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def told_calls(person: Person) -> Iterator[Element]:
    """His calls, oldest first: every column, what the vendor said, and what members noted and flagged."""
    for calls in _batches(person.calls.select_related("environment", "agent")):
        raws = dict(Payload.objects.filter(call__in=calls).values_list("call_id", "raw"))
        notes, flags = _by_call(CallNote, calls, "text", "created_at"), _by_call(CallFlag, calls, "flag", "set_at")
        for call in calls:
            element = _element(raws.get(call.pk, ""))
            link = element.get("call_recording_url") if isinstance(element, dict) else None
            yield {name: getattr(call, name) for name in _OF_A_CALL} | {
                "environment": call.environment.name,
                "agent": str(call.agent) if call.agent else "",
                "recording": link if isinstance(link, str) else "",
                "notes": notes.get(call.pk, []),
                "flags": flags.get(call.pk, []),
                "element": element,
                "raw": raws.get(call.pk, ""),
            }


def told_elements(person: Person) -> Iterator[Element]:
    """What a vendor sent that is no call yet and names him."""
    for model in _ELEMENTS:
        for rows in _batches(model._default_manager.select_related("environment").order_by("pk")):
            for row in filter(lambda row: person.is_named(row.raw), rows):
                yield {
                    "kind": str(model._meta.verbose_name),
                    "environment": row.environment.name,
                    "first_seen_at": row.first_seen_at,
                    "raw": row.raw,
                    "reason": getattr(row, "reason", ""),
                    "note": getattr(row, "note", ""),
                }


def told_notes(person: Person) -> Iterator[Element]:
    """Notes on other people's calls that name him."""
    for rows in _batches(CallNote.objects.exclude(call__in=person.calls.values("pk")).order_by("pk")):
        for row in filter(lambda row: person.is_named(row.text), rows):
            yield {"call": row.call_id, "created_at": row.created_at, "text": row.text}


def mentions(person: Person, pulse: Callable[[], None]) -> Iterator[tuple[str, int, str]]:
    """Where else he is named: column, in how many rows, and why these are not handed out. None is left out for 0."""
    for label, names in sorted(columns().items()):
        held = [name for name in names if f"{label}.{name}" in COUNTED]
        counts = dict.fromkeys(held, 0)
        for rows in _batches(apps.get_model(label)._default_manager.order_by("pk"), *held) if held else ():
            pulse()
            for row in rows:
                for name in held:
                    counts[name] += person.is_named(row[name])
        for name in held:
            yield f"{label}.{name}", counts[name], str(COUNTED[f"{label}.{name}"])


def in_others_calls(person: Person, pulse: Callable[[], None]) -> int:
    """How many calls of other people say his number."""
    found = 0
    for rows in _batches(Payload.objects.exclude(call__in=person.calls.values("pk")).order_by("pk"), "raw"):
        pulse()
        found += sum(person.is_named(row["raw"]) for row in rows)
    return found


def as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, cls=DjangoJSONEncoder)


def _element(raw: str) -> Any:
    """As the vendor sent it; its text where that is none."""
    try:
        return json.loads(raw)
    except ValueError:
        return raw


def _by_call(model: type[Model], calls: list[Call], *names: str) -> dict[Any, list[Element]]:
    found: dict[Any, list[Element]] = {}
    for row in model._default_manager.filter(call__in=calls).order_by("pk").values("call_id", *names):
        found.setdefault(row.pop("call_id"), []).append(row)
    return found


def _batches(rows: Any, *names: str) -> Iterator[list[Any]]:
    """Rows, or the named columns of them, some at a time; they are in the order of their keys."""
    last: Any = None
    while True:
        some = rows if last is None else rows.filter(pk__gt=last)
        batch = list((some.values("pk", *names) if names else some)[:_BATCH])
        if not batch:
            return
        yield batch
        last = batch[-1]["pk"] if names else batch[-1].pk

"""The page of one call, arranged from what ``reports.queries`` tells of it."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpResponse, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.audit.access import note_transcripts
from portal.audit.record import address_of
from portal.formats import figures
from portal.tenants.guards import TenantRequest
from reports.annotations.flags import raised
from reports.annotations.models import MOST_TEXT
from reports.annotations.notes import Note, notes_of
from reports.definitions.filters import Filters, QuestionError
from reports.definitions.periods import Period, local_date
from reports.queries.calls.detail import CallDetail, detail
from reports.queries.calls.history import Change
from reports.queries.calls.lists import CallRow, beside
from reports.queries.calls.payload_parts import Facts
from reports.queries.completeness.freshness import completeness
from reports.queries.question import read_calls
from reports.queries.scope import Scope
from reports.web.call.contact import with_contact
from reports.web.call.facts import OUTCOMES, direction_word, groups, status_word, untold
from reports.web.call.latency import answers, waterfall
from reports.web.call.raw import raw
from reports.web.call.talk import shown, talk
from reports.web.call.times import clock, offset, stretch
from reports.web.call.words import event_word, key_word, value_word
from reports.web.contact.back import leading_here
from reports.web.contact.views import revealing
from reports.web.shared.completeness import completeness_line

MOST_ROWS = 40
_CONTROLS = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
MOST_EVENTS = 100


@dataclass(frozen=True, slots=True)
class Draft:
    """A note as it was sent and refused; ``note`` is the one to be changed, "" for a new one."""

    text: str
    error: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class FactRows:
    """A part of scalars: rows of words, the rest folded as text."""

    title: str
    rows: tuple[tuple[str, str], ...]
    rest: str


@dataclass(frozen=True, slots=True)
class EventRow:
    """A line of the timeline. ``offset`` is the time since the start, ``gap`` that since the event before."""

    name: str
    offset: str
    gap: str


@dataclass(frozen=True, slots=True)
class FieldChange:
    name: str
    was: str
    now: str


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """What one reading of the vendor changed."""

    at: str
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True)
class NoteRow:
    note: Note
    text: str  # as the reader may see it
    at: str
    changed: str
    may_change: bool


def find(request: TenantRequest, call: UUID) -> tuple[CallDetail, Scope]:
    """The call and the reader's scope; 404 for a foreign id as for an absent one. Opening a transcript is noted."""
    scope = Scope.of(request.scope_grant)
    try:
        call_detail = detail(call, scope)
    except ObjectDoesNotExist:
        raise Http404 from None
    if call_detail.has_transcript:
        note_transcripts(
            "call",
            str(call),
            tenant_id=request.tenant.pk,
            user=request.user,
            address=address_of(request),
        )
    return call_detail, scope


def call_page(request: TenantRequest, call: UUID, draft: Draft | None = None) -> TemplateResponse:
    """The whole page. ``draft`` is a note that was refused: it stands in its form again, with the reason."""
    call_detail, scope = find(request, call)
    slug, zone, now = request.tenant.slug, scope.zone, timezone.now()
    row, parts = call_detail.row, call_detail.parts
    started = row["started_at"]
    above, below = _beside(request.GET, row, scope)
    query = request.GET.urlencode()
    given = answers(parts, call_detail.latencies)
    talked = talk(parts, started, given, agent=row["agent_name"])
    contact = row["to_number"] if row["direction"] == "outbound" else row["from_number"]
    day = local_date(started, zone)
    filters = Filters(environments=(UUID(row["environment"]),))
    standing = completeness(scope, Period(day, day + timedelta(days=1), zone), filters, now=now)
    context: dict[str, Any] = {
        "page": "calls",
        "row": row,
        "contact": figures.phone(contact),
        "direction": direction_word(row["direction"]),
        "status": status_word(row["status"]),
        "outcome": OUTCOMES[row["outcome"]],
        "started": clock(started, zone),
        "zone": figures.zone_name(zone),
        "line": completeness_line(standing, zone, now=now),
        "groups": groups(call_detail, slug, zone),
        "untold": untold(call_detail),
        "events": _events(call_detail),
        "talk": talked,
        "latency": waterfall(parts, call_detail.latencies, started, shown=talked.shown),
        "insights": _section(_("Insights"), parts.insights),
        "sections": _sections(call_detail),
        "unrecognised": parts.unrecognised,
        "raw": raw(call_detail.payload),
        "changes": _changes(call_detail, zone),
        "first_seen": clock(call_detail.first_seen_at, zone),
        "around": with_contact(call_detail, scope),
        "flags": raised(row["id"], scope, request.user),
        "clears": request.membership.role != "viewer",
        "notes": [_note(note, call_detail, zone) for note in notes_of(row["id"], scope, request.membership)],
        "draft": draft,
        "most_text": str(MOST_TEXT),  # an attribute takes no thousands separator
        "above": above,
        "below": below,
        "query": f"?{query}" if query else "",
        "list_url": reverse("reports_web:calls", args=[slug]) + (f"?{query}" if query else ""),
        **revealing(request, scope, row["contact_id"]),
        "contact_url": _contact_url(slug, row, query),
    }
    response = TemplateResponse(request, "reports/call.html", context, status=422 if draft else 200)
    response.add_post_render_callback(_make_signs_visible)
    return response


def _contact_url(slug: str, row: CallRow, query: str) -> str:
    """The contact's page, from which the way back leads to this call; "" for a withheld number."""
    if not row["contact_id"]:
        return ""
    return reverse("reports_web:contact", args=[slug, row["contact_id"]]) + leading_here("call", query, call=row["id"])


def _make_signs_visible(response: HttpResponse) -> None:
    """NUL and its like, which a vendor's text may hold and no page may, become the sign for what can't be shown."""
    response.content = _CONTROLS.sub("\ufffd".encode(), response.content)


def _beside(params: QueryDict, row: CallRow, scope: Scope) -> tuple[str, str]:
    """The calls above and below in the list that the address carries on; none when it carries no list."""
    try:
        ordering = params.get("ordering") or "-started_at"
        return beside(row, read_calls(params, scope), scope, ordering=ordering)
    except QuestionError:
        return "", ""


def _events(call_detail: CallDetail) -> list[EventRow]:
    """The timeline with the time of each event from the start, and from the event before."""
    events: list[EventRow] = []
    before = None
    started = call_detail.row["started_at"]
    for event in call_detail.parts.timeline[:MOST_EVENTS]:
        gap = ""
        if event.at and before and event.at > before:
            gap = f"+{stretch(event.at - before)}"
        events.append(EventRow(event_word(event.name[:200]), offset(event.at, started) or event.time[:80], gap))
        before = event.at or before
    return events


def _sections(call_detail: CallDetail) -> list[FactRows]:
    parts = call_detail.parts
    titled = ((_("Quality"), parts.quality), (_("Context"), parts.context), (_("Audio"), parts.audio))
    return [section for title, facts in titled if (section := _section(title, facts))]


def _section(title: str, facts: Facts) -> FactRows | None:
    """None where nothing is told."""
    if not facts.rows and not facts.rest:
        return None
    rows = tuple((key_word(key), value_word(key, value)) for key, value in list(facts.rows.items())[:MOST_ROWS])
    more = dict(list(facts.rows.items())[MOST_ROWS:]) | facts.rest
    return FactRows(title, rows, shown(more or None))


def _changes(call_detail: CallDetail, zone: str) -> list[ChangeRow]:
    return [
        ChangeRow(clock(changes.at, zone), tuple(_change(change, zone) for change in changes.fields))
        for changes in call_detail.changes
    ]


def _change(change: Change, zone: str) -> FieldChange:
    names = {"status": _("status"), "duration": _("duration"), "started_at": _("start")}

    def word(value: Any) -> str:
        if change.field == "status":
            return status_word(value)
        if change.field == "started_at":
            return clock(value, zone)
        return figures.NO_BASE if value is None else figures.duration(value)

    return FieldChange(names[change.field], word(change.was), word(change.now))


def _note(note: Note, call_detail: CallDetail, zone: str) -> NoteRow:
    text = call_detail.written(note.text)
    return NoteRow(
        note=note,
        text=text,
        at=clock(note.created_at, zone),
        changed=clock(note.changed_at, zone),
        # Whoever sees the text with dots in it must not write them over what stood there.
        may_change=note.may_change and text == note.text,
    )

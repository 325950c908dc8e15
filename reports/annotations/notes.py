"""Notes about calls: plain text, by members, read by every member whose scope holds the call."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.audit.record import record
from portal.tenants.models.people import Membership, Role
from reports.annotations.models import MOST_TEXT, CallNote
from reports.annotations.within import of_calls
from reports.queries.calls.lists import call
from reports.queries.scope import Scope

MOST_NOTES = 200  # of one call


class NoteRefused(ValueError):
    """A note can't be kept as it is; the text says why to whoever wrote it."""


@dataclass(frozen=True, slots=True)
class Note:
    """``author`` is empty when he is no longer known. ``may_*`` are the reader's rights."""

    id: str
    author: str
    text: str
    created_at: datetime
    changed_at: datetime | None
    may_change: bool = False
    may_delete: bool = False


def counts_of(call_ids: Iterable[UUID | str], scope: Scope) -> dict[str, int]:
    """How many notes some calls have, by call id; calls without any are left out. One query."""
    rows = of_calls(CallNote, call_ids, scope).values_list("call_id").order_by().annotate(count=Count("pk"))
    return {str(call): count for call, count in rows}


def notes_of(call_id: UUID | str, scope: Scope, membership: Membership | None = None) -> list[Note]:
    """The notes about a call, oldest first, with what ``membership`` may do to them. One query."""
    rows = of_calls(CallNote, [call_id], scope).select_related("author").order_by("created_at", "id")
    return [
        Note(
            id=str(row.public_id),
            author=str(row.author or ""),
            text=row.text,
            created_at=row.created_at,
            changed_at=row.changed_at,
            may_change=may_change(row, membership),
            may_delete=may_delete(row, membership),
        )
        for row in rows[:MOST_NOTES]
    ]


def may_change(note: CallNote, membership: Membership | None) -> bool:
    return membership is not None and note.author_id is not None and note.author_id == membership.user_id


def may_delete(note: CallNote, membership: Membership | None) -> bool:
    if membership is None:
        return False
    return may_change(note, membership) or Role(membership.role).covers(Role.MANAGER)


def write(call_id: UUID | str, text: str, scope: Scope, membership: Membership) -> CallNote:
    """A new note. Raises NoteRefused, and Call.DoesNotExist for a call that the member may not see."""
    row, clean = call(call_id, scope), _read(text)
    if CallNote.objects.filter(call=row).count() >= MOST_NOTES:
        raise NoteRefused(_("This call has as many notes as it may have."))
    with transaction.atomic():
        note = CallNote.objects.create(tenant_id=row.tenant_id, call=row, author=membership.user, text=clean)
        _note_act("note.written", note, membership)
    return note


def change(call_id: UUID | str, note_id: UUID | str, text: str, scope: Scope, membership: Membership) -> None:
    """Its author's new text. Raises NoteRefused; PermissionError for another's note; CallNote.DoesNotExist."""
    note = _find(call_id, note_id, scope)
    if not may_change(note, membership):
        raise PermissionError("A note is changed by its author alone.")
    clean = _read(text)
    if clean == note.text:
        return
    with transaction.atomic():
        note.text, note.changed_at = clean, timezone.now()
        note.save(update_fields=["text", "changed_at"])
        _note_act("note.changed", note, membership)


def delete(call_id: UUID | str, note_id: UUID | str, scope: Scope, membership: Membership) -> None:
    """By its author or a manager; raises PermissionError for anybody else and CallNote.DoesNotExist."""
    note = _find(call_id, note_id, scope)
    if not may_delete(note, membership):
        raise PermissionError("A note is deleted by its author or a manager.")
    with transaction.atomic():
        _note_act("note.deleted", note, membership)
        note.delete()


def _find(call_id: UUID | str, note_id: UUID | str, scope: Scope) -> CallNote:
    return of_calls(CallNote, [call_id], scope).select_related("author").get(public_id=note_id)


def _read(text: str) -> str:
    """The text as it is kept: no signs that a database refuses, one form of line ends, nothing around it."""
    clean = (
        text.encode("utf-8", "ignore").decode().replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n").strip()
    )
    if not clean:
        raise NoteRefused(_("The note is empty."))
    if len(clean) > MOST_TEXT:
        over = len(clean) - MOST_TEXT
        raise NoteRefused(
            ngettext(
                "The note is %(over)s character too long; at most %(most)s are kept.",
                "The note is %(over)s characters too long; at most %(most)s are kept.",
                over,
            )
            % {"over": over, "most": MOST_TEXT}
        )
    return clean


def _note_act(action: str, note: CallNote, membership: Membership) -> None:
    about: dict[str, Any] = {"call": str(note.call_id), "note": str(note.public_id)}
    record(action, tenant_id=note.tenant_id, user=membership.user, about=about)

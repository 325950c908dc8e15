"""The file of one person: a ZIP with what is kept of him as JSON and as CSV, and a page that says what is where."""

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO
from zipfile import ZIP_DEFLATED, ZipFile

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.formats.figures import decimal
from portal.tenants.models.tenants import Tenant
from reports.files.as_csv import pieces
from reports.files.table import Column, Kind
from reports.privacy.person import (
    Element,
    Person,
    as_json,
    in_others_calls,
    mentions,
    told_calls,
    told_elements,
    told_notes,
)


@dataclass(frozen=True, slots=True)
class Held:
    """How much the archive holds."""

    calls: int
    elements: int
    notes: int
    mentions: int

    def lines(self) -> list[tuple[str, str]]:
        return [
            (_("Calls"), ngettext("%(n)s call", "%(n)s calls", self.calls) % {"n": decimal(self.calls)}),
            (_("Elements that are no calls yet"), decimal(self.elements)),
            (_("Notes on calls of others"), decimal(self.notes)),
            (_("Other places that name the person"), decimal(self.mentions)),
        ]


def write_person(tenant: Tenant, person: Person, out: BinaryIO, pulse: Callable[[], None]) -> Held:
    """Write the archive, in the active language. The wall must be open."""
    with ZipFile(out, "w", ZIP_DEFLATED) as archive:
        tables = _Tables(archive, tenant.zone)
        calls = tables.write("calls", _call_columns(), told_calls(person))
        elements = tables.write("elements", _element_columns(), told_elements(person))
        notes = tables.write("notes", _note_columns(), told_notes(person))
        named = list(mentions(person, pulse))
        others = in_others_calls(person, pulse)
        named.append(("sync.Payload.raw", others, _("They are calls of other people.")))
        told = [{"column": column, "rows": rows, "reason": why} for column, rows, why in named]
        tables.write("mentions", _mention_columns(), told)
        held = Held(calls, elements, notes, sum(rows for _column, rows, _why in named))
        archive.writestr("about.txt", _about(tenant, held))
    return held


class _Tables:
    def __init__(self, archive: ZipFile, zone: str) -> None:
        self._archive, self._zone = archive, zone

    def write(self, name: str, columns: tuple[Column, ...], rows: Iterable[Element]) -> int:
        """``name.json`` and ``name.csv``; how many rows. The table is spooled, since an archive takes one at a time."""
        count, spool = 0, io.StringIO()

        def through() -> Iterator[tuple[Any, ...]]:
            nonlocal count
            with self._archive.open(f"{name}.json", "w", force_zip64=True) as file:
                file.write(b"[")
                for row in rows:
                    row = dict(row)
                    cells = tuple(_cell(row, column) for column in columns)
                    row.pop("raw", None) if "element" in row else None
                    file.write(("," if count else "").encode() + f"\n{as_json(row)}".encode("utf-8", "replace"))
                    count += 1
                    yield cells
                file.write(b"\n]\n")

        spool.writelines(pieces(columns, through(), self._zone, headed=True))
        self._archive.writestr(f"{name}.csv", spool.getvalue().encode("utf-8", "replace"))
        return count


def _cell(row: Element, column: Column) -> Any:
    value = row[column.key]
    return as_json(value) if isinstance(value, list | dict) else str(value) if column.kind == Kind.TEXT else value


def _call_columns() -> tuple[Column, ...]:
    return (
        Column("id", _("Call")),
        Column("external_id", _("Vendor's id")),
        Column("environment", _("Environment")),
        Column("agent", _("Agent")),
        Column("started_at", _("Started"), Kind.MOMENT),
        Column("answered_at", _("Answered"), Kind.MOMENT),
        Column("ended_at", _("Ended"), Kind.MOMENT),
        Column("direction", _("Direction")),
        Column("status", _("Status")),
        Column("is_test", _("Test call"), Kind.FLAG),
        Column("from_number", _("From")),
        Column("to_number", _("To")),
        Column("contact", _("Contact")),
        Column("duration_ms", _("Duration (ms)"), Kind.MS),
        Column("billed_ms", _("Billed (ms)"), Kind.MS),
        Column("hangup_cause", _("Cause of hang-up")),
        Column("hangup_source", _("Who hung up")),
        Column("sid", _("Telephony id")),
        Column("first_seen_at", _("First seen"), Kind.MOMENT),
        Column("missing_since", _("Missing at the vendor since"), Kind.MOMENT),
        Column("recording", _("Recording")),
        Column("notes", _("Notes")),
        Column("flags", _("Flags")),
        Column("raw", _("As the vendor sent it, with the transcript")),
    )


def _element_columns() -> tuple[Column, ...]:
    return (
        Column("kind", _("Kind")),
        Column("environment", _("Environment")),
        Column("first_seen_at", _("First seen"), Kind.MOMENT),
        Column("reason", _("Reason")),
        Column("note", _("Note")),
        Column("raw", _("As the vendor sent it")),
    )


def _note_columns() -> tuple[Column, ...]:
    return (
        Column("call", _("Call")),
        Column("created_at", _("Written"), Kind.MOMENT),
        Column("text", _("Note")),
    )


def _mention_columns() -> tuple[Column, ...]:
    return (
        Column("column", _("Where")),
        Column("rows", _("Rows"), Kind.COUNT),
        Column("reason", _("Why it is not handed out")),
    )


def _about(tenant: Tenant, held: Held) -> str:
    text = [
        _("What %(name)s keeps of one person, by his telephone number.") % {"name": tenant.name},
        "",
        *(f"{label}: {count}" for label, count in held.lines()),
        "",
        _("calls: every call, with what was said in it, links of recordings, notes and flags."),
        _("elements: what a vendor sent that could not be read as a call."),
        _("notes: what members wrote about him on calls of others."),
        _("mentions: where else his number stands, counted, and why these rows are not handed out."),
        _("Each is there twice: as JSON for programs, and as CSV for a spreadsheet."),
    ]
    return "\r\n".join(text) + "\r\n"

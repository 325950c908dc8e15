"""Calls as CSV: the rows behind a figure, streamed from the database in constant memory.

Columns are the API's fields of a call. Moments are in the asked zone with their offset, so that an hour that comes
twice stays two hours. A spreadsheet runs a text that begins like a formula; such a cell gets an apostrophe in front.
Plain numbers such as +5511987654321 are kept as they are.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, TextIO
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_lazy as _

from reports.queries.calls import stream
from reports.queries.question import CallQuestion
from reports.scope import Scope

_BATCH = 500
_FORMULA = re.compile(r"[\s\0\ufeff]*[=+\-@＝＋－＠\t\r\n\0]")
_PLAIN_NUMBER = re.compile(r"\+[0-9]{3,20}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Dialect:
    delimiter: str = ","
    decimal: str = "."
    mark: str = ""  # what tells a spreadsheet that the file is UTF-8


DIALECTS = {
    "csv": Dialect(),
    "excel": Dialect(mark="\ufeff"),
    "excel-pt": Dialect(delimiter=";", decimal=",", mark="\ufeff"),
}

# (key of a row of calls, header)
COLUMNS = (
    ("id", _("Id")),
    ("external_id", _("Vendor's id")),
    ("environment", _("Environment id")),
    ("environment_name", _("Environment")),
    ("agent", _("Agent id")),
    ("agent_name", _("Agent")),
    ("direction", _("Direction")),
    ("status", _("Status")),
    ("outcome", _("Outcome")),
    ("started_at", _("Started")),
    ("answered_at", _("Answered")),
    ("ended_at", _("Ended")),
    ("duration", _("Duration (s)")),
    ("billed", _("Billed (s)")),
    ("from_number", _("From")),
    ("to_number", _("To")),
    ("contact_id", _("Contact")),
    ("is_test", _("Test call")),
    ("hangup_cause", _("Cause of hang-up")),
    ("hangup_source", _("Who hung up")),
    ("missing_since", _("Missing upstream since")),
    ("changed_at", _("Changed here")),
)


def write_calls(question: CallQuestion, scope: Scope, out: TextIO, *, dialect: str = "csv") -> int:
    """Write the calls in question, newest first, and return how many they are. The wall must be open."""
    form = DIALECTS[dialect]
    rows = 0

    def counted() -> Iterator[dict[str, Any]]:
        nonlocal rows
        for row in stream(question, scope):
            rows += 1
            yield row

    for piece in _pieces(counted(), form, ZoneInfo(question.zone or scope.zone), _headers()):
        out.write(piece)
    return rows


def stream_calls(question: CallQuestion, scope: Scope, *, dialect: str = "csv") -> Iterator[str]:
    """The same file in pieces. The wall must be open while each is taken; headers are in the language active now."""
    return _pieces(stream(question, scope), DIALECTS[dialect], ZoneInfo(question.zone or scope.zone), _headers())


def _headers() -> list[str]:
    return [str(header) for _key, header in COLUMNS]


def _pieces(rows: Iterable[dict[str, Any]], form: Dialect, zone: ZoneInfo, headers: list[str]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=form.delimiter, lineterminator="\r\n")
    buffer.write(form.mark)
    writer.writerow(headers)
    source = iter(rows)
    while True:
        batch = list(islice(source, _BATCH))
        writer.writerows([_cell(row[key], form, zone) for key, _header in COLUMNS] for row in batch)
        yield buffer.getvalue()
        if len(batch) < _BATCH:
            return
        buffer.seek(0)
        buffer.truncate()


def _cell(value: Any, form: Dialect, zone: ZoneInfo) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(zone).isoformat(sep=" ")
    if isinstance(value, int | float):
        return f"{value:.3f}".rstrip("0").rstrip(".").replace(".", form.decimal)
    return safe(str(value))


def safe(text: str) -> str:
    """The text as a spreadsheet may open it: never as a formula."""
    if _FORMULA.match(text) and not _PLAIN_NUMBER.fullmatch(text):
        return f"'{text}"
    return text

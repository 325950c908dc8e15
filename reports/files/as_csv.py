"""Any table as CSV, and the list of calls streamed without a job.

Moments are in the asked zone with their offset, so that an hour that comes twice stays two hours; in the dialects for
spreadsheets, which know no date with an offset, they are the zone's own time, and the header names the zone. A
spreadsheet runs a text that begins like a formula; such a cell gets an apostrophe in front. Plain numbers such as
+5511987654321 are kept as they are. A spreadsheet that splits at other signs joins such a number with the cells behind
it, so every text that could go on as a formula stands in quotes, within which nothing runs; in the dialects for
spreadsheets every text does, which an import takes for "this is text". The rows are all there is in the file: what it
rests on stands beside it, in the job.

Plain CSV is for programs: its columns are called and its values are written as the API does, whatever the language.
Figures have every digit that the API gives. The dialects for spreadsheets are for people, in the language of the
spreadsheet, and their figures are rounded as on a page.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

from django.utils import translation

from portal.formats import figures
from reports.files.table import Column, Kind, Row, Table, Written
from reports.files.tables import call_columns, call_rows
from reports.queries.question import CallQuestion
from reports.queries.scope import Scope

_BATCH = 500
_FORMULA = re.compile(r"[\s\0\ufeff]*[=+\-@＝＋－＠\t\r\n\0]")
# After what another spreadsheet takes for a cell's end: Portuguese ones split a file with commas at semicolons.
# All signs between two words are taken at once, so that a text is read once from end to end.
_BETWEEN = re.compile(r"[;,\t\r\n][\s\0\ufeff\"';,]*+(?=(?P<runs>[=+\-@＝＋－＠])?)", re.ASCII)
_ENDS_CELL = re.compile(r"[;,\t\r\n]")
_PLAIN_NUMBER = re.compile(r"\+[0-9]{3,20}", re.ASCII)
# A plain number inside a text, and all that may follow it in its cell, by the sign at which the cell begins. One that
# begins at a comma ends with the text; one that begins at another sign goes on in the next column.
_PLAIN_CELLS = {
    sign: re.compile(rf"\+[0-9]{{3,20}}(?!\w)[\w \t;,.:\-]*?(?:[{sign}\r\n]{end})", re.ASCII)
    for sign, end in {",": r"|\Z", ";": "", "\t": "", "\r": "", "\n": ""}.items()
}
_HARMLESS = re.compile(r"[\w .:+\-]*")  # no formula does anything without other signs


_Teller = tuple[str, Callable[[Any], str]]  # what stands for None, and what writes any other value


@dataclass(frozen=True, slots=True)
class Dialect:
    delimiter: str = ","
    decimal: str = "."
    mark: str = ""  # what tells a spreadsheet that the file is UTF-8
    quoted: bool = False  # for a spreadsheet: every text in quotes, times as it knows them
    language: str = ""  # of the spreadsheet, and so of headers and values; "" for the API's words


DIALECTS = {
    "csv": Dialect(),
    "excel": Dialect(mark="\ufeff", quoted=True, language="en"),
    "excel-pt": Dialect(delimiter=";", decimal=",", mark="\ufeff", quoted=True, language="pt-br"),
}


def spreadsheet_of(language: str | None) -> str:
    """The dialect that a spreadsheet in this language opens by a click."""
    return "excel-pt" if language == "pt-br" else "csv"


def language_of(dialect: str) -> str:
    """The language that a file in this dialect is in, whoever asks for it; "" where any can be."""
    return DIALECTS[dialect].language if dialect else ""


def write(table: Table, out: BinaryIO, *, dialect: str = "") -> Written:
    rows = 0

    def counted() -> Iterator[Row]:
        nonlocal rows
        for row in table.rows:
            rows += 1
            yield row

    for piece in pieces(table.columns, counted(), table.facts.zone, dialect):
        out.write(piece.encode("utf-8", "replace"))
    return Written(rows)


def stream_calls(
    question: CallQuestion, scope: Scope, *, dialect: str = "csv", ordering: str = "-started_at"
) -> Iterator[str]:
    """The calls in question, in pieces of one file. The wall must be open while each is taken.

    Raises QuestionError at once for an order in which they cannot be.
    """
    with translation.override(language_of(dialect) or translation.get_language()):
        rows = call_rows(question, scope, ordering=ordering)
        return pieces(call_columns(), rows, question.zone or scope.zone, dialect)


def pieces(
    columns: Iterable[Column], rows: Iterable[Row], zone: str, dialect: str = "", *, headed: bool = False
) -> Iterator[str]:
    """The text of the file, some hundred rows at a time; words are in the language active now. A file that is
    ``headed`` has headers for people over the values for programs.
    """
    form, columns = DIALECTS[dialect or "csv"], tuple(columns)
    tells = [_teller(column, form, ZoneInfo(zone)) for column in columns]
    if form.quoted:
        headers = [column.header_in(zone) for column in columns]
    else:
        headers = [column.header if headed else column.key for column in columns]
    return _pieces(headers, tells, iter(rows), form)


def _pieces(headers: list[str], tells: list[_Teller], source: Iterator[Row], form: Dialect) -> Iterator[str]:
    texts = [_text(header, form) for header in headers]
    # Excel takes a file that begins with the letters ID for one of another kind.
    ahead = form.mark + _lines([texts if not texts[0].startswith("ID") else list(map(_quoted, texts))], form)
    while True:
        batch = list(islice(source, _BATCH))
        yield ahead + _lines(
            (
                [none if value is None else tell(value) for (none, tell), value in zip(tells, row, strict=True)]
                for row in batch
            ),
            form,
        )
        if len(batch) < _BATCH:
            return
        ahead = ""


def _lines(rows: Iterable[list[str]], form: Dialect) -> str:
    """A line without anything in it would be no row."""
    return "".join((form.delimiter.join(row) or _quoted("")) + "\r\n" for row in rows)


def _teller(column: Column, form: Dialect, zone: ZoneInfo) -> _Teller:
    tell = _value_teller(column, form, zone)
    words = {key: _quoted(safe(word)) for key, word in column.spoken.items()} if form.quoted else {}
    if not words:
        return "", tell
    return words.get(None, ""), lambda value: words[value] if value in words else tell(value)


def _value_teller(column: Column, form: Dialect, zone: ZoneInfo) -> Callable[[Any], str]:
    kind, places = column.kind, column.places
    if kind == Kind.TEXT:
        return lambda value: _text(value, form)
    if kind == Kind.FLAG:
        return lambda value: "true" if value else "false"
    if kind == Kind.DAY:
        return lambda value: str(value.isoformat())
    if kind == Kind.MOMENT and form.quoted:
        return lambda value: str(value.astimezone(zone).replace(tzinfo=None).isoformat(sep=" ", timespec="seconds"))
    if kind == Kind.MOMENT:
        return lambda value: str(value.astimezone(zone).isoformat(sep=" "))
    if form.quoted and places is not None:
        return lambda value: number(_rounded(value, places), form.decimal)
    return lambda value: number(value, form.decimal)


def _text(value: str, form: Dialect) -> str:
    text = safe(value)
    return text if not form.quoted and _HARMLESS.fullmatch(text) else _quoted(text)


def _quoted(text: str) -> str:
    escaped = text.replace('"', '""')
    return f'"{escaped}"'


def _rounded(value: float, places: int) -> float:
    """Whole numbers stay whole numbers."""
    return value if isinstance(value, int) else float(figures.rounded(value, places)) + 0.0  # no −0


def number(value: float, decimal: str = ".") -> str:
    """As it stands in the row, with every digit."""
    text = repr(value)
    if text.endswith(".0"):
        text = text[:-2]
    return text if decimal == "." else text.replace(".", decimal)


def safe(text: str) -> str:
    """The text as a spreadsheet may open it: never as a formula, whichever separators it splits cells at."""
    ahead = "'" if _FORMULA.match(text) and not _PLAIN_NUMBER.fullmatch(text) else ""
    return ahead + _BETWEEN.sub(_between, text)


def _between(found: re.Match[str]) -> str:
    """The signs before a word, with an apostrophe after each end of a cell that the word would begin as a formula."""
    signs = found[0]
    if not found["runs"]:
        return signs
    begins = max(map(signs.rfind, _PLAIN_CELLS))
    if not signs[begins + 1 :].strip() and _PLAIN_CELLS[signs[begins]].match(found.string, found.end()):
        return signs
    last = max(signs.rfind(";"), signs.rfind(","), 0)
    return signs[:last] + _ENDS_CELL.sub(r"\g<0>'", signs[last:])

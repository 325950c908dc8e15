"""Any table as an Excel workbook: the rows, on as many sheets as they need, and a last sheet about them.

Rows go to disk as they come. XlsxWriter makes the workbook; the rows themselves are written here, straight into the
file that it keeps for a sheet in its constant-memory mode, which is several times quicker than cell by cell. Texts are
texts whatever they begin with, moments are Excel's dates in the asked zone, which their headers name. Figures have
every digit; their format shows as many as a page does.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

import xlsxwriter
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from xlsxwriter.utility import xl_col_to_name

from portal.formats import figures
from reports.files.about import about_rows
from reports.files.table import FEW, Column, Figure, Kind, Row, Table, Written

SHEET_ROWS = 1_048_576  # Excel's, the header's included
MOST_CHARACTERS = 32_767  # of a cell, in UTF-16 units
_DAY_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 - Excel's wall clock, which has no zone
_FIRST_DATE = datetime(1900, 3, 1)  # noqa: DTZ001 - before it Excel has a day that never was
_SPECIAL = re.compile("[&<>\x00-\x08\x0b-\x1f\ufffe\uffff\ud800-\udfff]|_x[0-9A-Fa-f]{4}_")
_NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_FORMATS = {
    Kind.MOMENT: "yyyy-mm-dd hh:mm:ss",
    Kind.DAY: "yyyy-mm-dd",
    Kind.COUNT: "#,##0",
    Kind.NUMBER: "#,##0.0#",
    Kind.PERCENT: "#,##0.0",
    Kind.POINTS: "#,##0.0",
    Kind.SECONDS: "#,##0.0##",
    Kind.MINUTES: "#,##0.0",
    Kind.MS: "#,##0",
    Kind.MONEY: "#,##0.00",
}
_DIGITS = {
    Kind.NUMBER: 2,
    Kind.PERCENT: 1,
    Kind.POINTS: 1,
    Kind.SECONDS: 3,
    Kind.MINUTES: 1,
    Kind.MONEY: 2,
    Kind.FIGURE: 1,
}
_MARK = f'"{FEW}"'  # behind a figure, in its format: the cell stays a number
_WIDTHS = {Kind.MOMENT: 20.5, Kind.DAY: 12}
# Widths are in characters of the usual font.
SEEN = 500  # rows that tell how wide columns are
WIDEST = 48
MOST_LINES = 3  # of a header
BOLD, ROOM = 1.15, 1.05  # of a bold letter, and of any
BUTTON = 3.5  # what a column's filter covers
LINE = 15.5  # points


def write(
    table: Table, out: BinaryIO, *, dialect: str = "", sheet_rows: int = SHEET_ROWS, beside: Sequence[Table] = ()
) -> Written:
    """Excel's own folder for drafts is the one that ``out`` lies in, so that a small ``/tmp`` is no limit. Tables that
    stand ``beside`` it have sheets of their own behind it.
    """
    place = Path(getattr(out, "name", "")).parent
    options = {"constant_memory": True, "tmpdir": str(place) if getattr(out, "name", "") else None}
    workbook = xlsxwriter.Workbook(out, options)
    workbook.use_zip64()
    try:
        written = _Book(workbook, table).fill(sheet_rows)
        for other in beside:
            _Book(workbook, other).fill(sheet_rows)
        workbook.close()
    finally:
        workbook.fileclosed = True  # it must not try again when it is forgotten
        for sheet in workbook.worksheets():
            if not sheet.row_data_fh_closed:
                sheet.row_data_fh.close()
    return written


class _Book:
    """The workbook while it is filled."""

    def __init__(self, workbook: Any, table: Table) -> None:
        self.workbook, self.table = workbook, table
        self.zone = ZoneInfo(table.facts.zone)
        self.cut = 0  # texts that were longer than a cell
        self.few = False  # whether any figure rests on too few calls
        self.bold = workbook.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
        self.wrapped = workbook.add_format({"text_wrap": True, "valign": "top"})
        self.counted = workbook.add_format({"num_format": _FORMATS[Kind.COUNT], "align": "left", "valign": "top"})
        self.told = workbook.add_format({"num_format": _FORMATS[Kind.NUMBER], "align": "left", "valign": "top"})
        self.label = workbook.add_format({"bold": True, "valign": "top"})
        self.words = {
            place: column.spoken for place, column in enumerate(table.columns) if column.words and not _is_flag(column)
        }
        self.headers = [column.header_in(table.facts.zone) for column in table.columns]
        self.tells = [self._teller(place, column) for place, column in enumerate(table.columns)]
        places = {column.key: place for place, column in enumerate(table.columns)}
        marks = [
            [places[key] for key in column.marked_by + column.blank_by if key in places] for column in table.columns
        ]
        self.flags = {place: flags for place, flags in enumerate(marks) if flags}
        self.marked = {place: self._teller(place, table.columns[place], mark=_MARK) for place in self.flags}

    def fill(self, sheet_rows: int) -> Written:
        source: Iterator[Row] = map(self._spoken, self.table.rows)
        rows, number = 0, 0
        seen = list(islice(source, min(SEEN, sheet_rows - 1)))  # how wide columns are is told by the first rows
        widths = [
            max(_header_width(header), max((_width(row[place], column) for row in seen), default=0))
            for place, (header, column) in enumerate(zip(self.headers, self.table.columns, strict=True))
        ]
        source = chain(seen, source)
        following: Row | None = next(source, None)
        while following is not None or not number:
            number += 1
            title = self.table.facts.title
            sheet = self._sheet(title if number == 1 else f"{title} {number}", widths)
            here = chain(() if following is None else (following,), islice(source, sheet_rows - 2))
            count = self._rows(sheet, here)
            sheet.autofilter(0, 0, count, len(self.headers) - 1)
            rows += count
            following = next(source, None)
        notes = self._notes()
        self._about(rows, number, notes)
        return Written(rows, notes)

    def _spoken(self, row: Row) -> Row:
        """The row with words for a person in the place of the API's."""
        if not self.words:
            return row
        cells = list(row)
        for place, words in self.words.items():
            cells[place] = words.get(cells[place], cells[place])
        return cells

    def _sheet(self, title: str, widths: list[float]) -> Any:
        """A sheet with its header, ready for rows."""
        sheet = self.workbook.add_worksheet(_sheet_name(title, self.workbook))
        lines = max(_lines(header, width) for header, width in zip(self.headers, widths, strict=True))
        sheet.set_row(0, LINE * lines + 3)
        for place, (header, width) in enumerate(zip(self.headers, widths, strict=True)):
            sheet.set_column(place, place, width)
            sheet.write_string(0, place, fitted(header)[0], self.bold)
        sheet.freeze_panes(1, 0)
        sheet.repeat_rows(0)
        sheet.set_landscape()
        return sheet

    def _rows(self, sheet: Any, rows: Iterator[Row]) -> int:
        sheet._write_single_row()  # the header leaves memory; what follows is written here
        sheet.previous_row = 1  # as the last one, it is written once more when the workbook is closed, and has nothing
        sheet.table.clear()
        put, number = sheet.row_data_fh.write, 1
        for number, row in enumerate(rows, 2):
            tells = self._tells(row) if self.flags else self.tells
            cells = [tell(value, number) for tell, value in zip(tells, row, strict=True) if value is not None]
            put(f'<row r="{number}">{"".join(cells)}</row>')
        sheet.dim_rowmax = number - 1
        return number - 1

    def _tells(self, row: Row) -> list[Callable[[Any, int], str]]:
        """What writes the cells of a row in which some figures may rest on too few calls."""
        few = {place for place, flags in self.flags.items() if any(row[flag] for flag in flags)}
        if not few:
            return self.tells
        self.few = True
        return [self.marked[place] if place in few else tell for place, tell in enumerate(self.tells)]

    def _teller(self, place: int, column: Column, mark: str = "") -> Callable[[Any, int], str]:
        name, kind, zone = xl_col_to_name(place), column.kind, self.zone
        # A flag is 1 or 0 and shows as a word: LibreOffice takes Excel's own truth values for formulas.
        shown = f'[=1]"{_("yes")}";"{_("no")}"' if kind == Kind.FLAG else _format(kind, column.places)
        style = self._style(shown, mark, left=kind in _WIDTHS) if shown else ""
        styles = [self._style(_decimal(places), mark) for places in range(3)] if kind == Kind.FIGURE else []

        def text(value: str, number: int) -> str:
            if len(value) > MOST_CHARACTERS // 2:
                value, whole = fitted(value)
                self.cut += not whole
            return f'<c r="{name}{number}" t="inlineStr"><is><t xml:space="preserve">{escaped(value)}</t></is></c>'

        def plain(value: float, number: int) -> str:
            return f'<c r="{name}{number}"{style}><v>{+value!r}</v></c>'

        def moment(value: date, number: int) -> str:
            local = value.astimezone(zone).replace(tzinfo=None) if isinstance(value, datetime) else _midnight(value)
            if local < _FIRST_DATE:
                return text(local.isoformat(sep=" "), number)
            since = local - _DAY_ZERO
            return plain(since.days + (since.seconds + since.microseconds / 1e6) / 86_400, number)

        def figure(value: Figure, number: int) -> str:
            return f'<c r="{name}{number}"{styles[value.places]}><v>{+value!r}</v></c>'

        tellers = {Kind.TEXT: text, Kind.MOMENT: moment, Kind.DAY: moment, Kind.FIGURE: figure}
        return tellers.get(kind, plain)  # type: ignore[return-value]

    def _style(self, shown: str, mark: str, *, left: bool = False) -> str:
        """Dates stand to the left, under their heading, away from the text of the next column."""
        marked = shown.replace(";", f"{mark};") + mark  # in each of its sections
        align = {"align": "left"} if left else {}
        return f' s="{self.workbook.add_format({"num_format": marked} | align)._get_xf_index()}"'

    def _notes(self) -> tuple[str, ...]:
        few = (_("* rests on too few calls to say much."),) if self.few else ()
        if not self.cut:
            return few
        text = ngettext(
            "%(n)s text is longer than the %(most)s characters that a cell of Excel may have, and ends with “…”. "
            "CSV has it whole.",
            "%(n)s texts are longer than the %(most)s characters that a cell of Excel may have, and end with “…”. "
            "CSV has them whole.",
            self.cut,
        )
        return (text % {"n": figures.decimal(self.cut), "most": figures.decimal(MOST_CHARACTERS)}, *few)

    def _about(self, rows: int, sheets: int, notes: tuple[str, ...]) -> None:
        sheet = self.workbook.add_worksheet(_sheet_name(_("About"), self.workbook))
        sheet.set_column(0, 0, 30)
        sheet.set_column(1, 4, 60)
        left = {"align": "left", "valign": "top"}
        shown = {
            column.header: self.workbook.add_format(left | {"num_format": _decimal(column.places)})
            for column in self.table.columns
            if column.places is not None
        }
        number = 0
        for number, line in enumerate(about_rows(self.table, rows, notes, sheets=sheets)):
            for place, cell in enumerate(line):
                style = self.label if not place else self.wrapped
                if isinstance(cell, int | float):
                    whole = isinstance(cell, int) or cell.is_integer()
                    sheet.write_number(
                        number, place, cell, self.counted if whole else shown.get(str(line[0]), self.told)
                    )
                else:
                    sheet.write_string(number, place, fitted(cell)[0], style)
        sheet.set_landscape()


def _format(kind: Kind, places: int | None) -> str | None:
    """Of a count that need not be whole, only what is not is shown with places."""
    return _FORMATS.get(kind) if places is None or kind == Kind.NUMBER else _decimal(places)


def _decimal(places: int) -> str:
    return f"#,##0.{'0' * places}".rstrip(".")


def _is_flag(column: Column) -> bool:
    return column.kind == Kind.FLAG


def _width(value: Any, column: Column) -> float:
    """How wide a cell with this value is to be, in characters; a long text stands in a narrower one."""
    if column.kind in _WIDTHS:
        return _WIDTHS[column.kind]
    if value is None or _is_flag(column):
        return 0
    if column.kind == Kind.TEXT:
        return min(WIDEST, max(map(len, value.splitlines()), default=0) * ROOM + 1)
    return len(f"{value:,.{_DIGITS.get(column.kind, 0)}f}") + len(_MARK)


def _header_width(header: str) -> float:
    """Wide enough for each of its words, and for it all in a few lines."""
    width = max(map(len, header.split()), default=1) * BOLD + BUTTON
    while _lines(header, width) > MOST_LINES:
        width += 1
    return width


def _lines(header: str, width: float) -> int:
    """How many lines the header takes in a column, beside the button that filters."""
    lines, used = 1, 0.0
    for word in header.split():
        if used and used + len(word) * BOLD > width - BUTTON:
            lines, used = lines + 1, 0.0
        used += (len(word) + 1) * BOLD
    return lines


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001 - as Excel keeps it


def _sheet_name(title: str, workbook: Any) -> str:
    """Excel's rules: at most 31 characters, none of ``[]:*?/\\``, no apostrophe at the ends, each name once."""
    base = re.sub(r"[\[\]:*?/\\\x00-\x1f]", " ", title).strip("' ")[:31].strip("' ") or "1"
    taken = {sheet.get_name().casefold() for sheet in workbook.worksheets()}
    name, number = base, 1
    while name.casefold() in taken:
        number += 1
        name = f"{base[: 31 - len(str(number)) - 1]} {number}"
    return name


def fitted(text: str) -> tuple[str, bool]:
    """The text as far as a cell holds it, and whether that is all of it."""
    if len(text) <= MOST_CHARACTERS // 2 or len(text.encode("utf-16-le", "surrogatepass")) // 2 <= MOST_CHARACTERS:
        return text, True
    encoded = text[: MOST_CHARACTERS - 1].encode("utf-16-le", "surrogatepass")[: (MOST_CHARACTERS - 1) * 2]
    return encoded.decode("utf-16-le", "ignore") + "…", False


def escaped(text: str) -> str:
    """XML that Excel reads as the text: what XML cannot hold is written as Excel writes it, ``_x000D_``."""
    return _SPECIAL.sub(_stand_in, text) if _SPECIAL.search(text) else text


def _stand_in(match: re.Match[str]) -> str:
    character = match[0]
    if character in _NAMED:
        return _NAMED[character]
    if len(character) > 1:
        return f"_x005F{character}"
    return "\N{REPLACEMENT CHARACTER}" if "\ud800" <= character <= "\udfff" else f"_x{ord(character):04X}_"

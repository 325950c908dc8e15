"""Any table of a readable length as PDF: the facts, its chart, the main columns, a header on every page, page numbers.

Typst sets it, in a process of its own (``typeset``): it needs a good deal of memory while it does, and gives it back.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from itertools import islice
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

from django.utils import formats, timezone, translation
from django.utils.translation import gettext as _

from portal.env import BASE_DIR
from portal.formats import figures
from reports.files.about import about_rows
from reports.files.table import FEW, Column, Kind, Row, Table, TooLarge, Written

MOST_CELLS = 50_000  # some 130 pages; Typst takes about 20 kB of memory for each
MOST_COLUMNS = 24
MOST_SECONDS = 240
_PLACES = {Kind.PERCENT: 1, Kind.POINTS: 1, Kind.MINUTES: 1, Kind.MONEY: 2}


def check_size(table: Table) -> int:
    """How many rows a PDF of its printed columns has room for. Raises TooLarge for a table that no one could read on
    paper, as far as that is known without its rows."""
    columns = sum(column.printed for column in table.columns)
    if columns > MOST_COLUMNS:
        text = _("A PDF has room for %(most)s columns, and this table has %(n)s. Choose fewer figures, XLSX or CSV.")
        raise TooLarge(text % {"most": MOST_COLUMNS, "n": columns})
    most = MOST_CELLS // columns
    if (table.expected or 0) > most:
        raise _too_long(table.expected or 0, most)
    return most


def write(table: Table, out: BinaryIO, *, dialect: str = "") -> Written:
    """Raises TooLarge as :func:`check_size` does."""
    most = check_size(table)
    chosen = [place for place, column in enumerate(table.columns) if column.printed]
    columns = [table.columns[place] for place in chosen]
    zone = ZoneInfo(table.facts.zone)
    print_row = row_printer(table.columns, chosen, zone)
    rows = [print_row(row) for row in islice(table.rows, most + 1)]
    if len(rows) > most:
        raise _too_long(len(rows), most)
    whole = len(columns) == len(table.columns)
    notes = () if whole else (_("The PDF shows the main columns; CSV, XLSX and Parquet have all."),)
    total = [] if table.total is None else [_("Whole period"), *print_row(table.total)[1:]]
    if any(cell.endswith(FEW) for row in (*rows, total) for cell in row):
        notes = (*notes, _("* rests on too few calls to say much, so no change is printed beside it."))
    lack = table.facts.lack or _("Not complete: some days of the period are not read whole.")
    data = {
        "language": (translation.get_language() or "en").split("-")[0],
        "title": table.facts.title,
        "facts": [[str(cell) for cell in line] for line in _facts(table, len(rows), notes)],
        "warning": "" if table.facts.complete else lack,
        "chart": None if table.chart is None else asdict(table.chart),
        "columns": [column.header for column in columns],
        "right": [column.kind.is_number for column in columns],
        "weights": [_weight(column, place, rows) for place, column in enumerate(columns)],
        "rows": rows,
        "total": total,
        "definitions": [
            [definition.label, f"{definition.definition} · {definition.formula}"]
            for definition in table.facts.definitions
        ],
        "definitions_title": _("Definitions"),
        "page": _("Page"),
        "made": _("Made by %(portal)s on %(moment)s") % {"portal": table.facts.portal, "moment": _moment(zone)},
    }
    out.write(_typeset(data))
    return Written(len(rows), notes)


def row_printer(columns: Sequence[Column], chosen: Sequence[int], zone: ZoneInfo) -> Callable[[Row], list[str]]:
    """Turns a row into the texts of the columns chosen; figures that rest on too few calls have a mark."""
    places = {column.key: place for place, column in enumerate(columns)}

    def is_set(row: Row, keys: tuple[str, ...]) -> bool:
        return any(row[places[key]] for key in keys if key in places)

    printed = [(place, columns[place], _teller(columns[place], zone)) for place in chosen]

    def text(row: Row, place: int, column: Column, tell: Callable[[Any], str]) -> str:
        if (row[place] is None and None not in column.words) or is_set(row, column.blank_by):
            return ""
        return tell(row[place]) + (FEW if is_set(row, column.marked_by) else "")

    return lambda row: [text(row, *column) for column in printed]


def _too_long(rows: int, most: int) -> TooLarge:
    text = _(
        "A PDF of these columns has room for %(most)s rows, and there are %(n)s. Choose a shorter period, XLSX or CSV."
    )
    return TooLarge(text % {"most": figures.decimal(most), "n": figures.decimal(rows)})


def _facts(table: Table, rows: int, notes: tuple[str, ...]) -> list[tuple[Any, ...]]:
    """The first lines about the table, as far as they are pairs: totals and definitions have places of their own."""
    lines: list[tuple[Any, ...]] = []
    for line in about_rows(table, rows, notes):
        if not line:
            break
        lines.append(line)
    return lines[1:]


def _moment(zone: ZoneInfo) -> str:
    return str(formats.date_format(timezone.now().astimezone(zone), "DATETIME_FORMAT"))


def _teller(column: Column, zone: ZoneInfo) -> Callable[[Any], str]:
    kind, words = column.kind, column.words
    if kind == Kind.TEXT:
        return lambda value: " ".join(str(words.get(value, value)).encode("utf-8", "replace").decode().split())
    if kind == Kind.FLAG:
        return lambda value: _("yes") if value else _("no")
    if kind == Kind.DAY:
        return lambda value: str(formats.date_format(value, "SHORT_DATE_FORMAT"))
    if kind == Kind.MOMENT:
        return lambda value: str(formats.date_format(value.astimezone(zone), "DATETIME_FORMAT"))
    if kind == Kind.SECONDS:
        return figures.duration
    places = _PLACES.get(kind) if column.places is None else column.places
    if places is None or kind == Kind.NUMBER:
        return lambda value: figures.decimal(value, 0 if float(value).is_integer() else 2)
    return lambda value: figures.decimal(value, places)


def _weight(column: Column, place: int, rows: list[list[str]]) -> int:
    """How wide a column is beside the others: by its longest text of the first rows, within reason, and by the longest
    word of its heading, which is bold."""
    longest = max((len(row[place]) for row in rows[:200]), default=0)
    word = max(map(len, column.header.split()), default=0) * 5 // 4 + 1
    return max(6, word, min(26, max(longest, len(column.header) // 3)))


def _typeset(data: dict[str, Any]) -> bytes:
    made = subprocess.run(
        [sys.executable, "-m", "reports.files.typeset"],
        input=json.dumps(data, ensure_ascii=False).encode("utf-8", "replace"),
        capture_output=True,
        cwd=BASE_DIR,
        timeout=MOST_SECONDS,
        check=False,
    )
    if made.returncode:
        raise RuntimeError(f"Typst ended with {made.returncode}: {made.stderr.decode(errors='replace')[-300:]}")
    return made.stdout

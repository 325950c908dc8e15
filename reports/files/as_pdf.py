"""Any table of a readable length as PDF: the facts, the main columns, a header on every page, page numbers.

Typst sets it, in a process of its own (``typeset``): it needs a good deal of memory while it does, and gives it back.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from itertools import islice
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

from django.utils import formats, timezone, translation
from django.utils.translation import gettext as _

from portal.env import BASE_DIR
from portal.formats import figures
from reports.files.about import about_rows
from reports.files.table import Column, Kind, Table, TooLarge, Written

MOST_CELLS = 50_000  # some 130 pages; Typst takes about 20 kB of memory for each
MOST_COLUMNS = 24
MOST_SECONDS = 240
_PLACES = {Kind.PERCENT: 1, Kind.POINTS: 1, Kind.MINUTES: 1, Kind.MONEY: 2}


def write(table: Table, out: BinaryIO, *, dialect: str = "") -> Written:
    """Raises TooLarge for a table that no one could read on paper."""
    chosen = [place for place, column in enumerate(table.columns) if column.printed]
    if len(chosen) > MOST_COLUMNS:
        text = _("A PDF has room for %(most)s columns, and this table has %(n)s. Choose fewer figures, XLSX or CSV.")
        raise TooLarge(text % {"most": MOST_COLUMNS, "n": len(chosen)})
    columns = [table.columns[place] for place in chosen]
    most = MOST_CELLS // len(columns)
    if (table.expected or 0) > most:
        raise _too_long(table.expected or 0, most)
    zone = ZoneInfo(table.facts.zone)
    tells = [(place, _teller(table.columns[place], zone)) for place in chosen]

    def told(row: Any) -> list[str]:
        return ["" if row[place] is None else tell(row[place]) for place, tell in tells]

    rows = [told(row) for row in islice(table.rows, most + 1)]
    if len(rows) > most:
        raise _too_long(len(rows), most)
    notes = (_("The PDF shows the main columns; CSV, XLSX and Parquet have all."),)
    whole = len(columns) == len(table.columns)
    lack = table.facts.lack or _("Not complete: some days of the period are not read whole.")
    data = {
        "language": (translation.get_language() or "en").split("-")[0],
        "title": table.facts.title,
        "facts": [[str(cell) for cell in line] for line in _facts(table, len(rows), () if whole else notes)],
        "warning": "" if table.facts.complete else lack,
        "columns": [column.header for column in columns],
        "right": [column.kind.is_number for column in columns],
        "weights": [_weight(column, place, rows) for place, column in enumerate(columns)],
        "rows": rows,
        "total": [] if table.total is None else [_("Whole period"), *told(table.total)[1:]],
        "definitions": [[told.label, f"{told.definition} · {told.formula}"] for told in table.facts.definitions],
        "definitions_title": _("Definitions"),
        "page": _("Page"),
        "made": _("Made by Ringbook on %(moment)s") % {"moment": _moment(zone)},
    }
    out.write(_typeset(data))
    return Written(len(rows), () if whole else notes)


def _too_long(rows: int, most: int) -> TooLarge:
    text = _("A PDF of these columns has room for %(most)s rows, and there are %(n)s. CSV and XLSX hold them all.")
    return TooLarge(text % {"most": figures.decimal(most), "n": figures.decimal(rows)})


def _facts(table: Table, rows: int, notes: tuple[str, ...]) -> list[tuple[Any, ...]]:
    """The first lines about the table, as far as they are pairs: totals and definitions have places of their own."""
    found: list[tuple[Any, ...]] = []
    for line in about_rows(table, rows, notes):
        if not line:
            break
        found.append(line)
    return found[1:]


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
    places = _PLACES.get(kind)
    if places is None:
        return lambda value: figures.decimal(value, 0 if float(value).is_integer() else 2)
    return lambda value: figures.decimal(value, places)


def _weight(column: Column, place: int, rows: list[list[str]]) -> int:
    """How wide a column is beside the others: by its longest text of the first rows, within reason."""
    longest = max((len(row[place]) for row in rows[:200]), default=0)
    return max(6, min(26, max(longest, len(column.header) // 2)))


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

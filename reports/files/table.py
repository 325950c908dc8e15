"""One description of a table for every format: typed columns, a stream of rows, and the facts that stand beside them.

A format that is added is one module ``as_<format>.py`` with a function ``write(table, out, order)``; it is named in
``formats.FORMATS``. What a cell holds is told by its column's kind:

========  ======================================================
text      str
flag      bool
moment    an aware datetime; shown in ``facts.zone``
day       a date
others    int or float, in the unit that the kind names, with every digit
========  ======================================================

None is an empty cell in every column.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Self

from django.utils.translation import gettext

from portal.formats import figures
from portal.tenants.brand import RINGBOOK
from reports.files.charts import Chart

Row = Sequence[Any]
FEW = f"{figures.SPACE}*"  # behind a figure of too few calls


class Kind(StrEnum):
    TEXT = "text"
    FLAG = "flag"
    MOMENT = "moment"
    DAY = "day"
    COUNT = "count"  # whole numbers
    NUMBER = "number"
    PERCENT = "percent"  # 0-100
    POINTS = "points"  # percentage points
    SECONDS = "seconds"
    MINUTES = "minutes"
    MS = "ms"
    MONEY = "money"
    FIGURE = "figure"  # of the unit that its row names; a Figure

    @property
    def is_number(self) -> bool:
        return self not in (Kind.TEXT, Kind.FLAG, Kind.MOMENT, Kind.DAY)


class Figure(float):
    """A number with the places of it that a person is shown, in a column where rows differ in them."""

    def __new__(cls, value: float, places: int) -> Self:
        figure = super().__new__(cls, value)
        figure.places = places
        return figure

    places: int


@dataclass(frozen=True, slots=True)
class Column:
    """``key`` is the API's word, ``header`` is in the language of the file. What is not ``printed`` is left out of a
    PDF, where paper is narrow. ``places`` are the decimals that a person is shown; None shows as many as there are.
    ``words`` say the API's words to a person, that for None too if there is one; files for programs keep those.
    ``marked_by`` and ``blank_by`` are keys of flags: where one is set, a reader is not shown the cell without a mark,
    or at all.
    """

    key: str
    header: str
    kind: Kind = Kind.TEXT
    printed: bool = True
    places: int | None = None
    words: Mapping[str, Any] = field(default_factory=dict, compare=False)
    marked_by: tuple[str, ...] = ()
    blank_by: tuple[str, ...] = ()

    @property
    def spoken(self) -> dict[Any, str]:
        """The words in the language active now, for rows that are written later."""
        if self.kind == Kind.FLAG:
            return {True: gettext("yes"), False: gettext("no")}
        return {key: str(word) for key, word in self.words.items()}

    def header_in(self, zone: str) -> str:
        """The header where moments stand without their offset: of these it names the zone."""
        return f"{self.header} ({figures.zone_name(zone)})" if self.kind == Kind.MOMENT else self.header


@dataclass(frozen=True, slots=True)
class Definition:
    """Of a metric that the table shows."""

    key: str
    label: str
    definition: str
    formula: str
    unit: str
    minimum_n: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rows cannot say. ``lines`` are pairs of what and how, in the language of the file."""

    title: str
    zone: str
    lines: tuple[tuple[str, str], ...] = ()
    first_day: date | None = None
    last_day: date | None = None
    as_of: datetime | None = None
    complete: bool = True
    lack: str = ""  # what is missing where it is not complete, if that is not days of the period
    gaps: tuple[str, ...] = ()
    definitions: tuple[Definition, ...] = ()
    portal: str = RINGBOOK.name  # who made the table
    params: Mapping[str, str] = field(default_factory=dict)  # the question as the API asks it


@dataclass(frozen=True, slots=True)
class Table:
    """``rows`` may be taken once, and only behind the wall they were asked for. ``total`` is a row of the whole."""

    name: str  # of the file, without its ending
    columns: tuple[Column, ...]
    rows: Iterable[Row]
    facts: Facts
    expected: int | None = None  # how many rows there are to be
    total: Row | None = None
    chart: Chart | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What a writer has to tell: how many rows, and what could not be told as it is."""

    rows: int
    notes: tuple[str, ...] = ()


class TooLarge(Exception):
    """The format cannot hold the table; the text says so and what to choose instead, in the active language."""

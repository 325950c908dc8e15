"""The columns of the list of calls, and what stands in them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import formats
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from portal.formats import figures
from portal.lib.times import rfc3339
from reports.annotations.marks import Marks
from reports.queries.calls.columns import COLUMNS, ends, in_order
from reports.queries.calls.orders import sortable
from reports.queries.order import Sorting
from reports.queries.scope import Scope
from reports.web.call.facts import OUTCOMES, direction_word, status_word
from reports.web.calls.address import CallAddress
from reports.web.shared.sorting import Heading

USUAL = ("agent", "direction", "status", "duration")
_RIGHT = frozenset({"duration", "billed"})
DOWNWARDS = frozenset({"started_at", *_RIGHT})
NO_MARKS = Marks()


@dataclass(frozen=True, slots=True)
class Column:
    key: str
    label: str | Promise
    right: bool


@dataclass(frozen=True, slots=True)
class Headings:
    """Over the columns; what this reader cannot sort by leads nowhere. ``ways`` are those that can be clicked."""

    time: Heading
    number: Heading
    columns: tuple[tuple[Column, Heading], ...]

    @property
    def ways(self) -> list[Heading]:
        every = (self.time, self.number, *(heading for _column, heading in self.columns))
        return [heading for heading in every if heading.href]


@dataclass(frozen=True, slots=True)
class Cell:
    """``mark`` is a class of the style sheet: a shape that says with the word whether all went well."""

    key: str
    text: str
    mark: str = ""
    right: bool = False


@dataclass(frozen=True, slots=True)
class CallLine:
    """A call as a row of a page. ``under`` says on a narrow screen what the columns say on a wide one."""

    id: str
    started_at: datetime
    time: str  # day and clock in the reader's zone
    clock: str
    number: str
    contact: str  # its opaque id, "" for a withheld number
    cells: tuple[Cell, ...]
    under: str
    status: Cell
    duration: str
    is_test: bool
    is_missing: bool
    is_guessed: bool
    marks: Marks

    @property
    def iso(self) -> str:
        return rfc3339(self.started_at)


def shown_columns(chosen: tuple[str, ...], *, several_environments: bool) -> tuple[Column, ...]:
    """The columns chosen, in their one order; else the usual ones, environment where it varies."""
    usual = (*USUAL, "environment") if several_environments else USUAL
    return tuple(Column(key, COLUMNS[key], key in _RIGHT) for key in in_order(chosen or usual))


def headings(address: CallAddress, columns: tuple[Column, ...], scope: Scope) -> Headings:
    """The first click sorts numbers from the largest and words from A; the second one the other way round."""
    sorting, may = Sorting.read(address.ordering), {*sortable(scope), "started_at"}

    def heading(key: str, label: str | Promise) -> Heading:
        ordering = sorting.after_click(key, downwards=key in DOWNWARDS)
        return Heading(label, address.query(ordering=ordering) if key in may else "", sorting.order_of(key))

    return Headings(
        heading("started_at", _("Time")),
        heading("number", _("Number")),
        tuple((column, heading(column.key, column.label)) for column in columns),
    )


def call_line(
    row: Mapping[str, Any],
    columns: tuple[Column, ...],
    *,
    zone: str,
    now: datetime,
    marks: Marks = NO_MARKS,
    apart: Mapping[str, str],
) -> CallLine:
    """``apart`` are, by public id, what stands after the names of agents of which there are two."""
    local = row["started_at"].astimezone(ZoneInfo(zone))
    number, line = ends(row)
    mark, outcome = OUTCOMES[row["outcome"]]
    duration = _length(row["duration"])
    words = {
        "agent": f"{row['agent_name']}{apart.get(row['agent'] or '', '')}" or _("without an agent"),
        "environment": row["environment_name"],
        "direction": direction_word(row["direction"]),
        "status": status_word(row["status"]),
        "outcome": str(outcome),
        "duration": duration,
        "billed": _length(row["billed"]),
        "line": figures.phone(line) if line else figures.NO_BASE,
        "cause": row["hangup_cause"] or figures.NO_BASE,
        "id": row["external_id"],
    }
    status = Cell("status", words["status"], mark)
    return CallLine(
        id=row["id"],
        started_at=row["started_at"],
        time=f"{_day(local, now)} {local:%H:%M:%S}",
        clock=f"{local:%H:%M:%S}",
        number=figures.phone(number) if number else "",
        contact=row["contact_id"],
        cells=tuple(
            Cell(column.key, words[column.key], mark if column.key in ("status", "outcome") else "", column.right)
            for column in columns
        ),
        under="\u00a0· ".join((words["agent"], words["direction"])),
        status=status,
        duration=duration,
        is_test=row["is_test"],
        is_missing=row["missing_since"] is not None,
        is_guessed=row["started_guessed"],
        marks=marks,
    )


def _length(seconds: float | None) -> str:
    return figures.NO_BASE if seconds is None else figures.duration(seconds)


def _day(local: datetime, now: datetime) -> str:
    """The day, with its year when that is another one."""
    same = local.year == now.astimezone(local.tzinfo).year
    return formats.date_format(local, "MONTH_DAY_FORMAT" if same else "DATE_FORMAT")

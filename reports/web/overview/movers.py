"""Agents, own numbers and area codes side by side, by default what moved the connect rate of all the most first."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from portal.formats import figures
from portal.lib.area_names import area_name
from reports.definitions.filters import NONE
from reports.definitions.metrics import METRICS
from reports.queries.agents import APART
from reports.queries.answer import Answer, Cell, Row
from reports.queries.highlights import worth
from reports.queries.order import Sorting, shown_value
from reports.web.shared.behind import BEHIND, calls_where
from reports.web.shared.contexts import Figure
from reports.web.shared.selection import Selection
from reports.web.shared.sorting import Heading

MOVES = ("attempts", "connect_rate")
ORDERS = ("-change", "name", "-name", "attempts", "-attempts", "connect_rate", "-connect_rate")
MOST_ROWS, MOST_NARROW = 8, 3  # overview.css hides the rows after the third where there is little room
REPORT = "reports/query/"


@dataclass(frozen=True, slots=True)
class MoverRow:
    label: str
    note: str  # where an agent or an area code belongs
    href: str
    cells: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Movers:
    """``more`` are the rows left out, ``more_narrow`` those on a narrow screen; ``all`` leads to the report with every
    one of them. ``rated``: of some row there is a rate to tell.
    """

    key: str
    title: str
    name: Heading
    headings: tuple[Heading, ...]
    rows: tuple[MoverRow, ...]
    more: int
    more_narrow: int
    rated: bool
    all: str


def movers(answers: Mapping[str, Answer], selection: Selection, homes: Mapping[str, str]) -> tuple[Movers, ...]:
    """A table for each grouping that has rows: ``answers`` by agent, line and area_code, of :data:`MOVES`."""
    titles = {"agent": _("Agents"), "line": _("Own numbers"), "area_code": _("Area codes")}
    notes: dict[str, Callable[[str], str]] = {"agent": lambda key: homes.get(key, ""), "area_code": area_name}
    return tuple(
        Movers(
            key=by,
            title=titles[by],
            name=_heading("name", titles[by], selection),
            headings=tuple(_heading(key, METRICS[key].label, selection) for key in MOVES),
            rows=tuple(_row(row, by, notes.get(by), selection) for row in _ordered(answer, selection)[:MOST_ROWS]),
            more=max(0, len(answer.rows) - MOST_ROWS),
            more_narrow=max(0, len(answer.rows) - MOST_NARROW),
            rated=any(_is_told(row.cells["connect_rate"]) for row in answer.rows),
            all=REPORT + selection.calls_query(metrics=MOVES, by=by),
        )
        for by, answer in answers.items()
        if answer.rows
    )


def _row(row: Row, by: str, note: Callable[[str], str] | None, selection: Selection) -> MoverRow:
    key, label = row.key[0], row.labels[0]
    word = key or (NONE if by == "area_code" else "")
    chosen: dict[str, object] = {by: word}
    place = note(key) if note and key else ""
    return MoverRow(
        # An agent that shares its name is told with its home, which stands under every name here.
        label=figures.phone(label) if by == "line" and key else label.removesuffix(f"{APART}{place}"),
        note=place,
        href=_inner(by, word, selection),
        cells=tuple(
            Figure(METRICS[name], row.cells[name], href=calls_where(selection, chosen | BEHIND[name]) if word else "")
            for name in MOVES
        ),
    )


def _is_told(cell: Cell) -> bool:
    return cell.value is not None and not cell.small


def _inner(by: str, word: str, selection: Selection) -> str:
    """Where a row's name leads: the page narrowed to an agent, else the calls of the row."""
    if not word:
        return ""
    return selection.change(agent=word).query if by == "agent" else calls_where(selection, {by: word})


def weight(row: Row) -> float | None:
    """How many calls the move of the connect rate is worth, up or down."""
    calls = worth(row.cells["connect_rate"])
    return None if calls is None else abs(calls)


def _ordered(answer: Answer, selection: Selection) -> list[Row]:
    """In the order chosen; what cannot be compared comes last, the larger first."""
    sorting = Sorting.read(selection["sort"])
    rows = sorted(answer.rows, key=lambda row: (-(row.cells["attempts"].value or 0), row.labels[0].casefold()))
    if sorting.by == "name":
        return sorted(rows, key=lambda row: row.labels[0].casefold(), reverse=sorting.descending)

    def amount(row: Row) -> float | None:
        if sorting.by == "change":
            return weight(row)
        return shown_value(row.cells[sorting.by])

    return sorted(rows, key=sorting.place_by(amount))


def _heading(key: str, label: str | Promise, selection: Selection) -> Heading:
    sorting = Sorting.read(selection["sort"])
    order = sorting.after_click(key, downwards=key != "name")
    return Heading(label, selection.change(sort=order).query + "#movers", sorting.order_of(key))

"""Agents side by side, in the order the reader chose."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from reports.metrics import METRICS
from reports.queries.answer import Answer, Row
from reports.web.contexts import Figure, asked
from reports.web.selection import SORTS, Selection

SIDE_BY_SIDE = ("attempts", "connect_rate", "average_duration", "talk_minutes")
FIT = {"average_duration": "narrow-last", "talk_minutes": "narrow-hide"}


@dataclass(frozen=True, slots=True)
class Heading:
    key: str
    label: str | Promise
    href: str
    order: str  # ascending, descending or ""
    fit: str


@dataclass(frozen=True, slots=True)
class AgentRow:
    label: str
    home: str  # its environment's name, where that needs saying
    href: str  # the page narrowed to this agent; "" for calls without one
    cells: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Agents:
    headings: tuple[Heading, ...]
    rows: tuple[AgentRow, ...]
    totals: tuple[Figure, ...]


def side_by_side(answer: Answer, selection: Selection, *, homes: Mapping[str, str]) -> Agents:
    """Agents in the chosen order; those without a value come last in either direction. ``homes`` names environments."""
    key, descending = selection.sort.removeprefix("-"), selection.sort.startswith("-")
    rows = sorted(answer.rows, key=lambda row: row.labels[0].casefold())
    if key == "agent":
        rows = rows[::-1] if descending else rows
    else:
        rows.sort(key=_by_cell(key, descending))
    return Agents(
        headings=tuple(_heading(name, selection) for name in SORTS),
        rows=tuple(
            AgentRow(
                label=row.labels[0] or _("without an agent"),
                home=homes.get(row.key[0] or "", ""),
                href=selection.change(agent=row.key[0]).query if row.key[0] else "",
                cells=tuple(
                    Figure(METRICS[name], row.cells.get(name), fit=FIT.get(name, "")) for name in asked(SIDE_BY_SIDE)
                ),
            )
            for row in rows
        ),
        totals=tuple(
            Figure(METRICS[name], answer.totals.get(name), fit=FIT.get(name, "")) for name in asked(SIDE_BY_SIDE)
        ),
    )


def _by_cell(key: str, descending: bool) -> Callable[[Row], tuple[bool, float]]:
    def place(row: Row) -> tuple[bool, float]:
        cell = row.cells.get(key)
        shown = cell is not None and cell.value is not None and not cell.small
        amount = cell.value if cell and shown and cell.value is not None else 0.0
        return (not shown, -amount if descending else amount)

    return place


def _heading(name: str, selection: Selection) -> Heading:
    current, descending = selection.sort.removeprefix("-") == name, selection.sort.startswith("-")
    # The first click gives what is looked for: names from A, numbers from the largest.
    down = (not descending) if current else name != "agent"
    return Heading(
        key=name,
        label=_("Agent") if name == "agent" else METRICS[name].label,
        href=selection.change(sort=f"-{name}" if down else name).query + "#agents",
        order=("descending" if descending else "ascending") if current else "",
        fit=FIT.get(name, ""),
    )

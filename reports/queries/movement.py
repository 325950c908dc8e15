"""How a figure stands and moved against the period before, in the words that page and mail share."""

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from portal.formats import figures
from reports.definitions.metrics import Metric
from reports.queries.answer import Cell
from reports.queries.highlights import tone


@dataclass(frozen=True, slots=True)
class Movement:
    """``word`` says to a screen reader what ``arrow`` says to the eye; ``tone`` is better, worse or empty."""

    text: str
    arrow: str = ""
    word: str = ""
    tone: str = ""


def change_of(cell: Cell, metric: Metric) -> Movement | None:
    """How a cell moved against the previous period; None where nothing can be said."""
    if cell.small or cell.value is None or cell.previous is None:
        return None
    if cell.previous_small:
        return Movement(_("too few before"))
    if cell.change is None:
        return Movement(pgettext("a figure that was zero before", "new")) if cell.value else None
    if figures.is_level(cell.change):
        return Movement(_("unchanged"))
    up = cell.change > 0
    return Movement(
        text=figures.change(cell.change, metric.unit),
        arrow="▲" if up else "▼",
        word=_("up by") if up else _("down by"),
        tone=tone(cell, metric),
    )

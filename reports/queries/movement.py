"""How a figure stands and moved against the period before, in the words that page and mail share."""

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from portal.formats import figures
from reports.definitions.metrics import Metric
from reports.queries.answer import Cell
from reports.queries.highlights import arrow_of


@dataclass(frozen=True, slots=True)
class Movement:
    """``word`` says to a screen reader what ``arrow`` says to the eye; ``tone`` of a significant change is better or
    worse, or moved where neither side is; of others it is empty.
    """

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
        arrow=arrow_of(cell),
        word=_("up by") if up else _("down by"),
        tone=_tone(cell, metric),
    )


def _tone(cell: Cell, metric: Metric) -> str:
    if not cell.significant:
        return ""
    if not metric.better:
        return "moved"
    return "better" if (metric.better == "up") == ((cell.change or 0) > 0) else "worse"

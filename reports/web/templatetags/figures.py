"""Cells of an Answer as text and small pieces of markup."""

from dataclasses import dataclass
from typing import Any

from django import template
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from portal.formats import figures
from reports.metrics import Metric
from reports.queries.answer import Cell
from reports.web.contexts import Figure, figure_text

register = template.Library()
NOTABLE = 1.0  # percent or percentage points: a smaller change is told, but not coloured


@dataclass(frozen=True, slots=True)
class Change:
    """``word`` says to a screen reader what ``arrow`` says to the eye; ``tone`` is better, worse or empty."""

    text: str
    arrow: str = ""
    word: str = ""
    tone: str = ""


def change_of(cell: Cell, metric: Metric) -> Change | None:
    """How a cell moved against the previous period; None where nothing can be said."""
    if cell.small or cell.value is None or cell.previous is None:
        return None
    if cell.change is None:
        return Change(pgettext("a figure that was zero before", "new")) if cell.value else None
    if figures.is_level(cell.change):
        return Change(_("unchanged"))
    up = cell.change > 0
    notable = metric.better and abs(cell.change) >= NOTABLE
    tone = "" if not notable else "better" if (metric.better == "up") == up else "worse"
    return Change(
        text=figures.change(cell.change, metric.unit),
        arrow="▲" if up else "▼",
        word=_("up by") if up else _("down by"),
        tone=tone,
    )


@register.filter
def value(figure: Figure) -> str:
    """A figure's value, or the words that stand in its place."""
    return figure_text(figure)


@register.filter
def before(figure: Figure) -> str:
    previous = figure.cell.previous if figure.cell else None
    return figures.value(previous, figure.metric.unit, currency=figure.currency)


@register.filter
def count(number: float | None) -> str:
    return figures.NO_BASE if number is None else figures.decimal(number)


@register.filter
def in_unit(number: float | None, unit: str) -> str:
    """A number that is no cell, in a metric's unit: ``{{ rate|in_unit:"percent" }}``."""
    return figures.value(number, unit)


@register.filter
def phone(number: str) -> str:
    return figures.phone(number)


@register.filter
def raw(figure: Figure) -> str:
    """The unrounded value for machines; empty when there is none to show."""
    cell = figure.cell
    return "" if cell is None or cell.small or cell.value is None else repr(cell.value)


@register.inclusion_tag("reports/_change.html")
def change(figure: Figure) -> dict[str, Any]:
    return {"change": change_of(figure.cell, figure.metric) if figure.cell else None}


@register.inclusion_tag("reports/_definition.html")
def definition(figure: Figure) -> dict[str, Any]:
    """The label of a metric; it opens the definition, the formula and the base in place."""
    return {"figure": figure, "metric": figure.metric, "cell": figure.cell}

"""Cells of an Answer as text and small pieces of markup."""

from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from portal.formats import figures
from portal.tenants.templatetags.visits import is_visit
from reports.queries.movement import change_of
from reports.web.shared.contexts import Figure, figure_text

register = template.Library()


@register.filter
def value(figure: Figure) -> str:
    """A figure's value, or the words that stand in its place."""
    return figure_text(figure)


@register.filter
def before(figure: Figure) -> str:
    """The value of the period before, or why it would mislead."""
    if figure.cell is None:
        return figures.NO_BASE
    if figure.cell.previous_small:
        return _("n too small")
    return figures.value(figure.cell.previous, figure.metric.unit, currency=figure.currency)


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


@register.simple_tag
def change(figure: Figure) -> SafeString:
    """How a figure moved, as markup; a page has a hundred of them, so no template is drawn for each."""
    movement = change_of(figure.cell, figure.metric) if figure.cell else None
    if movement is None:
        return format_html('<span class="quiet">{}</span>', figures.NO_BASE)
    arrow = SafeString()
    if movement.arrow:
        arrow = format_html(
            '<i aria-hidden="true">{}</i><span class="out-of-sight">{} </span>', movement.arrow, movement.word
        )
    return format_html('<span class="change {}">{}{}</span>', movement.tone, arrow, movement.text)


@register.inclusion_tag("reports/_definition.html", takes_context=True)
def definition(context: template.Context, figure: Figure) -> dict[str, Any]:
    """The label of a metric; it opens the definition, the formula and the base in place, and leads to an alert about it
    where the page names the form of one."""
    offers = figure.cell is not None and not is_visit(context)
    alert_form = context.get("alert_form", "") if offers else ""
    return {"figure": figure, "metric": figure.metric, "cell": figure.cell, "alert_form": alert_form}

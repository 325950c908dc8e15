"""What a file says about itself, in the active language: filters, period, zone, and how complete the rows are."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.utils import formats
from django.utils.translation import gettext as _

from portal.formats import figures
from reports.definitions.filters import FILTERS, Filters, bare, write_filters
from reports.definitions.labels import (
    CAMPAIGN_STATE_LABELS,
    MATCH_LABELS,
)
from reports.definitions.metrics import Metric
from reports.definitions.periods import Period
from reports.queries.agents import agents
from reports.queries.answer import Completeness, GapNote
from reports.queries.completeness.lacks import lacks, said
from reports.queries.completeness.words import calls_mirrored, calls_read, elements_unread
from reports.queries.environments import environments
from reports.queries.scope import Scope

UNITS: dict[str, str] = {"percent": "%", "seconds": "s", "minutes": "min", "ms": "ms"}


def with_unit(label: str, unit: str, currency: str = "") -> str:
    """A header: ``Connect rate (%)``, ``Estimated cost (US$)``."""
    word = figures.SYMBOLS.get(currency, currency) if unit == "money" else UNITS.get(unit)
    return f"{label} ({word})" if word else label


def unit_word(unit: str) -> str:
    """The unit of a metric, as a definition names it."""
    return str(UNITS.get(unit) or {"count": _("number"), "money": _("currency")}.get(unit, unit))


def change_unit(metric: Metric) -> str:
    return _("pp") if metric.unit == "percent" else "%"


def span(first: date | None, last: date | None) -> str:
    if first and last:
        return figures.days(first, last)
    if first:
        return _("since %(day)s") % {"day": figures.day(first)}
    return _("until %(day)s") % {"day": figures.day(last)} if last else _("all that is mirrored")


def compared(before: Period, *, complete: bool) -> str:
    days = span(before.start, before.last_day)
    return days if complete else _("%(days)s, which is not mirrored whole") % {"days": days}


def filter_lines(filters: Filters, scope: Scope, *, callbacks: bool = False) -> list[tuple[str, str]]:
    """Each filter that restricts anything, and how test calls are taken. Ids become names where they may be known;
    ``callbacks`` says that only callbacks are chosen, whose agents are called by their part in them.
    """
    params = write_filters(filters)
    lines = []
    for name, words in ({"testing": filters.testing} | params).items():
        if name == "number_match":
            continue
        parts = words.split(",")
        if name == "number":
            text = f"{MATCH_LABELS[filters.number_match]} {words}"
        elif name in ("min_duration", "max_duration"):
            text = f"{words} s"
        elif name in ("environment", "agent", "source_agent"):
            text = ", ".join(_names(name, parts, scope))
        else:
            text = ", ".join(FILTERS[name].word(bare(part)) for part in parts)
        each = FILTERS[name]
        lines.append((str((callbacks and each.callback_label) or each.label), text))
    return lines


def campaign_lines(filters: Filters, status: str, scope: Scope) -> list[tuple[str, str]]:
    """As :func:`filter_lines`, for campaigns: which calls are counted in them is the vendor's choice."""
    params = write_filters(filters)
    lines = [
        (str(FILTERS[name].label), ", ".join(_names(name, params[name].split(","), scope)))
        for name in ("environment", "agent")
        if name in params
    ]
    return [*lines, *state_lines(status)]


def state_lines(status: str) -> list[tuple[str, str]]:
    """That campaigns of one state are asked for, if they are."""
    return [(_("Status"), str(CAMPAIGN_STATE_LABELS.get(status, status)))] if status else []


def _names(name: str, ids: list[str], scope: Scope) -> list[str]:
    rows = environments(scope) if name == "environment" else agents(scope)
    names: Mapping[str, str] = {str(row.public_id): str(row) for row in rows.filter(public_id__in=ids)}
    return [names.get(key, key) for key in ids]


def stand_lines(completeness: Completeness, zone: str) -> list[tuple[str, str]]:
    """How far the mirror stood when the rows were asked for."""
    lines = [
        (_("Complete"), _("yes") if completeness.complete else _("no: %(lack)s") % {"lack": _lacking(completeness)}),
        (_("As of"), as_of(completeness.as_of, zone)),
        (_("Mirrored"), calls_mirrored(completeness)),
    ]
    if completeness.corrections:
        lines.append((_("Corrections since"), figures.decimal(completeness.corrections)))
    return lines


def _lacking(completeness: Completeness) -> str:
    if not completeness.begun:
        return _("this period is still to come")
    if completeness.quarantined and all(note.quarantined for note in completeness.gaps):
        return elements_unread(completeness.quarantined)
    return _("some days of the period are not read whole")


def lack(completeness: Completeness) -> str:
    """What a file that is not complete says of itself, where that is not that days were not read."""
    unread = calls_read(
        completeness.mirrored, completeness.vendor_total, completeness.quarantined, completeness.accepted
    )
    if not completeness.begun:
        return _("Not complete: %(what)s.") % {"what": _("this period is still to come")}
    return _("Not complete: %(what)s.") % {"what": unread} if completeness.quarantined else ""


def as_of(when: datetime | None, zone: str) -> str:
    """With its date, whatever day it is: a file is read long after it was made."""
    return moment(when, zone) if when else _("nothing read from the vendor yet")


def moment(when: datetime, zone: str) -> str:
    return formats.date_format(when.astimezone(ZoneInfo(zone)), "DATETIME_FORMAT")


def gaps(notes: Iterable[GapNote], zone: str) -> tuple[str, ...]:
    """What is missing, with whole dates: a file is read long after it was made."""
    return tuple(said(lack, lambda at: moment(at, zone)) for lack in lacks(notes))

"""What a file says about itself, in the active language: filters, period, zone, and how complete the rows are."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.utils import formats
from django.utils.dates import WEEKDAYS
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from portal.formats import figures
from reports.dimensions import DIRECTION_LABELS, STATUS_LABELS
from reports.metrics import Metric
from reports.periods import Period
from reports.queries.agents import agents
from reports.queries.answer import Completeness, GapNote
from reports.queries.chosen import NONE, Filters, bare, write_filters
from reports.queries.environments import environments
from reports.scope import Scope
from reports.understood import calls_read, elements_unread
from sync.taxonomy import Outcome, Stream

CAMPAIGN_STATES: dict[str, str | Promise] = {
    "active": pgettext_lazy("campaign", "active"),
    "paused": pgettext_lazy("campaign", "paused"),
    "completed": pgettext_lazy("campaign", "completed"),
    "cancelled": pgettext_lazy("campaign", "cancelled"),
    "draft": pgettext_lazy("campaign", "draft"),
}
CAMPAIGN_KINDS: dict[str, str | Promise] = {
    "sales": gettext_lazy("sales"),
    "follow_up": gettext_lazy("follow-up"),
    "reminder": gettext_lazy("reminder"),
    "custom": gettext_lazy("custom"),
}
UNITS: dict[str, str] = {"percent": "%", "seconds": "s", "minutes": "min", "ms": "ms"}
OUTCOMES: dict[str, str | Promise] = {
    Outcome.CONNECTED: gettext_lazy("connected"),
    Outcome.UNREACHED: gettext_lazy("unreached"),
    Outcome.OPEN: gettext_lazy("open"),
    Outcome.UNRESOLVED: gettext_lazy("unresolved"),
}
_STREAMS: dict[str, str | Promise] = {
    Stream.AGENTS: gettext_lazy("agents"),
    Stream.CALLS: gettext_lazy("calls"),
    Stream.CALLBACKS: gettext_lazy("callbacks"),
    Stream.CAMPAIGNS: gettext_lazy("campaigns"),
}
FILTERS: dict[str, str | Promise] = {
    "environment": gettext_lazy("Environment"),
    "agent": gettext_lazy("Agent"),
    "status": gettext_lazy("Status"),
    "direction": gettext_lazy("Direction"),
    "number": gettext_lazy("Number"),
    "min_duration": gettext_lazy("Shortest duration"),
    "max_duration": gettext_lazy("Longest duration"),
    "testing": gettext_lazy("Test calls"),
    "outcome": gettext_lazy("Outcome"),
    "cause": gettext_lazy("Cause of hang-up"),
    "side": gettext_lazy("Ended by"),
    "area_code": gettext_lazy("Area code"),
    "line": gettext_lazy("Our number"),
    "weekday": gettext_lazy("Weekday"),
    "hour": gettext_lazy("Hour of the day"),
    "contact": gettext_lazy("Contact"),
    "campaign": gettext_lazy("Campaign"),
}
_MATCHES: dict[str, str | Promise] = {
    "contains": gettext_lazy("contains"),
    "begins": gettext_lazy("begins with"),
    "ends": gettext_lazy("ends with"),
    "exact": gettext_lazy("is exactly"),
}
_TESTING: dict[str, str | Promise] = {
    "exclude": gettext_lazy("left out"),
    "include": gettext_lazy("counted too"),
    "only": gettext_lazy("only these"),
}


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


def filter_lines(filters: Filters, scope: Scope) -> list[tuple[str, str]]:
    """Each filter that restricts anything, and how test calls are taken. Ids become names where they may be known."""
    said = write_filters(filters)
    lines = []
    for name, words in ({"testing": filters.testing} | said).items():
        if name == "number_match":
            continue
        parts = words.split(",")
        if name == "number":
            text = f"{_MATCHES[filters.number_match]} {words}"
        elif name in ("min_duration", "max_duration"):
            text = f"{words} s"
        elif name in ("environment", "agent"):
            text = ", ".join(_names(name, parts, scope))
        else:
            text = ", ".join(_word(name, part) for part in parts)
        lines.append((str(FILTERS.get(name, name)), text))
    return lines


def campaign_lines(filters: Filters, status: str, scope: Scope) -> list[tuple[str, str]]:
    """As :func:`filter_lines`, for campaigns: which calls are counted in them is the vendor's choice."""
    said = write_filters(filters)
    found = [
        (str(FILTERS[name]), ", ".join(_names(name, said[name].split(","), scope)))
        for name in ("environment", "agent")
        if name in said
    ]
    return [*found, *state_lines(status)]


def state_lines(status: str) -> list[tuple[str, str]]:
    """That campaigns of one state are asked for, if they are."""
    return [(_("Status"), str(CAMPAIGN_STATES.get(status, status)))] if status else []


def _names(name: str, ids: list[str], scope: Scope) -> list[str]:
    rows = environments(scope) if name == "environment" else agents(scope)
    known: Mapping[str, str] = {str(row.public_id): str(row) for row in rows.filter(public_id__in=ids)}
    return [known.get(key, key) for key in ids]


def _word(name: str, word: str) -> str:
    if name == "weekday":
        return str(WEEKDAYS[int(word) - 1])
    if name == "hour":
        return f"{int(word):02}:00"
    if word == NONE and name in ("cause", "area_code"):
        return _("none")
    labels = {"status": STATUS_LABELS, "direction": DIRECTION_LABELS, "outcome": OUTCOMES, "testing": _TESTING}
    return str(labels.get(name, {}).get(word, bare(word)))


def stand_lines(stand: Completeness, zone: str) -> list[tuple[str, str]]:
    """How far the mirror stood when the rows were asked for."""
    mirrored = figures.decimal(stand.mirrored)
    if unread := calls_read(stand.mirrored, stand.vendor_total, stand.quarantined, stand.accepted):
        mirrored = unread
    elif stand.vendor_total is not None:
        mirrored = _("%(n)s of %(of)s calls") % {"n": mirrored, "of": figures.decimal(stand.vendor_total)}
    else:
        count = ngettext("%(n)s call", "%(n)s calls", stand.mirrored) % {"n": mirrored}
        mirrored = count if stand.mirrored else _("no calls")
    lines = [
        (_("Complete"), _("yes") if stand.complete else _("no: %(lack)s") % {"lack": _lacking(stand)}),
        (_("As of"), as_of(stand.as_of, zone)),
        (_("Mirrored"), mirrored),
    ]
    if stand.corrections:
        lines.append((_("Corrections since"), figures.decimal(stand.corrections)))
    return lines


def _lacking(stand: Completeness) -> str:
    if stand.quarantined and all(note.quarantined for note in stand.gaps):
        return elements_unread(stand.quarantined)
    return _("some days of the period are not read whole")


def lack(stand: Completeness) -> str:
    """What a file that is not complete says of itself, where that is not that days were not read."""
    unread = calls_read(stand.mirrored, stand.vendor_total, stand.quarantined, stand.accepted)
    return _("Not complete: %(what)s.") % {"what": unread} if stand.quarantined else ""


def as_of(when: datetime | None, zone: str) -> str:
    """With its date, whatever day it is: a file is read long after it was made."""
    return moment(when, zone) if when else _("nothing read from the vendor yet")


def moment(when: datetime, zone: str) -> str:
    return formats.date_format(when.astimezone(ZoneInfo(zone)), "DATETIME_FORMAT")


def gaps(notes: Iterable[GapNote]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(_gap, notes)))


def _gap(note: GapNote) -> str:
    parts = (
        note.environment_name,
        str(_STREAMS.get(note.stream, note.stream)),
        note.day and figures.day(note.day),
        elements_unread(note.quarantined) if note.quarantined else "",
    )
    return " · ".join(part for part in parts if part)

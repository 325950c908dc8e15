"""Alerts and what they tell, in the words of the active language: the same for page, mail, API and webhook."""

from collections.abc import Mapping

from django.utils.dates import WEEKDAYS_ABBR
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.formats import figures
from reports.alerts.models import Alert, AlertEvent
from reports.alerts.rules import CHANGES, FIGURES, Happening, Observation, OfficeHours, When
from reports.definitions.metrics import METRICS, Metric

Words = Mapping[str, str | Promise]

OVERS: Words = {
    "last_hour": gettext_lazy("Last whole hour"),
    "last_2_hours": gettext_lazy("Last two whole hours"),
    "last_4_hours": gettext_lazy("Last four whole hours"),
    "today": gettext_lazy("Today"),
    "yesterday": gettext_lazy("Yesterday"),
    "last_7_days": gettext_lazy("Last 7 days"),
    "this_week": gettext_lazy("This week"),
    "last_week": gettext_lazy("Last week"),
    "this_month": gettext_lazy("This month"),
    "last_month": gettext_lazy("Last month"),
    "last_30_days": gettext_lazy("Last 30 days"),
    "last_90_days": gettext_lazy("Last 90 days"),
    "last_12_months": gettext_lazy("Last 12 months"),
}
DOUBTS: Words = {
    "incomplete": gettext_lazy("The data of the period are not complete."),
    "incomplete before": gettext_lazy("The data of the period to compare with are not complete."),
    "late": gettext_lazy("The data are not new enough."),
    "no figure": gettext_lazy("There is no base for the figure."),
    "too few": gettext_lazy("There are too few calls for the figure."),
    "closed": gettext_lazy("It is outside the office hours."),
    "nobody vouches": gettext_lazy(
        "Whoever set it up is not a member any more, or their key was revoked: save it anew."
    ),
    "nothing to see": gettext_lazy("Whoever set it up may see nothing of what it looks at any more."),
    "no question": gettext_lazy("Its filters name something that is not there any more."),
    "failed": gettext_lazy("It could not be computed. It is tried again."),
}


def sentence(alert: Alert) -> str:
    """``Connect rate is below 30.0 % · Today``."""
    when = When(alert.when)
    if when in FIGURES:
        metric = METRICS.get(alert.metric)
        words = {
            "figure": str(metric.label) if metric else alert.metric,
            "value": threshold(alert.value, when, metric),
        }
        return f"{_PATTERNS[when] % words} · {OVERS.get(alert.over, alert.over)}"
    value = float(alert.value or 0)
    hours = figures.decimal(value, 0 if value.is_integer() else 1)
    if when == When.NO_CALLS:
        return f"{_('No calls in office hours')} · {OVERS.get(alert.over, alert.over)} · {office(alert.office_hours)}"
    return str(_PATTERNS[when]) % {"hours": hours}


_PATTERNS: Words = {
    When.ABOVE: gettext_lazy("%(figure)s is above %(value)s"),
    When.BELOW: gettext_lazy("%(figure)s is below %(value)s"),
    When.CHANGE_ABOVE: gettext_lazy("%(figure)s changes by more than %(value)s"),
    When.CHANGE_BELOW: gettext_lazy("%(figure)s changes by less than %(value)s"),
    When.STALE: gettext_lazy("No calls were read for more than %(hours)s h"),
    When.GAP: gettext_lazy("A gap has stood for %(hours)s h or more"),
    When.REJECTED: gettext_lazy("The vendor refuses the token"),
}


def threshold(value: float | None, when: When, metric: Metric | None) -> str:
    """A threshold or what was seen for it: a figure, or a change with its sign."""
    if value is None:
        return figures.NO_BASE
    unit = metric.unit if metric else "count"
    if when in CHANGES:
        return f"{figures.MINUS if value < 0 else '+'}{figures.change(value, unit)}"
    return figures.value(value, unit)


def office(hours: OfficeHours) -> str:
    """``1–5 · 9–18 h``, in words."""
    named = ", ".join(str(WEEKDAYS_ABBR[day - 1]) for day in hours.weekdays)
    span = _("%(start)s to %(end)s h") % {"start": hours.start, "end": hours.end}
    return f"{named} · {span}"


def subject(event: AlertEvent) -> str:
    """One line: what happened to which alert."""
    names = {"name": event.alert.name}
    return {
        Happening.FIRED: _("Alert: %(name)s"),
        Happening.RECOVERED: _("Over: %(name)s"),
        Happening.TEST: _("Test of an alert: %(name)s"),
    }[Happening(event.kind)] % names


def told(event: AlertEvent) -> str:
    """What an event says, in a sentence or two."""
    rule = sentence(event.alert)
    if event.kind == Happening.TEST:
        return _("This is a test. The alert tells when: %(rule)s.") % {"rule": rule}
    if event.kind == Happening.RECOVERED:
        return f"{_('This no longer holds: %(rule)s.') % {'rule': rule}} {figure(event)}".strip()
    return f"{rule}. {figure(event)}".strip()


def figure(event: AlertEvent) -> str:
    """What was seen: the figure with its base, or the environments."""
    alert, when = event.alert, When(event.alert.when)
    if event.places:
        return _("Environments: %(names)s") % {"names": ", ".join(map(str, event.places))} + "."
    if event.kind == Happening.TEST or event.value is None or when not in FIGURES:
        return ""
    words = {
        "value": threshold(event.value, when, METRICS.get(alert.metric)),
        "n": figures.decimal(event.n or 0),
    }
    return _("It is %(value)s (n = %(n)s).") % words


def seen(alert: Alert, observation: Observation) -> str:
    """As :func:`figure`, of what was only looked at."""
    event = AlertEvent(
        alert=alert,
        kind=Happening.FIRED.value,
        value=observation.value,
        n=observation.n,
        places=list(observation.places),
    )
    return figure(event)

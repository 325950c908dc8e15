"""Alerts and what they tell, in the words of the active language: the same for page, mail, API and webhook."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from django.utils.dates import WEEKDAYS_ABBR
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from portal.formats import figures
from portal.obstacles import in_words
from reports.alerts.models import Alert, AlertEvent, WebhookPost
from reports.alerts.rules import CHANGES, FIGURES, STANDINGS, Happening, Observation, OfficeHours, When
from reports.alerts.wishes import read_filters
from reports.definitions.filters import FILTERS
from reports.definitions.metrics import METRICS, Metric
from reports.definitions.periods import DAY, day_start
from reports.definitions.spans import SPANS
from reports.files.words import filter_lines
from reports.queries.environments import environments
from reports.queries.scope import Scope

Words = Mapping[str, str | Promise]

OVERS: Words = {
    "last_hour": gettext_lazy("Last whole hour"),
    "last_2_hours": gettext_lazy("Last two whole hours"),
    "last_4_hours": gettext_lazy("Last four whole hours"),
    **SPANS,
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
# Why a post was not even tried.
UNPOSTED: Words = {**DOUBTS, "removed": gettext_lazy("The alert or its webhook was removed.")}

RESTS = ("nobody vouches", "nothing to see")  # until somebody saves the alert
MOST_NAMES = 3


def reply(row: WebhookPost) -> str:
    """What an endpoint answered, or why nothing was answered."""
    if row.status is not None:
        return row.reply
    return str(UNPOSTED[row.reply]) if row.reply in UNPOSTED else in_words(row.reply)


def sentence(alert: Alert) -> str:
    """``Connect rate is below 30.0 % · Today``."""
    when = When(alert.when)
    if when in FIGURES:
        return f"{_bound(alert, when)} · {OVERS.get(alert.over, alert.over)}"
    value = float(alert.value or 0)
    hours = figures.decimal(value, 0 if value.is_integer() else 1)
    if when == When.NO_CALLS:
        return f"{_('No calls in office hours')} · {OVERS.get(alert.over, alert.over)} · {office(alert.office_hours)}"
    return str(_PATTERNS[when]) % {"hours": hours}


def _bound(alert: Alert, when: When) -> str:
    """A rise and a fall are told by their size; the others by bound and sign."""
    metric, value = METRICS.get(alert.metric), alert.value or 0.0
    figure = str(metric.label) if metric else alert.metric
    if (when == When.CHANGE_ABOVE and value >= 0) or (when == When.CHANGE_BELOW and value <= 0):
        size = figures.change(value, metric.unit if metric else "count")
        return str(_MOVES[when] % {"figure": figure, "value": size})
    return str(_PATTERNS[when] % {"figure": figure, "value": threshold(alert.value, when, metric)})


_MOVES: Words = {
    When.CHANGE_ABOVE: gettext_lazy("%(figure)s rises by more than %(value)s"),
    When.CHANGE_BELOW: gettext_lazy("%(figure)s falls by more than %(value)s"),
}
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
    """``Mon–Fri · 9 to 18 h · not on Brazilian holidays``."""
    parts = [_weekdays(hours.weekdays), _("%(start)s to %(end)s h") % {"start": hours.start, "end": hours.end}]
    return " · ".join([*parts, _("not on Brazilian holidays")] if hours.skips_holidays else parts)


def _weekdays(days: Sequence[int]) -> str:
    """Those that follow one another as a span: ``Mon–Wed, Sat``."""
    spans: list[list[int]] = []
    for day in days:
        if spans and spans[-1][-1] == day - 1:
            spans[-1].append(day)
        else:
            spans.append([day])
    edges = (dict.fromkeys((span[0], span[-1])) for span in spans)
    return ", ".join("–".join(str(WEEKDAYS_ABBR[day - 1]) for day in pair) for pair in edges)


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
    """What was seen: the figure with its base, the calls, or the environments."""
    alert, when = event.alert, When(event.alert.when)
    if event.kind == Happening.TEST or (event.value is None and not event.places):
        return ""
    if when in STANDINGS:
        return _standing(event)
    value = event.value or 0.0
    if when == When.NO_CALLS:
        count = int(value)
        return ngettext("There was %(count)s call.", "There were %(count)s calls.", count) % {
            "count": figures.decimal(count)
        }
    words = {"value": threshold(value, when, METRICS.get(alert.metric)), "n": figures.decimal(event.n or 0)}
    return _("It is %(value)s (n = %(n)s).") % words


def _standing(event: AlertEvent) -> str:
    if not event.places:
        return ""
    text = _("Environments: %(names)s") % {"names": ", ".join(map(str, event.places))} + "."
    if event.alert.when == When.STALE and event.value:
        text += " " + _("The oldest was read %(hours)s h ago.") % {"hours": figures.decimal(event.value, 1)}
    return text


def span(event: AlertEvent) -> str:
    """The time that an event is about, in the alert's zone: ``Mon 13 Jul 2026, 09:00–11:00``; empty where none was
    looked at."""
    if event.begins is None or event.ends is None:
        return ""
    zone = ZoneInfo(event.alert.zone)
    first, last = event.begins.astimezone(zone), event.ends.astimezone(zone)
    final = (last - timedelta(seconds=1)).date()
    if first.date() == final:
        days = figures.days(final, final)
        if event.begins == day_start(final, zone.key) and event.ends == day_start(final + DAY, zone.key):
            return days
        return f"{days}, {first:%H:%M}–{last:%H:%M}"
    if event.ends == day_start(final + DAY, zone.key):
        return figures.days(first.date(), final)
    until = _("until %(time)s") % {"time": f"{last:%H:%M}"}
    return f"{figures.days(first.date(), final)}, {until}"


def facts(event: AlertEvent, scope: Scope | None) -> list[tuple[str, str]]:
    """What an event is about, by labels: its time, which calls, the hours of the rule. ``scope`` is what was looked at;
    without it the calls are not named."""
    alert, when = event.alert, When(event.alert.when)
    lines = [(_("Period"), span(event)), (_("Looked at"), _looked_at(event))]
    if scope is not None:
        lines += calls_of(alert, scope)
    if when == When.NO_CALLS:
        lines.append((_("Office hours"), office(alert.office_hours)))
    if when in FIGURES and alert.minimum_n:
        lines.append((_("At least so many calls"), figures.decimal(alert.minimum_n)))
    return [(label, text) for label, text in lines if text]


def calls_of(alert: Alert, scope: Scope) -> list[tuple[str, str]]:
    """Which calls an alert is about: its filters in words, and the environments where it chose none."""
    filters = dict(parse_qsl(alert.filters))
    testing, *lines = filter_lines(read_filters(filters, scope), scope)
    if "environment" not in filters:
        names = [str(row) for row in environments(scope)]
        shown = ", ".join(names[:MOST_NAMES])
        if len(names) > MOST_NAMES:
            shown = _("%(names)s and %(count)s more") % {"names": shown, "count": len(names) - MOST_NAMES}
        lines = [(str(FILTERS["environment"].label), shown), *lines]
    # How test calls are taken says nothing of how data stand.
    return lines if When(alert.when) in STANDINGS else [*lines, testing]


def _looked_at(event: AlertEvent) -> str:
    """When, with its day: a mail is read later."""
    zone = event.alert.zone
    at = figures.dated_moment(event.at, zone, now=event.at)
    return f"{at}, {figures.zone_name(zone)}"


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

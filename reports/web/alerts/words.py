"""Alerts, what they told and what was owed for it, as the lines of a page tell them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django.utils.translation import gettext as _

from portal.formats import figures
from portal.outbox import server
from portal.outbox.models import State
from reports.alerts import words
from reports.alerts.access import ShownAlert
from reports.alerts.models import Alert, AlertEvent, PostState, WebhookPost
from reports.alerts.preview import Firing, Preview
from reports.alerts.rules import Happening
from reports.definitions.periods import DAY, day_start
from reports.mail import log

_MARKS = {State.SENT: "good", State.FAILED: "bad", State.UNKNOWN: "warn", State.SUPPRESSED: "off"}
_POSTED = {PostState.SENT: "good", PostState.FAILED: "bad", PostState.SUPPRESSED: "off"}
_KINDS = {Happening.FIRED: "bad", Happening.RECOVERED: "good", Happening.TEST: "off"}


@dataclass(frozen=True, slots=True)
class Standing:
    """How an alert stands: a word, its colour, and what is to know beside; ``usual`` where that is nothing wrong."""

    word: str
    mark: str
    since: str = ""
    doubt: str = ""
    usual: bool = False


@dataclass(frozen=True, slots=True)
class AlertLine:
    alert: Alert
    rule: str
    standing: Standing


@dataclass(frozen=True, slots=True)
class OwedLine:
    """A mail or a webhook of an event. ``post`` is the latter, where it may be sent again."""

    to: str
    state: str
    mark: str
    reply: str
    post: WebhookPost | None = None


@dataclass(frozen=True, slots=True)
class EventLine:
    event: AlertEvent
    at: str
    kind: str
    mark: str
    figure: str
    span: str
    owed: tuple[OwedLine, ...]


@dataclass(frozen=True, slots=True)
class PreviewLine:
    day: str
    moments: str
    figure: str


def alert_line(shown: ShownAlert, now: datetime) -> AlertLine:
    return AlertLine(shown.alert, words.sentence(shown.alert), standing(shown.alert, now))


def standing(alert: Alert, now: datetime) -> Standing:
    if not alert.active:
        return Standing(_("paused"), "off")
    since = _("since %(moment)s") % {"moment": figures.moment(alert.since, alert.zone, now=now)} if alert.since else ""
    doubt = str(words.DOUBTS[alert.doubt]) if alert.doubt in words.DOUBTS else ""
    usual = alert.doubt in ("closed", "too few", "no figure")
    if alert.firing:
        return Standing(_("its rule holds"), "bad", since, doubt, usual)
    if alert.checked_at is None:
        return Standing(_("not looked at yet"), "wait")
    return Standing(_("quiet"), "good", since, doubt, usual)


def event_lines(rows: Iterable[AlertEvent], now: datetime, *, whole: bool) -> list[EventLine]:
    """``whole`` with mails and webhooks, for who may change the alert."""
    return [
        EventLine(
            event,
            figures.moment(event.at, event.alert.zone, now=now),
            str(event.get_kind_display()),
            _KINDS[Happening(event.kind)],
            words.figure(event),
            words.span(event),
            _owed(event) if whole else (),
        )
        for event in rows
    ]


def preview_lines(alert: Alert, preview: Preview) -> list[PreviewLine]:
    """The days on which it would have fired, newest first."""
    lines = []
    for day in reversed(preview.fired_on):
        firings = [firing for firing in preview.firings if firing.day == day]
        moments = ", ".join(_told_at(firing, alert) for firing in firings[:6])
        more = "…" if len(firings) > 6 else ""
        lines.append(PreviewLine(figures.weekday(day), moments + more, words.seen(alert, firings[0].seen)))
    return lines


def _told_at(firing: Firing, alert: Alert) -> str:
    """The time of day on the day it is about; with its date on a later one."""
    midday = day_start(firing.day, alert.zone) + DAY / 2
    return figures.moment(firing.at, alert.zone, now=midday)


def unknown_days(days: Iterable[date]) -> str:
    """Those that follow one another as a span: ``15–28 Jun, 3 Jul``."""
    spans: list[list[date]] = []
    for day in days:
        if spans and spans[-1][-1] == day - DAY:
            spans[-1].append(day)
        else:
            spans.append([day])
    shown = ", ".join(figures.short_days(span[0], span[-1]) for span in spans[:5])
    return f"{shown} …" if len(spans) > 5 else shown


def _reply(kept: str) -> str:
    """What the mail server answered, or why the mail did not leave."""
    return str(words.UNPOSTED.get(kept) or log.REASONS.get(kept) or server.said(kept))


def _owed(event: AlertEvent) -> tuple[OwedLine, ...]:
    mails = (
        OwedLine(
            notice.message.to,
            str(notice.message.get_state_display()),
            _MARKS.get(State(notice.message.state), "wait"),
            _reply(notice.message.last_reply),
        )
        for notice in event.notices.all()
    )
    posts = (
        OwedLine(
            row.host,
            str(row.get_state_display()),
            _POSTED.get(PostState(row.state), "wait"),
            " ".join(filter(None, (str(row.status or ""), words.reply(row)))),
            row if row.state == PostState.FAILED else None,
        )
        for row in event.posts.all()
    )
    return (*mails, *posts)

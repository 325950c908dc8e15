"""On which of the last 28 days an alert would have fired, by the data as they are mirrored today.

Rules about hours are looked at hour by hour; those about periods that are over, such as yesterday, at the start of each
day; those about periods that run, such as today, as they stood when each day ended.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.utils.translation import gettext as _

from reports.alerts.looking import HOURS, HourSeen, Subject, by_hour, hours_of, quiet, quiet_day, seen_in, unready
from reports.alerts.rules import STANDINGS, Happening, Observation, Phase, When, advance, doubt
from reports.definitions.periods import DAY, Period, day_start, local_date, previous
from reports.definitions.spans import span_period
from reports.queries.ask import ask, ask_together
from reports.queries.completeness.freshness import completeness
from reports.queries.question import Question, QuestionError
from reports.queries.run import patient
from reports.queries.scope import Scope

DAYS = 28
RUNNING = ("today", "this_week", "this_month")
WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Firing:
    """An instant at which the alert would have told, and what it would have told of."""

    at: datetime
    day: date
    seen: Observation


@dataclass(frozen=True, slots=True)
class Preview:
    """``days`` are those that were looked at, ``unknown`` those of them of which nothing could be said at all."""

    days: tuple[date, ...]
    firings: tuple[Firing, ...]
    unknown: tuple[date, ...]

    @property
    def fired_on(self) -> list[date]:
        return sorted({firing.day for firing in self.firings})


def preview(subject: Subject, scope: Scope, at: datetime, *, silence: timedelta) -> Preview:
    """The wall must be open. Raises QuestionError for a rule about the data themselves: how these stood is not kept."""
    if subject.rule.when in STANDINGS:
        text = _("How data stood in the past is not kept: only rules about figures and calls have a preview.")
        raise QuestionError({"when": text})
    today = local_date(at, subject.zone)
    days = [today - timedelta(days=back) for back in range(DAYS, 0, -1)]
    with patient():
        if subject.over in HOURS:
            seen = _by_hours(subject, scope, at, days)
        elif subject.rule.when == When.NO_CALLS:
            seen = _quiet_days(subject, scope, at, days)
        else:
            seen = _periods(subject, scope, at, days)
        return _told(subject, seen, days, silence)


def _told(
    subject: Subject, seen: Iterable[tuple[datetime, date, Observation]], days: list[date], silence: timedelta
) -> Preview:
    phase, firings = Phase(), list[Firing]()
    spoken_of = set[date]()  # also where it says nothing on purpose, outside of office hours
    for at, day, observation in seen:
        if doubt(subject.rule, observation) in ("", "closed"):
            spoken_of.add(day)
        phase, happened = advance(phase, subject.rule.holds(observation), at, silence)
        if happened == Happening.FIRED:
            firings.append(Firing(at, day, observation))
    unknown = [day for day in days if day not in spoken_of]
    return Preview(tuple(days), tuple(firings), tuple(unknown))


def _by_hours(
    subject: Subject, scope: Scope, at: datetime, days: list[date]
) -> Iterator[tuple[datetime, date, Observation]]:
    hours, lacking = _hours(subject, scope, at, days)
    count, past = HOURS[subject.over], list[HourSeen]()
    for hour in hours:
        past.append(hour)
        day = hour.start.date()
        if day in lacking:
            seen = Observation(doubt="incomplete")
        elif subject.rule.when == When.NO_CALLS:
            seen = quiet(past[-count:], subject.office, count)
        else:
            seen = seen_in(subject, hour.cell, (hour.start, hour.end))
        yield hour.end, day, seen


def _quiet_days(
    subject: Subject, scope: Scope, at: datetime, days: list[date]
) -> Iterator[tuple[datetime, date, Observation]]:
    hours, lacking = _hours(subject, scope, at, [day - DAY for day in days])
    for day in days:
        own = [hour for hour in hours if hour.start.date() == day - DAY]
        seen = Observation(doubt="incomplete") if day - DAY in lacking else quiet_day(own, subject.office)
        yield day_start(day, subject.zone), day, seen


def _hours(subject: Subject, scope: Scope, at: datetime, days: list[date]) -> tuple[list[HourSeen], set[date]]:
    """All hours of the days, each beside the same one of a week before, and the days that are not mirrored whole."""
    period = Period(days[0], days[-1] + DAY, subject.zone)
    versus = Period(period.start - WEEK, period.end - WEEK, period.zone)
    answer = ask(by_hour(subject, period, versus), scope, now=at)
    whole = not unready(answer, at)
    lacking = set() if whole else {day for day in days if not _is_whole(subject, scope, at, day)}
    return hours_of(answer), lacking


def _is_whole(subject: Subject, scope: Scope, at: datetime, day: date) -> bool:
    spans = [Period(day, day + DAY, subject.zone)]
    if subject.compares:
        spans.append(previous(spans[0]))
    return all(completeness(scope, span, subject.filters, now=at).complete for span in spans)


def _periods(
    subject: Subject, scope: Scope, at: datetime, days: list[date]
) -> Iterator[tuple[datetime, date, Observation]]:
    questions = [_question(subject, day) for day in days]
    for day, answer in zip(days, ask_together(questions, scope, now=at), strict=True):
        edges = (answer.period.starts_at, answer.period.ends_at)
        seen = seen_in(subject, answer.totals[subject.metric], edges, doubt=unready(answer, at))
        ends = day + DAY if subject.over in RUNNING else day
        yield day_start(ends, subject.zone), day, seen


def _question(subject: Subject, day: date) -> Question:
    period, versus = span_period(subject.over, day, subject.zone), None
    if subject.over in RUNNING:
        before = previous(period)
        period = Period(period.start, day + DAY, period.zone)
        versus = Period(before.start, min(before.start + timedelta(days=period.days), before.end), period.zone)
    return Question((subject.metric,), period, filters=subject.filters, compare=subject.compares, versus=versus)

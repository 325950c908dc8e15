"""On which of the last 28 days an alert would have fired, by the data as they are mirrored today.

Rules about hours are looked at hour by hour; those about periods that are over, such as yesterday, once the last day of
each is; those about periods that run, such as today, as they stood when each day ended. Rules about the data are looked
at by what reading left behind, its gaps and runs, each quarter of an hour and whenever something began or ended. What
would have been told is dated by the day that it is about, not by the one on which it is told.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from reports.alerts.looking import (
    HOURS,
    SECOND,
    WEEK,
    HourSeen,
    Subject,
    by_hour,
    hours_of,
    quiet,
    quiet_day,
    seen_in,
    unready,
)
from reports.alerts.rules import HOUR, STANDINGS, Happening, Observation, Phase, When, advance, doubt
from reports.definitions.periods import DAY, Period, day_start, local_date, previous
from reports.definitions.spans import span_period
from reports.queries.ask import ask, ask_together
from reports.queries.completeness import spells
from reports.queries.completeness.freshness import completeness
from reports.queries.completeness.spells import Spell
from reports.queries.question import Question
from reports.queries.run import patient
from reports.queries.scope import Scope

DAYS = 28
RUNNING = ("today", "this_week", "this_month")
QUARTER = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Firing:
    """An instant at which the alert would have told, and what it would have told of: ``day`` is that, or its last."""

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
    """The wall must be open. Raises QuestionError and NotNow as :func:`reports.queries.ask.ask`."""
    today = local_date(at, subject.zone)
    days = [today - timedelta(days=back) for back in range(DAYS, 0, -1)]
    with patient():
        if subject.rule.when in STANDINGS:
            seen = _by_the_ledger(subject, scope, at, days)
        elif subject.over in HOURS:
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
            ends = observation.ends
            firings.append(Firing(at, local_date(ends - SECOND, subject.zone) if ends else day, observation))
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
    hours, lacking = _hours(subject, scope, at, days)
    for day in days:
        own = [hour for hour in hours if hour.start.date() == day]
        seen = Observation(doubt="incomplete") if day in lacking else quiet_day(own, subject.office)
        yield day_start(day + DAY, subject.zone), day, seen


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
        yield day_start(day + DAY, subject.zone), day, seen


def _by_the_ledger(
    subject: Subject, scope: Scope, at: datetime, days: list[date]
) -> Iterator[tuple[datetime, date, Observation]]:
    found = _spells(subject, scope, at, day_start(days[0], subject.zone))
    begins, ends = day_start(days[0], subject.zone), day_start(days[-1] + DAY, subject.zone)
    points = {begins + number * QUARTER for number in range(int((ends - begins) / QUARTER))}
    points |= {edge for spell in found for edge in (spell.begins, spell.ends) if begins <= edge < ends}
    first = spells.begun(scope, subject.filters, at)
    for point in sorted(points):
        there = [spell for spell in found if spell.begins <= point < spell.ends]
        sure = [spell for spell in there if spell.sure]
        places = tuple(sorted({spell.environment for spell in sure}))
        unsure = not sure and (bool(there) or first is None or point < first)
        value = float(len(places))
        if subject.rule.when == When.STALE and sure:
            value = (point - min(spell.since for spell in sure)) / HOUR
        yield (
            point,
            local_date(point, subject.zone),
            Observation(value, places=places, doubt="incomplete" if unsure else ""),
        )


def _spells(subject: Subject, scope: Scope, at: datetime, first: datetime) -> list[Spell]:
    longer_than = timedelta(hours=subject.rule.value or 0.0)
    match subject.rule.when:
        case When.STALE:
            return spells.stale(scope, subject.filters, at, longer_than)
        case When.GAP:
            return spells.gaps(scope, subject.filters, at, longer_than, first)
    return spells.refusals(scope, subject.filters, at)


def _question(subject: Subject, day: date) -> Question:
    """Of a period that runs, as it stood at the end of the day; else of the one that is over then."""
    if subject.over not in RUNNING:
        period, versus = span_period(subject.over, day + DAY, subject.zone), None
    else:
        period = span_period(subject.over, day, subject.zone)
        before = previous(period)
        period = Period(period.start, day + DAY, period.zone)
        versus = Period(before.start, min(before.start + timedelta(days=period.days), before.end), period.zone)
    return Question((subject.metric,), period, filters=subject.filters, compare=subject.compares, versus=versus)

"""What an alert sees at an instant: a figure of the same answers that pages show, or how the data stand.

Nothing is said by figures of data that are not whole: a period that is over has to be read to its end, one that still
runs has to be as of the last hour, an hour has to be over and read.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from reports.alerts.rules import CHANGES, HOUR, Observation, OfficeHours, Rule, When
from reports.definitions.metrics import METRICS
from reports.definitions.periods import DAY, Period, last_days, local_date
from reports.definitions.spans import SPANS, span_period
from reports.mail.facts import covers
from reports.queries.answer import Answer, Cell
from reports.queries.ask import ask
from reports.queries.completeness import wants
from reports.queries.question import Filters, Question
from reports.queries.scope import Scope
from reports.queries.significance import adds_up

SECOND, WEEK = timedelta(seconds=1), timedelta(weeks=1)
HOURS = {"last_hour": 1, "last_2_hours": 2, "last_4_hours": 4}
OVERS = ("last_hour", *SPANS)  # of figures
QUIET_OVERS = (*HOURS, "yesterday")  # of office hours without calls
CALLS = "attempts"
FRESH = HOUR  # how old the data of a period that still runs may be
LATEST = 2 * HOUR  # how long ago the hour may have ended that is looked at


@dataclass(frozen=True, slots=True)
class Subject:
    """What is looked at, of an alert that stands or of one that is only thought of."""

    rule: Rule
    metric: str
    filters: Filters
    over: str
    office: OfficeHours

    @property
    def zone(self) -> str:
        return self.office.zone

    @property
    def compares(self) -> bool:
        return self.rule.when in CHANGES


@dataclass(frozen=True, slots=True)
class HourSeen:
    """One hour of an answer. ``start`` is by the zone's clock."""

    start: datetime
    cell: Cell

    @property
    def end(self) -> datetime:
        return self.start.astimezone(UTC) + HOUR


def observe(subject: Subject, scope: Scope, at: datetime) -> Observation:
    """The wall must be open. Raises QuestionError and NotNow as :func:`reports.queries.ask.ask`."""
    match subject.rule.when:
        case When.STALE:
            return _stale(subject, scope, at)
        case When.GAP:
            found = wants.gaps(scope, subject.filters, at, _hours(subject))
            return Observation(float(len(found)), places=tuple(want.environment for want in found))
        case When.REJECTED:
            found = wants.refusals(scope, subject.filters, at)
            return Observation(float(len(found)), places=tuple(want.environment for want in found))
        case When.NO_CALLS:
            return _no_calls(subject, scope, at)
    if subject.over == "last_hour":
        return _last_hour(subject, scope, at)
    period = span_period(subject.over, local_date(at, subject.zone), subject.zone)
    question = Question((subject.metric,), period, filters=subject.filters, compare=subject.compares)
    answer = ask(question, scope, now=at)
    doubt = unready(answer, at)
    begins, ends = period.starts_at, min(period.ends_at, at)
    return seen_in(subject, answer.totals[subject.metric], (begins, ends), doubt=doubt)


def seen_in(subject: Subject, cell: Cell, edges: tuple[datetime, datetime], *, doubt: str = "") -> Observation:
    """What a cell says for a rule: its value, or its change. Of a holiday that the calendar leaves out, or beside one,
    it says nothing. The base of a count's change is the larger of both, so that a fall to none has one.
    """
    if not doubt and _is_holiday(subject, edges):
        doubt = "closed"
    if not doubt and (cell.small or (subject.compares and cell.previous_small)):
        doubt = "too few"
    if not subject.compares:
        return Observation(cell.value, cell.n, *edges, doubt=doubt)
    bases = [cell.n or 0, cell.previous_n or 0]
    n = max(bases) if adds_up(METRICS[subject.metric]) else min(bases)
    return Observation(cell.change, n, *edges, doubt=doubt)


def _is_holiday(subject: Subject, edges: tuple[datetime, datetime]) -> bool:
    """Of hours and single days; of what is compared with one as well. Longer periods have holidays among other days."""
    first, last = local_date(edges[0], subject.zone), local_date(edges[1] - SECOND, subject.zone)
    days = [first, first - WEEK] if subject.compares else [first]
    return first == last and any(map(subject.office.rests_on, days))


def unready(answer: Answer, at: datetime) -> str:
    """Why an answer says nothing yet; empty where it does."""
    stand, period = answer.completeness, answer.period
    if not stand.complete or stand.as_of is None:
        return "incomplete"
    if period.ends_at <= at:
        doubt = "" if covers(stand, period, at) else "incomplete"
    else:
        doubt = "" if stand.as_of > period.starts_at and at - stand.as_of <= FRESH else "late"
    if not doubt and answer.question.compare and not answer.previous_complete:
        return "incomplete before"
    return doubt


def hours_of(answer: Answer) -> list[HourSeen]:
    """The hours of an answer that is grouped by them, in order."""
    key = answer.question.metrics[0]
    rows = ((row.key[0], row.cells[key]) for row in answer.rows)
    return [HourSeen(datetime.fromisoformat(text), cell) for text, cell in rows if text is not None]


def quiet(hours: Iterable[HourSeen], office: OfficeHours, count: int) -> Observation:
    """The calls of the last ``count`` hours, if all of them are office hours in a row."""
    last = list(hours)[-count:]
    if len(last) < count or not all(office.holds(hour.start) for hour in last):
        return Observation(doubt="closed")
    if last[-1].end - last[0].end != (count - 1) * HOUR or last[0].start.date() != last[-1].start.date():
        return Observation(doubt="closed")
    return _sum(last)


def quiet_day(hours: Iterable[HourSeen], office: OfficeHours) -> Observation:
    """The calls in the office hours of a day."""
    held = [hour for hour in hours if office.holds(hour.start)]
    return _sum(held) if held else Observation(doubt="closed")


def by_hour(subject: Subject, period: Period, versus: Period | None = None) -> Question:
    metric = CALLS if subject.rule.when == When.NO_CALLS else subject.metric
    return Question((metric,), period, ("hour",), subject.filters, subject.compares, versus)


def _sum(hours: list[HourSeen]) -> Observation:
    if any(hour.cell.value is None for hour in hours):
        return Observation(doubt="no figure")
    total = sum(hour.cell.value or 0.0 for hour in hours)
    return Observation(total, int(total), hours[0].start.astimezone(UTC), hours[-1].end)


def _stale(subject: Subject, scope: Scope, at: datetime) -> Observation:
    found = wants.stale(scope, subject.filters, at, _hours(subject))
    oldest = min((want.since for want in found if want.since is not None), default=at)
    hours = (at - oldest) / HOUR if found else 0.0
    return Observation(hours, places=tuple(want.environment for want in found))


def _hours(subject: Subject) -> timedelta:
    return timedelta(hours=subject.rule.value or 0.0)


def _last_hour(subject: Subject, scope: Scope, at: datetime) -> Observation:
    hours, doubt = _past_hours(subject, scope, at)
    if doubt or not hours:
        return Observation(doubt=doubt or "late")
    return seen_in(subject, hours[-1].cell, (hours[-1].start.astimezone(UTC), hours[-1].end))


def _no_calls(subject: Subject, scope: Scope, at: datetime) -> Observation:
    today = local_date(at, subject.zone)
    if subject.over in HOURS:
        hours, doubt = _past_hours(subject, scope, at)
        return Observation(doubt=doubt) if doubt else quiet(hours, subject.office, HOURS[subject.over])
    period = last_days(1, today, subject.zone)
    if not subject.office.works_on(period.start):
        return Observation(doubt="closed")
    answer = ask(by_hour(subject, period), scope, now=at)
    doubt = unready(answer, at)
    return Observation(doubt=doubt) if doubt else quiet_day(hours_of(answer), subject.office)


def _past_hours(subject: Subject, scope: Scope, at: datetime) -> tuple[list[HourSeen], str]:
    """The hours of yesterday and today that are over and read, in order; or why there are none to speak of.

    Two days are compared with the same two of the week before, as one would be, and an hour after midnight has its
    neighbours.
    """
    today = local_date(at, subject.zone)
    answer = ask(by_hour(subject, Period(today - DAY, today + DAY, subject.zone)), scope, now=at)
    stand = answer.completeness
    if not stand.complete or stand.as_of is None:
        return [], "incomplete"
    if subject.compares and not answer.previous_complete:
        return [], "incomplete before"
    read = min(stand.as_of, at)
    hours = [hour for hour in hours_of(answer) if hour.end <= read]
    if not hours or at - hours[-1].end > LATEST:
        return [], "late"
    return hours, ""

"""The rule, the phases of an alert and office hours, without a database."""

import random
from datetime import UTC, date, datetime, timedelta

import pytest

from reports.alerts.rules import Happening, Observation, OfficeHours, Phase, Rule, When, advance, doubt

START = datetime(2026, 7, 13, 11, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("when", "limit", "value", "holds"),
    [
        (When.ABOVE, 10.0, 10.0, False),
        (When.ABOVE, 10.0, 10.1, True),
        (When.BELOW, 10.0, 10.0, False),
        (When.BELOW, 10.0, 9.9, True),
        (When.CHANGE_ABOVE, 5.0, 5.5, True),
        (When.CHANGE_BELOW, -20.0, -19.0, False),
        (When.CHANGE_BELOW, -20.0, -21.0, True),
        (When.NO_CALLS, None, 0.0, True),
        (When.NO_CALLS, None, 1.0, False),
        (When.STALE, 6.0, 0.0, False),
        (When.STALE, 6.0, 7.0, True),
        (When.GAP, 1.0, 2.0, True),
        (When.REJECTED, None, 0.0, False),
    ],
)
def test_when_a_rule_holds(when, limit, value, holds):
    assert Rule(when, limit).holds(Observation(value, 100)) is holds


def test_nothing_is_said_of_too_few_calls_no_figure_or_data_that_are_not_whole():
    rule = Rule(When.BELOW, 50.0, minimum_n=20)
    assert rule.holds(Observation(10.0, 19)) is None
    assert doubt(rule, Observation(10.0, 19)) == "too few"
    assert rule.holds(Observation(10.0, 20)) is True
    assert rule.holds(Observation(None, 20)) is None
    assert rule.holds(Observation(10.0, 20, doubt="incomplete")) is None
    assert Rule(When.NO_CALLS).holds(Observation(0.0, 0, doubt="late")) is None


def test_it_fires_once_is_silent_in_the_cool_down_and_tells_that_it_is_over():
    told, phase = [], Phase()
    for minute, holds in enumerate([False, True, True, None, False, True, False, True] + [True] * 60):
        at = START + timedelta(minutes=minute)
        phase, happened = advance(phase, holds, at, HOUR)
        if happened:
            told.append((minute, happened))
    # It fires at 1 and is over at 4. What begins at 5 is over within the hour; what begins at 7 still holds at 61.
    assert told == [(1, Happening.FIRED), (4, Happening.RECOVERED), (61, Happening.FIRED)]


def test_phases_against_a_count_made_otherwise():
    """A stretch of a thousand looks at random: by runs of what held, not by steps."""
    chance = random.Random(7)
    seen = [chance.choice([True, True, False, None]) for _ in range(1000)]
    told, phase = [], Phase()
    for minute, holds in enumerate(seen):
        phase, happened = advance(phase, holds, START + timedelta(minutes=minute), timedelta(minutes=5))
        if happened:
            told.append((minute, str(happened)))
    known = [(minute, holds) for minute, holds in enumerate(seen) if holds is not None]
    expected, quiet, place = [], -1, 0
    while place < len(known):
        while place < len(known) and not (known[place][1] and known[place][0] >= quiet):
            place += 1
        if place == len(known):
            break
        expected.append((known[place][0], "fired"))
        quiet = known[place][0] + 5
        over = next((minute for minute, holds in known[place:] if not holds), None)
        if over is None:
            break
        expected.append((over, "recovered"))
        place = next(index for index, (minute, _holds) in enumerate(known) if minute == over)
    assert told == expected
    assert len(told) > 100


def test_office_hours_skip_weekends_and_brazilian_holidays():
    hours = OfficeHours("America/Sao_Paulo")
    assert hours.works_on(date(2026, 7, 13))
    assert not hours.works_on(date(2026, 7, 12))
    assert not hours.works_on(date(2026, 9, 7))  # Independence Day, a Monday
    assert OfficeHours("America/Sao_Paulo", skips_holidays=False).works_on(date(2026, 9, 7))
    held = [hour for hour in range(24) if hours.holds(datetime(2026, 7, 13, hour))]  # noqa: DTZ001
    assert held == list(range(9, 18))

"""Of what an alert says nothing: of holidays that its calendar leaves out, and of few calls."""

from datetime import date, timedelta

import pytest

from portal.tenants import wall
from reports.alerts.looking import Subject, seen_in
from reports.alerts.rules import OfficeHours, Rule, When, doubt
from reports.alerts.wishes import read_plan
from reports.definitions.periods import DAY, day_start
from reports.queries.answer import Cell
from reports.queries.question import Filters
from tests.reports.alerts.conftest import author

ZONE = "America/Sao_Paulo"
INDEPENDENCE = date(2026, 9, 7)
FALL = Cell(100.0, 100, 400.0, -75.0, previous_n=400)


def subject(when: When, *, metric: str = "attempts", skips: bool = True) -> Subject:
    return Subject(Rule(when, 30.0, 30), metric, Filters(), "yesterday", OfficeHours(ZONE, skips_holidays=skips))


@pytest.mark.parametrize(
    ("when", "day", "days", "skips", "says"),
    [
        (When.CHANGE_BELOW, INDEPENDENCE, 1, True, "closed"),
        (When.CHANGE_BELOW, INDEPENDENCE + timedelta(days=7), 1, True, "closed"),  # beside the holiday
        (When.CHANGE_BELOW, INDEPENDENCE + timedelta(days=8), 1, True, ""),
        (When.BELOW, INDEPENDENCE, 1, True, "closed"),
        (When.BELOW, INDEPENDENCE + timedelta(days=7), 1, True, ""),
        (When.BELOW, INDEPENDENCE, 1, False, ""),
        (When.BELOW, INDEPENDENCE, 7, True, ""),  # a week has a holiday among other days
    ],
)
def test_a_holiday_says_nothing_where_the_calendar_leaves_it_out(when, day, days, skips, says) -> None:
    edges = day_start(day, ZONE), day_start(day + days * DAY, ZONE)
    seen = seen_in(subject(when, skips=skips), FALL, edges)
    assert doubt(Rule(when, 30.0, 30), seen) == says


@pytest.mark.parametrize(
    ("metric", "cell", "says"),
    [
        ("connect_rate", Cell(10.0, 26, 50.0, -40.0, previous_n=400), "too few"),
        ("connect_rate", Cell(10.0, 400, 50.0, -40.0, previous_n=26), "too few"),
        ("connect_rate", Cell(10.0, 30, 50.0, -40.0, previous_n=30), ""),
        ("attempts", Cell(2, 2, 3, -33.3, previous_n=3), "too few"),
        ("attempts", Cell(0, 0, 300, -100.0, previous_n=300), ""),  # a fall to none has a base
    ],
)
def test_a_change_needs_enough_calls(metric, cell, says) -> None:
    day = day_start(date(2026, 7, 7), ZONE)
    looked_at = subject(When.CHANGE_BELOW, metric=metric)
    assert doubt(looked_at.rule, seen_in(looked_at, cell, (day, day + DAY))) == says


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("rule", "minimum"),
    [
        ({"when": "below", "metric": "connect_rate"}, 30),
        ({"when": "change_below", "metric": "attempts"}, 30),
        ({"when": "below", "metric": "attempts"}, 0),  # few calls may be what it is about
        ({"when": "below", "metric": "connect_rate", "minimum_n": ""}, 30),
        ({"when": "below", "metric": "connect_rate", "minimum_n": 5}, 5),
        ({"when": "below", "metric": "connect_rate", "minimum_n": 0}, 0),
    ],
)
def test_a_new_alert_has_the_minimum_that_its_figure_needs(acme, ana, sales, rule, minimum) -> None:
    with wall.tenant(acme):
        plan = read_plan({"name": "Watch", "value": 30, "over": "yesterday"} | rule, author(acme, ana))
    assert plan.minimum_n == minimum

"""Answers against the same figures counted call by call, in several zones, over changes of the clock."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine

from portal.tenants import wall
from reports.columns import files, refresh
from reports.columns.models import ColumnFile
from reports.columns.refresh import refresh_tenant
from reports.definitions.measures import CallbackCount, VendorTotal
from reports.definitions.metrics import METRICS
from reports.definitions.periods import Period
from reports.queries.answer import Answer
from reports.queries.ask import ask
from reports.queries.question import Filters, Question
from reports.queries.scope import Scope
from tests.reports.world import World, expected_rows, figures, make_world

ZONES = ("America/Sao_Paulo", "UTC", "Asia/Kathmandu", "America/New_York")
QUESTIONS = 75  # in each zone, each asked of the mirror and of files
COUNTED = [
    key
    for key, metric in METRICS.items()
    if not any(
        isinstance(measure, VendorTotal | CallbackCount) or measure.key.startswith("wait")
        for measure in metric.measures
    )
]
LATER = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _later() -> Iterator[None]:
    with time_machine.travel(LATER, tick=False):
        yield


@pytest.fixture
def short_files(monkeypatch) -> None:
    """Several files for each environment, though the calls are few."""
    monkeypatch.setattr(refresh, "MOST_ROWS", 20)


def scope_of(world: World, zone: str) -> Scope:
    return Scope(world.tenant.pk, zone, frozenset(row.pk for row in world.environments), sees_numbers=True)


def random_question(dice: random.Random, world: World, zone: str) -> Question:
    start = dice.choice((date(2018, 11, 1), date(2026, 3, 3), date(2026, 6, 5), date(2026, 10, 24))) + timedelta(
        days=dice.randrange(8)
    )
    days = dice.choice((1, 2, 7, 7, 14, 31, 62, 63, 150, 800))
    by = tuple(
        dice.sample(
            (
                "day",
                "week",
                "month",
                "weekday",
                "hour_of_day",
                "agent",
                "status",
                "direction",
                "environment",
                "cause",
                "side",
                "area_code",
                "line",
                "length",
            ),
            dice.choice((0, 1, 1, 2, 2, 3)),
        )
    )
    if days <= 7 and dice.random() < 0.3:
        by = ("hour", *dice.sample(("agent", "status", "environment"), dice.choice((0, 1))))
    filters = Filters()
    if dice.random() < 0.5:
        filters = Filters(
            environments=dice.choice(((), (dice.choice(world.environments).public_id,))),
            agents=dice.choice(((), (), tuple(agent.public_id for agent in dice.sample(world.agents, 2)))),
            statuses=dice.choice(((), ("completed", "busy"))),
            direction=dice.choice(("", "inbound")),
            min_duration=dice.choice((None, None, None, 3.0)),
            max_duration=dice.choice((None, None, None, 6.0)),
            testing=dice.choice(("exclude", "exclude", "include", "only")),
        )
    metrics = tuple(dice.sample(COUNTED, dice.randrange(1, 8)))
    return Question(metrics, Period(start, start + timedelta(days=days), zone), by, filters, compare=False)


def asked_calls(world: World, question: Question) -> list:
    filters, period = question.filters, question.period

    def counts(call) -> bool:
        day = call.started_at.astimezone(ZoneInfo(period.zone)).date()
        return (
            period.start <= day < period.end
            and (not filters.environments or call.environment.public_id in filters.environments)
            and (not filters.agents or (call.agent is not None and call.agent.public_id in filters.agents))
            and (not filters.statuses or call.status in filters.statuses)
            and filters.direction in ("", call.direction)
            and (filters.min_duration is None or (call.duration_ms or -1) >= filters.min_duration * 1000)
            and (
                filters.max_duration is None
                or (call.duration_ms is not None and call.duration_ms <= filters.max_duration * 1000)
            )
            and (filters.testing == "include" or call.is_test == (filters.testing == "only"))
        )

    return [call for call in world.calls if counts(call)]


def providers_of(world: World, question: Question, key: dict) -> set[str]:
    chosen = [
        row
        for row in world.environments
        if not question.filters.environments or row.public_id in question.filters.environments
    ]
    if key.get("environment"):
        chosen = [row for row in chosen if str(row.public_id) == key["environment"]]
    if key.get("agent"):
        agent = next(row for row in world.agents if str(row.public_id) == key["agent"])
        chosen = [row for row in chosen if row.pk == agent.environment_id]
    homes = {agent.environment_id for agent in world.agents if agent.public_id in question.filters.agents}
    return {row.provider for row in chosen if row.pk in homes} or {row.provider for row in chosen}


@dataclass
class Expected:
    """Row keys, as columns, with the figures of their calls; the first is the total."""

    question: Question
    now: datetime
    figures: list[tuple[dict, dict]]


def expect(world: World, question: Question, now: datetime) -> Expected:
    calls, by, period = asked_calls(world, question), question.by, question.period
    rows = expected_rows(calls, by, period.start, period.end, period.zone) if by else {}
    pairs = [({}, calls), *((dict(zip(by, key, strict=True)), group) for key, group in rows.items())]
    return Expected(
        question, now, [(key, figures(group, now, providers_of(world, question, key))) for key, group in pairs]
    )


def known(answer: Answer, counted: tuple[float | None, int]) -> tuple[float | None, int]:
    """What is counted, but for the zeros of a period that nobody has read."""
    return counted if counted[1] or not answer.completeness.is_unread else (None, 0)


def assert_equal(world: World, expected: Expected) -> None:
    question = expected.question
    answer = ask(question, scope_of(world, question.period.zone), now=expected.now)
    rows = {row.key: row.cells for row in answer.rows}
    assert len(rows) == len(answer.rows)
    (_, total), *groups = expected.figures
    wanted = {tuple(key.values()): told for key, told in groups}
    assert set(rows) == set(wanted)
    for key, cells, told in [((), answer.totals, total), *((key, rows[key], told) for key, told in wanted.items())]:
        for name in question.metrics:
            value, n = known(answer, told[name])
            said = cells[name]
            assert said.n == n, f"{name} of {key or 'all'}, {question}"
            assert said.value == (None if value is None else pytest.approx(value, rel=1e-9, abs=1e-9)), (
                f"{name} of {key or 'all'}, {question}"
            )


@pytest.mark.usefixtures("short_files")
@pytest.mark.parametrize("zone", ZONES)
def test_answers_equal_a_count_call_by_call_live_and_from_files(acme, zone):
    dice = random.Random(zone)
    acme.zone = zone
    acme.save()
    with wall.tenant(acme):
        world = make_world(acme, seed=dice.random())
        expected = [
            expect(
                world,
                random_question(dice, world, zone),
                dice.choice((LATER, datetime(2026, 7, 9, 11, tzinfo=UTC))),
            )
            for _ in range(QUESTIONS)
        ]
        for each in expected:
            assert_equal(world, each)
        assert refresh_tenant() > 100
        assert ColumnFile.objects.exists()
        for each in expected:
            assert_equal(world, each)


def test_another_zone_than_the_tenants_is_answered_exactly(acme):
    dice = random.Random(5)
    with wall.tenant(acme):
        world = make_world(acme, count=400)
        refresh_tenant()
        for _ in range(20):
            question = random_question(
                dice, world, dice.choice(("Asia/Kathmandu", "Australia/Lord_Howe", "America/New_York"))
            )
            scope = scope_of(world, "America/Sao_Paulo")
            answer = ask(question, scope, now=LATER)
            calls = asked_calls(world, question)
            told = figures(calls, LATER, providers_of(world, question, {}))
            for name in question.metrics:
                value = known(answer, told[name])[0]
                assert answer.totals[name].value == (None if value is None else pytest.approx(value))


@pytest.mark.usefixtures("short_files")
def test_files_that_are_gone_or_damaged_change_nothing(acme):
    dice = random.Random(9)
    with wall.tenant(acme):
        world = make_world(acme, count=600)
        refresh_tenant()
        for damage in (lambda path: path.unlink(), lambda path: path.write_bytes(path.read_bytes()[:-9])):
            paths = [files.root() / row.name for row in ColumnFile.objects.filter(retired_at__isnull=True)]
            for path in dice.sample([path for path in paths if path.exists()], 8):
                damage(path)
            for _ in range(8):
                assert_equal(world, expect(world, random_question(dice, world, acme.zone), LATER))

"""ClickHouse in the process, on the files that DuckDB reads: the same answers, within the same limits.

The tests of questions against independent counts run on it as well: ``make test-clickhouse``.
"""

import math
import random
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from portal.storage import NotThere
from portal.tenants import wall
from reports.columns import clickhouse, dialects, engine, proof, sources
from reports.columns.engine import Failed, Statement, TooLong, TooMuch
from reports.columns.models import ColumnFile
from reports.columns.refresh import refresh_tenant
from reports.definitions.measures import VendorTotal
from reports.definitions.metrics import METRICS
from reports.definitions.periods import Period
from reports.queries.ask import ask
from reports.queries.question import Filters, Question, QuestionError
from reports.queries.scope import Scope
from sync.models.agents import Agent
from sync.models.calls import Call
from tests import s3
from tests.reports.columns.conftest import change, read
from tests.reports.columns.test_files import JUNE, fill, settle
from tests.reports.world import World, make_world

pytestmark = [pytest.mark.django_db, pytest.mark.clickhouse]

INSIDE = {"client": {"dsn": "chdb://memory"}, "collection": "", "cluster": ""}
LATER = datetime(2026, 11, 20, 12, tzinfo=UTC)
ASKED = [key for key, metric in METRICS.items() if not any(isinstance(each, VendorTotal) for each in metric.measures)]
GROUPINGS = (
    *("hour", "day", "week", "month", "weekday", "hour_of_day"),
    *("agent", "status", "direction", "environment", "cause", "side", "area_code", "line", "length"),
)
ZONES = ("America/Sao_Paulo", "UTC", "Asia/Kathmandu", "America/New_York", "Australia/Lord_Howe")


@pytest.fixture
def on_clickhouse(settings) -> None:
    settings.COLUMNS_ENGINE = INSIDE


# --- Both engines -----------------------------------------------------------------------------------------------------


@pytest.fixture
def world(acme, monkeypatch) -> World:
    """Calls around changes of the clock, with agents that take callbacks, in files of several months each."""
    monkeypatch.undo()  # a file for each month would be a hundred
    acme.callback_hours = 30 * 24  # calls are few
    acme.save()
    with wall.tenant(acme):
        world = make_world(acme, count=1500)
        for taker, dialler in zip(world.agents[::2], world.agents[1::2], strict=True):
            routes = [dialler.external_id, taker.external_id]
            Agent.objects.filter(pk=taker.pk).update(takes_callbacks=True, callback_sources=routes)
        with time_machine.travel(LATER, tick=False):
            refresh_tenant()
        return world


def random_question(dice: random.Random, world: World) -> Question:
    by = tuple(dice.sample(GROUPINGS, dice.choice((0, 1, 1, 2, 2, 3))))
    start = dice.choice((date(2018, 11, 1), date(2026, 3, 3), date(2026, 6, 5), date(2026, 10, 24)))
    days = dice.choice((1, 2, 7)) if "hour" in by else dice.choice((1, 7, 31, 62, 150, 800))
    agents = dice.sample(world.agents, 2)
    filters = Filters(
        environments=dice.choice(((), (), (dice.choice(world.environments).public_id,))),
        agents=dice.choice(((), (), tuple(agent.public_id for agent in agents))),
        statuses=dice.choice(((), ("completed", "busy"))),
        outcomes=dice.choice(((), (), ("connected",), ("unreached", "open"))),
        direction=dice.choice(("", "", "inbound")),
        min_duration=dice.choice((None, None, 3.0)),
        weekdays=dice.choice(((), (), (1, 2, 7))),
        hours=dice.choice(((), (), (9, 17))),
        number=dice.choice(("", "", "9000000", "5511")),
        testing=dice.choice(("exclude", "include", "only")),
    )
    metrics = tuple(dice.sample(ASKED, dice.randrange(1, 8)))
    return Question(metrics, Period(start, start + timedelta(days=days), dice.choice(ZONES)), by, filters)


def told(question: Question, world: World, zone: str) -> dict[tuple[str | None, ...], dict[str, Any]]:
    """Every cell of an answer, or the sentence with which it is refused."""
    scope = Scope(world.tenant.pk, zone, frozenset(row.pk for row in world.environments), sees_numbers=True)
    try:
        answer = ask(question, scope, now=LATER)
    except QuestionError as error:
        return {("refused",): dict(error.errors)}
    rows = {row.key: row.cells for row in answer.rows} | {("total",): answer.totals}
    return {
        key: {name: (cell.value, cell.n, cell.previous, cell.previous_n) for name, cell in cells.items()}
        for key, cells in rows.items()
    }


def assert_same(one: Any, other: Any, said: str) -> None:
    assert one.keys() == other.keys(), said
    for key, cells in one.items():
        assert cells.keys() == other[key].keys(), said
        for name, figures in cells.items():
            for figure, again in zip(figures, other[key][name], strict=True):
                same = figure == again or (
                    isinstance(figure, float) and again is not None and math.isclose(figure, again, rel_tol=1e-9)
                )
                assert same, f"{name} of {key}: {figures} and {other[key][name]}, {said}"


@pytest.mark.parametrize("seed", range(4))
def test_random_questions_have_the_same_answers(world, settings, seed):
    dice = random.Random(seed)
    answered = 0
    with wall.tenant(world.tenant):
        for _ in range(30):
            question = random_question(dice, world)
            settings.COLUMNS_ENGINE = {}
            ours = told(question, world, question.period.zone)
            settings.COLUMNS_ENGINE = INSIDE
            assert_same(ours, told(question, world, question.period.zone), str(question))
            answered += len(ours) > 1
    assert answered > 10


def test_every_metric_by_every_grouping_alone(world, settings):
    """Of one question each, so that none is left out by the dice."""
    with wall.tenant(world.tenant):
        for by in GROUPINGS:
            period = Period(
                date(2026, 6, 1), date(2026, 6, 8) if by == "hour" else date(2026, 9, 30), world.tenant.zone
            )
            question = Question(tuple(ASKED), period, (by,))
            settings.COLUMNS_ENGINE = {}
            ours = told(question, world, period.zone)
            settings.COLUMNS_ENGINE = INSIDE
            assert_same(ours, told(question, world, period.zone), by)
            assert len(ours) > 2
        whole = {name: figures[0] for name, figures in ours["total",].items()}
        some = {"derived_callbacks", "time_to_callback_p90", "still_open", "peak_concurrency", "unique_contacts"}
        assert all(whole[name] for name in some | {"median_duration", "stt_latency_p95"}), whole


# --- Limits -----------------------------------------------------------------------------------------------------------

LONG = "SELECT sum(number) FROM numbers(1000000000000)"


def run(sql: str, *values: object, seconds: float = 20.0) -> list[tuple[Any, ...]]:
    return engine.run(Statement(sql, values), deadline=time.monotonic() + seconds)


def test_limits(on_clickhouse, settings):
    with pytest.raises(TooLong):
        run(LONG, seconds=0.5)
    with pytest.raises(TooLong):
        run("SELECT 1", seconds=-1)
    settings.COLUMNS_MEMORY = "50MB"
    with pytest.raises(TooMuch):
        run("SELECT count(DISTINCT number) FROM numbers(100000000)")
    assert run("SELECT 1") == [(1,)]


def test_nothing_can_be_written(on_clickhouse):
    for statement in ("CREATE TABLE mine (a Int32) ENGINE = Memory", "CREATE DATABASE mine"):
        with pytest.raises(Failed) as refused:
            run(statement)
        assert "readonly" in str(refused.value.__cause__)


def test_values_are_never_text(on_clickhouse):
    """Whatever a reader writes, braces and quotes included, is what is compared with."""
    for value in ("'; DROP TABLE x --", "{p0:String}", "?", "\\'", "a\tb\nc", "%s", "ação"):
        assert run("SELECT ? = 'x', length(?), ?", value, value, value) == [(False, len(value.encode()), value)]
    assert run("SELECT ? + 1, ? * 2", 41, 1.5) == [(42, 3.0)]
    with pytest.raises(ValueError, match="places"):
        clickhouse.bound(Statement("SELECT ?", (1, 2)))


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(path.read_bytes()[:-9])])
def test_a_file_that_goes_while_it_is_asked_is_no_lower_figure(on_clickhouse, sales, damage):
    fill(sales)
    settle(sales)
    with wall.tenant(sales.tenant):
        known = sources.sources({sales.pk: sales}, date(2026, 5, 1), date(2026, 7, 20))
        damage(known.parts[0].path)
        relation = known.relation(
            [sales.pk], datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 7, 21, tzinfo=UTC), LATER
        )
        with pytest.raises(NotThere):
            run(f"SELECT count(*) FROM {relation}")


# --- A bucket, as a server reads it -----------------------------------------------------------------------------------


@pytest.fixture
def stored(bucket, sales, settings):
    """Sales' files in a bucket that a collection of the engine's names."""
    server = bucket(True)
    fill(sales)
    settle(sales)
    settings.COLUMNS_ENGINE = INSIDE | {"collection": "ringbook"}
    clickhouse._client().command("DROP NAMED COLLECTION IF EXISTS ringbook")
    clickhouse._client().command(
        f"CREATE NAMED COLLECTION ringbook AS"
        f" url = 'http://127.0.0.1:{server.port}/{s3.BUCKET}/ringbook/columns/',"
        f" access_key_id = '{s3.KEY}', secret_access_key = '{s3.SECRET}'"
    )
    return server


def test_files_are_read_where_they_are_stored(stored, sales, folder):
    for path in folder.glob("tenant=*/**/*.parquet"):
        path.unlink()
    with wall.tenant(sales.tenant):
        calls, missing = read(sales)
        assert [length for _at, length in calls] == [13_000, 21_000, 30_000]
        assert missing == ()
        assert list(folder.glob("tenant=*/**/*.parquet")) == []  # nothing was fetched
        name = ColumnFile.objects.get(first_day=date(2026, 5, 1)).name
        stored.delete(name)
        with pytest.raises(NotThere):
            read(sales)


def gone(server, name: str, _other: str) -> None:
    server.delete(name)


def another(server, name: str, other: str) -> None:
    server.put(name, server.content(other))


@pytest.mark.parametrize("fault", [gone, another])
def test_an_object_that_is_another_one_is_missing_and_not_empty(stored, sales, care, monkeypatch, fault):
    """The server reads the bucket by itself: another environment's file would count as no call at all."""
    fill(care)
    settle(care)
    monkeypatch.setattr(proof, "_proven", {})
    first = date(2026, 5, 1)
    with wall.tenant(sales.tenant):
        names = [ColumnFile.objects.get(first_day=first, environment=each).name for each in (sales, care)]
        fault(stored, *names)
        calls, missing = read(sales)
        assert [length for _at, length in calls] == [21_000, 30_000]
        assert [(each.first, each.last, each.as_of) for each in missing] == [(first, date(2026, 5, 31), None)]


def test_a_day_that_changed_is_as_of_its_file(stored, sales):
    with wall.tenant(sales.tenant):
        Call.objects.filter(environment=sales, started_at__date=JUNE).update(duration_ms=1)
        change(sales, JUNE)
        made = ColumnFile.objects.get(first_day=date(2026, 6, 1)).made_at
        calls, missing = read(sales)
        assert len(calls) == 3
        assert [(each.first, each.last, each.as_of) for each in missing] == [(JUNE, JUNE, made)]
        refresh_tenant()
        calls, missing = read(sales)
        assert ([length for _at, length in calls], missing) == ([13_000, 1, 30_000], ())


def test_a_cluster_is_asked_by_its_name(stored, settings, sales):
    """As far as it goes without one: what is asked of it is understood."""
    settings.COLUMNS_ENGINE = settings.COLUMNS_ENGINE | {"cluster": "none_here"}
    with wall.tenant(sales.tenant), pytest.raises(Failed) as refused:
        read(sales)
    assert "none_here" in str(refused.value.__cause__)
    assert dialects.clickhouse("ringbook", "main").table([Path("a")]).startswith("s3Cluster('main', ringbook, ")

"""The questions of one page: few queries whatever they are, and the same answers as one by one."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine

from portal.tenants import wall
from portal.tenants.models.people import Role
from portal.tenants.models.tenants import Tenant
from reports.columns import engine
from reports.columns.refresh import refresh_tenant
from reports.definitions.metrics import METRICS
from reports.definitions.periods import Period
from reports.queries.ask import ask, ask_together
from reports.queries.question import Filters, Question
from reports.queries.scope import Scope
from sync.models.calls import Call
from sync.models.changes import DirtyDay
from sync.models.runs import Window
from tests import databases, factories
from tests.conftest import member
from tests.reports.world import World, figures, make_world

ZONE = "America/Sao_Paulo"
NOW = datetime(2026, 7, 12, 12, tzinfo=UTC)
LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)
YEAR = Period(date(2025, 7, 12), date(2026, 7, 12), ZONE)
DAY = date(2026, 7, 8)
PAIR = ("attempts", "connect_rate")
SUMMARY = tuple(
    key
    for key, metric in METRICS.items()
    if key != "peak_concurrency" and not any(type(measure).__name__ == "CallbackCount" for measure in metric.measures)
)


def overview(period: Period, filters: Filters) -> list[Question]:
    asked = [(SUMMARY, ()), (("unique_contacts", "stt_latency_p50", "callbacks_received", *PAIR), ("week",))]
    asked += [(PAIR, by) for by in (("agent",), ("line",), ("area_code",), ("length",), ("week", "status"))]
    asked += [(("attempts",), by) for by in (("week", "side"), ("cause",), ("month", "cause"), ("hour_of_day",))]
    asked += [(PAIR, ("weekday", "hour_of_day")), (("estimated_cost", "median_duration"), ("environment",))]
    return [Question(metrics, period, by, filters) for metrics, by in asked]


@databases.world
def settled_world() -> Iterator[World]:
    acme = Tenant.objects.create(slug="acme", name="Acme", zone=ZONE, language="pt-br")
    with time_machine.travel(NOW, tick=False), wall.tenant(acme):
        made = make_world(acme, count=200)
        old = [call.pk for call in made.calls if call.started_at < LONG_AGO]
        Call.objects.filter(pk__in=old).delete()
        made.calls = [call for call in made.calls if call.started_at >= LONG_AGO]
        refresh_tenant()
    yield made


@pytest.fixture
def world(db, settled_world) -> Iterator[World]:
    with time_machine.travel(NOW, tick=False), wall.tenant(settled_world.tenant):
        yield settled_world


@pytest.fixture
def scope(world) -> Scope:
    return Scope(world.tenant.pk, ZONE, frozenset(row.pk for row in world.environments), sees_numbers=True)


def test_who_asks_the_same_again_is_given_the_same_without_computing(world, monkeypatch):
    computed = []
    real = engine.run
    monkeypatch.setattr(engine, "run", lambda statement, **more: computed.append(statement) or real(statement, **more))
    scope = Scope(world.tenant.pk, ZONE, frozenset(row.pk for row in world.environments), sees_numbers=True)
    question = Question(("attempts", "unique_contacts", "median_duration"), YEAR, ("week",))
    first = ask(question, scope)
    assert computed
    computed.clear()
    assert ask(question, scope) == first
    assert not computed
    # Less to see, or a call that changed, is another answer.
    assert ask(question, replace(scope, environment_ids=frozenset({world.environments[0].pk}))) != first
    assert computed
    call = Call.objects.filter(environment=world.environments[0], is_test=False, started_at__year=2026).first()
    Call.objects.filter(pk=call.pk).update(is_test=True)
    day = call.started_at.date()
    DirtyDay.objects.create(tenant=world.tenant, environment=world.environments[0], day=day, since=NOW)
    assert ask(question, scope).totals["attempts"].value == first.totals["attempts"].value - 1


def test_a_page_asks_few_queries_whatever_it_shows(world, scope, django_assert_max_num_queries):
    narrow = [
        (6, Filters()),
        (6, Filters(environments=(world.environments[0].public_id,))),
        (7, Filters(agents=(world.agents[0].public_id,))),
    ]
    ask_together(overview(YEAR, Filters()), scope, now=NOW)  # what a process looks up once is looked up
    for days in (7, 62, 365):
        period = Period(date(2026, 7, 12) - timedelta(days=days), date(2026, 7, 12), ZONE)
        for most, filters in narrow:
            asked = overview(period, filters)
            with django_assert_max_num_queries(most):
                ask_together(asked, scope, now=NOW)
            with django_assert_max_num_queries(most + 1):
                ask_together([*asked, Question(("peak_concurrency",), period, (), filters)], scope, now=NOW)


def test_together_is_as_one_by_one(world, scope):
    asked = overview(YEAR, Filters()) + overview(Period(date(2026, 7, 1), date(2026, 8, 1), ZONE), Filters())
    random.Random(3).shuffle(asked)
    for question, answer in zip(asked, ask_together(asked, scope, now=NOW), strict=True):
        alone = ask(question, scope, now=NOW)
        assert (answer.rows, answer.totals, answer.completeness) == (alone.rows, alone.totals, alone.completeness)


def test_nothing_asked_is_nothing_answered(scope, django_assert_max_num_queries):
    with django_assert_max_num_queries(0):
        assert ask_together((), scope) == ()


def test_contacts_of_files_and_of_changed_days_are_counted_once(behind_acme, acme, sales):
    """Met and not met, on both sides of the last counted day, with a number that no set holds yet."""
    for n, (day, digits, status) in enumerate(
        [
            (1, "551", "completed"),
            (1, "552", "busy"),
            (2, "552", "busy"),
            (10, "552", "completed"),
            (10, "551", "busy"),
            (11, "553", "completed"),
            (11, "554", "busy"),
        ]
    ):
        start = datetime(2026, 7, day, 15, tzinfo=UTC)
        factories.call(sales, str(n), started_at=start, to_number=f"+{digits}", status=status)
    with time_machine.travel(NOW, tick=False):
        refresh_tenant()
        question = Question(("unique_contacts", "reach_rate"), Period(date(2026, 7, 1), date(2026, 7, 13), ZONE))
        totals = ask(question, Scope(acme.pk, ZONE, frozenset({sales.pk})), now=NOW).totals
    assert (totals["unique_contacts"].value, totals["reach_rate"].value) == (4, 75)


def test_lengths_stand_in_their_order_with_the_upper_bound_in_the_band(behind_acme, acme, sales):
    for n, seconds in enumerate((700, 3, 3.001, 600, 0, None, 60)):
        factories.call(sales, str(n), seconds=seconds)
    question = Question(("attempts",), Period(DAY, DAY + timedelta(days=1), ZONE), ("length",))
    answer = ask(question, Scope(acme.pk, ZONE, frozenset({sales.pk})), now=NOW)
    told = [(row.key[0], row.labels[0], row.cells["attempts"].value) for row in answer.rows]
    assert told == [
        ("0-3", "0–3 s", 2),
        ("3-6", "3–6 s", 1),
        ("30-60", "30–60 s", 1),
        ("300-600", "5–10 min", 1),
        ("600+", "over 10 min", 1),
        (None, "unknown length", 1),
    ]


def test_own_numbers_are_told_as_the_reader_may_see_them(behind_acme, acme, sales):
    factories.call(sales, "out", from_number="+55 11 3000-0000", to_number="+5511987654321")
    factories.call(sales, "in", direction="inbound", from_number="+5511987654321", to_number="+551130000000")
    question = Question(("attempts",), Period(DAY, DAY + timedelta(days=1), ZONE), ("line",))
    sees, blind = (Scope(acme.pk, ZONE, frozenset({sales.pk}), sees_numbers=yes) for yes in (True, False))
    (row,) = ask(question, sees, now=NOW).rows
    assert (row.key, row.labels, row.cells["attempts"].value) == (("551130000000",), ("+55 11 3000-0000",), 2)
    (row,) = ask(question, blind, now=NOW).rows
    assert "3000" not in str(row)
    assert row.labels[0].endswith("0000")


def test_an_answer_says_whether_the_period_before_is_whole(world, scope):
    question = Question(("attempts",), Period(date(2026, 7, 1), date(2026, 7, 8), ZONE))
    assert not ask(question, scope, now=NOW).previous_complete


def test_facets_of_a_year_equal_a_count(world, scope):
    for by in ("cause", "side", "area_code", "line", "length"):
        metrics = ("attempts", "connect_rate", "average_duration", "short_call_share_6s", "engaged_share", "open_calls")
        answer = ask(Question(metrics, YEAR, (by,), compare=False), scope, now=NOW)
        calls = [call for call in world.calls if YEAR.holds(call.started_at) and not call.is_test]
        told = figures(calls, NOW, {"talkover", "originsai"})
        for key in metrics:
            assert answer.totals[key].value == pytest.approx(told[key][0])


def test_an_overview_needs_at_most_twelve_queries(client, world, django_assert_max_num_queries):
    client.force_login(member(world.tenant, "ana@acme.example", Role.OWNER, numbers=True))
    url = "/t/acme/?period=custom&date_from=2025-07-13&date_to=2026-07-12"
    assert client.get(url).status_code == 200  # what a process looks up once is looked up
    with django_assert_max_num_queries(12):
        assert client.get(url).status_code == 200


def test_a_page_of_calls_needs_at_most_twelve_queries(client, acme, ana, sales, django_assert_max_num_queries):
    days = [date(2026, 7, 5) + timedelta(days=n) for n in range(8)]
    with wall.tenant(acme):
        factories.call(sales, "a")
        Window.objects.bulk_create(
            Window(
                tenant=acme, environment=sales, stream="calls", part=str(day), day=day, state="complete",
                read_at=NOW, mirrored=1, vendor_total=1,
            )
            for day in days
        )  # fmt: skip
    client.force_login(ana)
    url = "/t/acme/calls/?date_from=2026-07-06&date_to=2026-07-11"
    with time_machine.travel(NOW, tick=False):
        assert client.get(url).status_code == 200
        with django_assert_max_num_queries(12):
            assert client.get(url).status_code == 200

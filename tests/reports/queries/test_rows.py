"""Rows, comparisons, vendors' totals: what an answer says beyond the sums."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.utils import translation

from reports.definitions.metrics import METRICS
from reports.definitions.periods import Period
from reports.queries.ask import ask
from reports.queries.question import Filters, Question, QuestionError
from reports.queries.rows import relabelled
from reports.queries.scope import Scope
from sync.models.agents import Agent
from sync.models.callbacks import CallbackDay
from sync.models.campaigns import Campaign
from sync.models.runs import Window
from tests import factories

ZONE = "America/Sao_Paulo"
WEEK = Period(date(2026, 7, 6), date(2026, 7, 13), ZONE)
AFTER = datetime(2026, 8, 20, tzinfo=UTC)


def at(day: int, hour: int = 12, month: int = 7) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC) + timedelta(hours=3)  # hours of Sao Paulo


@pytest.fixture
def scope(acme, sales, care) -> Scope:
    return Scope(acme.pk, acme.zone, frozenset({sales.pk, care.pk}))


def read(environment, day: date) -> None:
    """Note that the vendor's calls of a UTC day were read."""
    Window.objects.create(
        tenant_id=environment.tenant_id, environment=environment, stream="calls", part=str(day), day=day,
        state="complete", read_at=AFTER, mirrored=0,
    )  # fmt: skip


def question(*metrics: str, by: tuple[str, ...] = (), period: Period = WEEK, **more) -> Question:
    return Question(metrics, period, by, **more)


def test_days_face_the_same_weekday_before(behind_acme, scope, sales):
    for n, day in enumerate((1, 8, 8, 9)):
        factories.call(sales, f"c{n}", started_at=at(day), status="completed" if n else "busy")
    answer = ask(question("attempts", "connect_rate", by=("day",)), scope, now=AFTER)
    assert answer.previous_period == Period(date(2026, 6, 29), date(2026, 7, 6), ZONE)
    cells = {row.key[0]: row.cells for row in answer.rows}
    assert list(cells) == [f"2026-07-{day:02}" for day in range(6, 13)]
    wednesday = cells["2026-07-08"]
    assert (wednesday["attempts"].value, wednesday["attempts"].previous, wednesday["attempts"].change) == (2, 1, 100)
    assert (wednesday["connect_rate"].previous, wednesday["connect_rate"].change) == (0, 100)  # percentage points
    thursday = cells["2026-07-09"]["attempts"]
    assert (thursday.value, thursday.previous, thursday.change) == (1, 0, None)
    monday = cells["2026-07-06"]
    assert monday["attempts"].value == 0
    assert (monday["connect_rate"].value, monday["connect_rate"].n) == (None, 0)
    assert answer.totals["attempts"].change == 200


def test_without_comparison_nothing_is_compared(behind_acme, scope, sales):
    factories.call(sales, "a", started_at=at(1))
    answer = ask(question("attempts", compare=False), scope, now=AFTER)
    assert answer.previous_period is None
    assert answer.totals["attempts"].previous is None


def test_an_unfinished_period_faces_the_same_elapsed_time(behind_acme, scope, sales):
    for n, (day, hour) in enumerate(((1, 9), (1, 15), (8, 9))):
        factories.call(sales, f"c{n}", started_at=at(day, hour))
    answer = ask(question("attempts", by=("day",)), scope, now=at(8, 12))
    assert (answer.totals["attempts"].value, answer.totals["attempts"].previous) == (1, 1)
    assert [row.unfinished for row in answer.rows] == [False, False, True, True, True, True, True]


def test_a_month_faces_the_month_before_and_agents_face_themselves(behind_acme, scope, sales):
    one, two = factories.agent(sales, "one"), factories.agent(sales, "two")
    factories.call(sales, "a", started_at=at(15, month=6), agent=one)
    factories.call(sales, "b", started_at=at(1), agent=two)
    factories.call(sales, "c", started_at=at(31), agent=one)
    july = Period(date(2026, 7, 1), date(2026, 8, 1), ZONE)
    answer = ask(question("attempts", by=("agent",), period=july), scope, now=AFTER)
    assert answer.previous_period == Period(date(2026, 6, 1), date(2026, 7, 1), ZONE)
    assert [(row.key[0], row.cells["attempts"].value, row.cells["attempts"].previous) for row in answer.rows] == [
        (str(one.public_id), 1, 1),
        (str(two.public_id), 1, 0),
    ]
    assert [row.labels for row in answer.rows] == [("One",), ("Two",)]


def test_agents_of_one_name_are_told_apart_by_their_environments(behind_acme, acme, scope, sales, care):
    agents = [
        factories.agent(home, key, name=key[:4]) for home, key in ((sales, "desk1"), (care, "desk2"), (care, "x"))
    ]
    for agent in agents:
        factories.call(agent.environment, f"of {agent.external_id}", started_at=at(8), agent=agent)

    def labels(scope: Scope, **filters) -> list[str]:
        answer = ask(question("attempts", by=("agent",), filters=Filters(**filters)), scope, now=AFTER)
        return [row.labels[0] for row in answer.rows]

    assert labels(scope) == ["desk · Care", "desk · Sales", "x"]
    assert labels(scope, environments=(care.public_id,)) == ["desk", "x"]
    assert labels(Scope(acme.pk, ZONE, scope.environment_ids, frozenset({agents[0].pk}))) == ["desk"]


def test_labels_are_told_in_another_language_as_if_asked_in_it(behind_acme, acme, scope, sales):
    clara = factories.agent(sales, "clara", name="Clara")
    factories.call(sales, "1", started_at=at(8), agent=clara, status="busy")
    factories.call(sales, "2", started_at=at(9), status="no-answer", seconds=None)
    for by in (("agent", "status"), ("weekday", "length"), ("day",), ("month",), ("environment",), ()):
        asked = question("attempts", by=by)
        english = ask(asked, scope, now=AFTER)
        with translation.override("pt-br"):
            portuguese = ask(asked, scope, now=AFTER)
            told = [(row.key, row.labels, row.cells) for row in relabelled(english).rows]
        assert told == [(row.key, row.labels, row.cells) for row in portuguese.rows]
        assert relabelled(english).rows == english.rows
        if by in (("agent", "status"), ("weekday", "length")):
            assert [labels for _key, labels, _cells in told] != [row.labels for row in english.rows]


def test_the_hour_that_comes_twice_is_two_rows(behind_acme, acme, scope, sales):
    for n, hour in enumerate((5, 6)):
        factories.call(sales, f"c{n}", started_at=datetime(2026, 11, 1, hour, 30, tzinfo=UTC))
    period = Period(date(2026, 11, 1), date(2026, 11, 2), "America/New_York")
    answer = ask(question("attempts", by=("hour",), period=period), scope, now=datetime(2026, 12, 1, tzinfo=UTC))
    assert len(answer.rows) == 25
    assert [row.key[0] for row in answer.rows][:4] == [
        "2026-11-01T00:00:00-04:00",
        "2026-11-01T01:00:00-04:00",
        "2026-11-01T01:00:00-05:00",
        "2026-11-01T02:00:00-05:00",
    ]
    assert [row.cells["attempts"].value for row in answer.rows][:4] == [0, 1, 1, 0]


def test_callbacks_are_the_vendors_totals(behind_acme, acme, scope, sales, care):
    for day, received in ((date(2026, 7, 1), 2), (date(2026, 7, 8), 4), (date(2026, 7, 9), 0)):
        CallbackDay.objects.create(
            tenant=acme, environment=sales, day=day, received=received, answered=received // 2, unmatched=1,
            payload="{}", digest=b"0" * 16, changed_at=AFTER,
        )  # fmt: skip
        read(sales, day)
    keys = ("callbacks_received", "callbacks_answered", "callback_answer_rate", "callbacks_unmatched")
    answer = ask(question(*keys, by=("day",)), scope, now=AFTER)
    told = {row.key[0][-2:]: tuple(row.cells[key].value for key in keys) for row in answer.rows}
    assert told["08"] == (4, 2, 50, 1)
    assert told["09"] == (0, 0, None, 1)
    assert told["10"] == (None, None, None, None)  # not told, which is not zero
    assert (answer.totals["callbacks_received"].value, answer.totals["callbacks_received"].previous) == (4, 2)
    by_environment = ask(question("callbacks_received", by=("environment",)), scope, now=AFTER)
    assert [(row.labels[0], row.cells["callbacks_received"].value) for row in by_environment.rows] == [("Sales", 4)]
    for unsplit in (
        question("callbacks_received", filters=Filters(direction="inbound")),
        question("callbacks_received", filters=Filters(environments=(care.public_id,))),
    ):
        assert ask(unsplit, scope, now=AFTER).totals["callbacks_received"].value is None
    narrow = Scope(acme.pk, ZONE, scope.environment_ids, frozenset({factories.agent(sales).pk}))
    assert ask(question("callbacks_received"), narrow, now=AFTER).totals["callbacks_received"].value is None


def test_a_weekday_has_the_totals_of_its_days(behind_acme, acme, scope, sales):
    for day, received in ((date(2026, 7, 6), 2), (date(2026, 7, 7), 4), (date(2026, 7, 8), 1)):
        CallbackDay.objects.create(
            tenant=acme, environment=sales, day=day, received=received, answered=0, unmatched=0,
            payload="{}", digest=b"0" * 16, changed_at=AFTER,
        )  # fmt: skip
    answer = ask(question("callbacks_received", by=("weekday",)), scope, now=AFTER)
    told = {row.key[0]: row.cells["callbacks_received"].value for row in answer.rows}
    assert (told["1"], told["2"], told["3"], told["4"]) == (2, 4, 1, None)


def test_what_was_never_read_is_nothing_to_compare_with(behind_acme, acme, scope, sales):
    """The week before the history begins had calls that nobody knows; it did not have none."""
    factories.call(sales, "a", started_at=at(8))
    unread = ask(question("attempts", by=("day",)), scope, now=AFTER)
    cells = [unread.totals["attempts"], *(row.cells["attempts"] for row in unread.rows)]
    assert {cell.previous for cell in cells} == {None}
    assert not unread.previous_complete
    read(sales, date(2026, 7, 1))
    assert ask(question("attempts"), scope, now=AFTER).totals["attempts"].previous == 0


def test_campaigns_and_costs(behind_acme, acme, scope, sales):
    for n, (total, completed) in enumerate(((100, 40), (50, 5), (None, None))):
        Campaign.objects.create(
            tenant=acme, environment=sales, external_id=str(n), name=str(n), status="active",
            total_calls=total, completed_calls=completed, changed_at=AFTER,
        )  # fmt: skip
    priced, free = factories.agent(sales, "priced"), factories.agent(sales, "free")
    Agent.objects.filter(pk=priced.pk).update(price_per_minute=Decimal("0.15"), currency="USD")
    factories.call(sales, "a", agent=priced, seconds=90)
    factories.call(sales, "b", agent=free, seconds=600)
    answer = ask(question("campaign_success_rate", "estimated_cost", by=("agent",)), scope, now=AFTER)
    rate, cost = answer.totals["campaign_success_rate"], answer.totals["estimated_cost"]
    assert (rate.value, rate.n, rate.previous) == (pytest.approx(30), 150, None)
    assert (cost.value, cost.n) == (pytest.approx(0.225), 1)
    costs = {row.labels[0]: row.cells["estimated_cost"].value for row in answer.rows}
    assert (costs["Priced"], costs["Free"]) == (pytest.approx(0.225), None)


def test_what_a_vendor_cannot_measure_is_none_and_few_calls_are_marked(behind_acme, scope, sales, care):
    factories.call(sales, "a")
    answer = ask(question("service_level", "billed_minutes", "connect_rate"), scope.only(sales.pk), now=AFTER)
    assert [(cell.value, cell.n) for cell in answer.totals.values()] == [(None, 0), (None, 0), (100, 1)]
    assert [cell.small for cell in answer.totals.values()] == [False, False, True]
    factories.call(care, "b")
    care_only = ask(question("callbacks_received", "billed_minutes"), scope.only(care.pk), now=AFTER)
    assert [cell.value for cell in care_only.totals.values()] == [None, 0]


def test_an_unread_period_has_no_zeros_and_one_to_come_is_not_complete(behind_acme, scope, sales, care):
    unread = ask(question("attempts", "connect_rate", by=("day",)), scope, now=AFTER)
    assert (unread.completeness.is_unread, unread.completeness.begun) == (True, True)
    assert {cell.value for row in unread.rows for cell in row.cells.values()} == {None}
    assert unread.totals["attempts"].value is None

    for provider, environment in (("talkover", sales), ("originsai", care)):
        of_day = {"part": "2026-07-08", "day": date(2026, 7, 8)} if provider == "talkover" else {"part": "a"}
        Window.objects.create(
            tenant_id=environment.tenant_id, environment=environment, stream="calls", state="complete",
            read_at=AFTER, mirrored=0, **of_day,
        )  # fmt: skip
    read = ask(Question(("attempts",), Period(date(2026, 7, 8), date(2026, 7, 9), "UTC")), scope, now=AFTER)
    assert (read.totals["attempts"].value, read.completeness.complete) == (0, True)

    to_come = Question(("attempts",), Period(date(2026, 9, 1), date(2026, 9, 8), ZONE))
    for environment in (sales, care):
        answer = ask(to_come, scope.only(environment.pk), now=AFTER)
        assert (answer.completeness.begun, answer.completeness.complete) == (False, False)


@pytest.mark.parametrize(
    ("guessed", "seconds", "expected"),
    [
        (False, 0, [0, 100]),
        (False, 30, [30, 0]),
        (True, 12, [12, 100]),  # neither time has a zone: the wait between them is known all the same
        (True, 0, [None, None]),  # the start was taken from the pick-up
        (True, 3 * 3600 + 12, [None, None]),  # one of the two times has a zone, the other none
        (True, -3 * 3600 + 12, [None, None]),
    ],
)
def test_a_wait_counts_where_it_is_known(behind_acme, scope, care, guessed, seconds, expected):
    start = factories.TIME_ZERO
    factories.call(care, "a", started_guessed=guessed, started_at=start, answered_at=start + timedelta(seconds=seconds))
    answer = ask(question("time_to_answer", "service_level"), scope.only(care.pk), now=AFTER)
    assert [cell.value for cell in answer.totals.values()] == expected


def test_questions_beyond_measure_are_refused(behind_acme, scope, sales):
    with pytest.raises(QuestionError, match="date_to"):
        ask(question("attempts", period=Period(date(2020, 1, 1), date(2026, 1, 1), ZONE)), scope)
    with pytest.raises(QuestionError, match="metrics"):
        ask(question("nonsense"), scope)
    for n in range(2):
        factories.call(sales, f"c{n}", agent=factories.agent(sales, str(n)))
    long = Period(date(2025, 1, 1), date(2026, 12, 1), ZONE)
    with pytest.raises(QuestionError, match="by"):
        ask(question("attempts", by=("hour", "agent"), period=long), scope)


def test_queries_do_not_grow_with_calls_or_rows(behind_acme, acme, scope, sales, django_assert_max_num_queries):
    for n in range(40):
        factories.call(sales, f"c{n}", agent=factories.agent(sales, str(n % 7)), started_at=at(6 + n % 7))
    with django_assert_max_num_queries(20):
        ask(question("attempts", "connect_rate", "median_duration", "unique_contacts", by=("day", "agent")), scope)
    with django_assert_max_num_queries(40):
        ask(question(*METRICS, by=("day",)), scope)


@pytest.mark.parametrize(
    ("second", "most"), [(60, 1), (59, 2), (61, 1)], ids=["back to back", "a second together", "one after the other"]
)
def test_a_call_that_ends_as_another_begins_is_not_at_the_same_time(behind_acme, scope, sales, second, most):
    begins = at(8)
    for n, seconds in enumerate((0, second)):
        factories.call(sales, f"c{n}", started_at=begins + timedelta(seconds=seconds), seconds=60)
    answer = ask(question("peak_concurrency", by=("day",)), scope, now=AFTER)
    assert answer.totals["peak_concurrency"].value == most
    assert max(row.cells["peak_concurrency"].value or 0 for row in answer.rows) == most


@pytest.mark.parametrize(
    "chosen",
    [
        {"statuses": ("completed",)},
        {"direction": "outbound"},
        {"outcomes": ("connected",)},
        {"causes": ("normal",)},
        {"sides": ("contact",)},
        {"area_codes": ("11",)},
        {"weekdays": (2,)},
        {"hours": (12,)},
        {"min_duration": 1.0},
        {"max_duration": 600.0},
        {"number": "5511987654321", "number_match": "exact"},
        {"contact": "0" * 16},
        {"line": "551130000000"},
        {"campaigns": (UUID(int=1),)},
        {"testing": "only"},
    ],
    ids=lambda chosen: next(iter(chosen)),
)
def test_the_vendors_own_totals_never_stand_beside_chosen_calls(behind_acme, scope, sales, chosen):
    """The vendor counts every call: beside some of them its totals would be those of others."""
    factories.call(sales, "c", started_at=at(8))
    CallbackDay.objects.create(
        tenant_id=sales.tenant_id, environment=sales, day=date(2026, 7, 8), received=9, answered=5, unmatched=1,
        payload="{}", digest=b"0" * 16, changed_at=AFTER,
    )  # fmt: skip
    Campaign.objects.create(
        tenant_id=sales.tenant_id, environment=sales, external_id="k", name="k", status="active",
        total_calls=10, completed_calls=4, changed_at=AFTER,
    )  # fmt: skip
    metrics = ("callbacks_received", "callback_answer_rate", "campaign_success_rate")
    numbers = replace(scope, sees_numbers=True)
    whole = ask(question(*metrics), numbers, now=AFTER).totals
    assert [whole[key].value for key in metrics] == [9, pytest.approx(500 / 9), 40]
    some = ask(question(*metrics, filters=Filters(**chosen)), numbers, now=AFTER).totals
    assert [some[key].value for key in metrics] == [None] * 3

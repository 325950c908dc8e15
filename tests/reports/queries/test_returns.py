"""The figures of the callback loop, against the same figures counted call by call; kept, live and half of each."""

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import time_machine

from portal.lib.ids import uuid7_number
from portal.tenants.models.tenants import Environment
from reports.metrics_loop import CALLBACK_LOOP
from reports.periods import Period
from reports.queries.ask import ask
from reports.queries.question import Filters, Question
from reports.rollups.loop_models import LoopDay
from reports.rollups.refresh import refresh_dirty
from reports.scope import Scope
from sync.models.calls import Call
from sync.models.changes import DirtyDay
from tests import factories
from tests.reports.world import outcome, percentile, time_keys

NOW = datetime(2026, 7, 20, 15, tzinfo=UTC)
FIRST = datetime(2026, 7, 1, tzinfo=UTC)
KEYS = tuple(metric.key for metric in CALLBACK_LOOP)
ROUTES = {"takes-1": ("dials-1", "dials-2"), "takes-2": ("dials-2",)}


@dataclass
class Town:
    environments: list[Environment]
    calls: list[Call]
    given: dict[int, dict[UUID, list[Call]]] = field(default_factory=dict)  # by hours

    def sources(self, call: Call) -> tuple[str, ...]:
        return ROUTES.get(call.agent.external_id, ()) if call.agent else ()


@pytest.fixture(autouse=True)
def _today():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def town(behind_acme, acme, sales, care) -> Town:
    """Nineteen days of calls of few contacts in two Talkover environments, and some of another vendor."""
    dice = random.Random(7)
    second = Environment.objects.create(tenant=acme, name="Second", provider="talkover")
    found = []
    for environment in (sales, second, care):
        agents = [
            factories.agent(
                environment,
                name,
                takes_callbacks=name in ROUTES and environment != care,
                callback_sources=list(ROUTES.get(name, ())) if environment != care else [],
            )
            for name in ("dials-1", "dials-2", "dials-3", "takes-1", "takes-2", "desk")
        ]
        for n in range(420):
            at = FIRST + timedelta(minutes=dice.randrange(0, 19 * 24 * 60, 20))
            agent = dice.choice([*agents, None])
            dials = agent.external_id.startswith("dials") if agent else dice.random() < 0.5
            inbound = dice.random() < (0.05 if dials else 0.9)
            contact = dice.choice(["", *(f"55119876500{k:02}" for k in range(25))])
            found.append(
                Call(
                    id=UUID(int=uuid7_number(int(at.timestamp() * 1000), dice.getrandbits(80))),
                    tenant=acme,
                    environment=environment,
                    agent=agent,
                    external_id=f"{environment.pk}-{n}",
                    direction="inbound" if inbound else "outbound",
                    status=dice.choice(("completed", "no-answer", "busy", "failed", "answered", "initiated")),
                    is_test=dice.random() < 0.08,
                    started_at=at,
                    duration_ms=dice.choice((0, 5000, 60_000)),
                    from_number=f"+{contact}" if inbound else "+551130000000",
                    to_number="+551130000000" if inbound else f"+{contact}",
                    contact=contact,
                    digest=b"0" * 16,
                    read_at=NOW,
                    first_seen_at=NOW,
                    changed_at=NOW,
                )
            )
    Call.objects.bulk_create(found, batch_size=200)
    return Town([sales, second, care], found)


# --- counted again ----------------------------------------------------------------------------------------------------


def answered_by(town: Town, hours: int) -> dict[UUID, list[Call]]:
    """Return call → the attempts it is given, oldest first."""
    window = timedelta(hours=hours)

    def calls_back(ring: Call, attempt: Call) -> bool:
        return (
            ring.environment_id == attempt.environment_id
            and ring.contact == attempt.contact != ""
            and attempt.agent is not None
            and attempt.agent.external_id in town.sources(ring)
            and attempt.started_at < ring.started_at <= attempt.started_at + window
        )

    usual = [call for call in town.calls if not call.is_test and call.environment.provider == "talkover"]
    rings = [call for call in usual if call.direction == "inbound" and town.sources(call)]
    rings.sort(key=lambda call: (call.started_at, call.pk))
    given: dict[UUID, list[Call]] = {}
    for attempt in sorted(usual, key=lambda call: (call.started_at, call.pk)):
        if attempt.direction == "outbound":
            first = next((ring for ring in rings if calls_back(ring, attempt)), None)
            if first is not None:
                given.setdefault(first.pk, []).append(attempt)
    return given


def figures(town: Town, calls: list[Call], hours: int = 72) -> dict[str, tuple[float | None, int]]:
    """Key → (value, n) over the calls of one row."""
    if hours not in town.given:
        town.given[hours] = answered_by(town, hours)
    given = town.given[hours]
    returned = {attempt.pk for attempts in given.values() for attempt in attempts}
    covered = {source for sources in ROUTES.values() for source in sources}
    calls = [call for call in calls if call.environment.provider == "talkover" and not call.is_test]
    returns = [call for call in calls if call.pk in given]
    waits = [(call.started_at - given[call.pk][-1].started_at).total_seconds() / 60 for call in returns]
    attempts = sum(len(given[call.pk]) for call in returns)
    unreached = [
        call
        for call in calls
        if call.direction == "outbound"
        and call.contact
        and call.agent is not None
        and call.agent.external_id in covered
        and outcome(call, "talkover", NOW) == "unreached"
    ]
    people = {call.contact for call in unreached}
    back = {call.contact for call in unreached if call.pk in returned}

    def is_open(missed: Call) -> bool:
        return not any(
            call.contact == missed.contact
            and call.environment_id == missed.environment_id
            and call.started_at > missed.started_at
            and not call.is_test
            and outcome(call, "talkover", NOW) == "connected"
            for call in town.calls
        )

    waiting = {
        call.contact
        for call in calls
        if call.direction == "inbound"
        and call.contact
        and outcome(call, "talkover", NOW) == "unreached"
        and is_open(call)
    }
    return {
        "derived_callbacks": (len(returns), len(returns)),
        "return_rate": (len(back) / len(people) * 100 if people else None, len(people)),
        "time_to_callback_median": (percentile(waits, 0.5), len(waits)),
        "time_to_callback_p90": (percentile(waits, 0.9), len(waits)),
        "attempts_before_callback": (attempts / len(returns) if returns else None, len(returns)),
        "still_open": (len(waiting), len(waiting)),
    }


def same(cell, expected: tuple[float | None, int]) -> bool:
    value, n = expected
    return (
        (cell.value is None) == (value is None)
        and cell.n == n
        and (value is None or cell.value == pytest.approx(value))
    )


def asked(acme, town: Town, by: tuple[str, ...] = (), zone: str = "", filters: Filters | None = None, **scope):
    period = Period(date(2026, 7, 3), date(2026, 7, 20), zone or acme.zone)
    everything = Scope(acme.pk, acme.zone, frozenset(each.pk for each in town.environments), sees_numbers=True, **scope)
    return ask(Question(KEYS, period, by, filters or Filters(), compare=False), everything, now=NOW)


def of_period(town: Town, zone: str) -> list[Call]:
    rules = ZoneInfo(zone)
    return [
        call for call in town.calls if date(2026, 7, 3) <= call.started_at.astimezone(rules).date() < date(2026, 7, 20)
    ]


# --- tests ------------------------------------------------------------------------------------------------------------

STATES = ("live", "kept", "half")


def bring_to(state: str) -> None:
    if state != "live":
        refresh_dirty()
    if state == "half":
        LoopDay.objects.filter(day__in=[date(2026, 7, day) for day in (4, 9, 10, 13)]).update(joined_at=None)


@pytest.mark.parametrize("state", STATES)
def test_every_grain_gives_what_the_calls_say(acme, town, state):
    bring_to(state)
    seen = 0
    for zone in (acme.zone, "Asia/Kathmandu"):
        calls = of_period(town, zone)
        for by in (
            (),
            ("day",),
            ("week", "agent"),
            ("weekday", "environment"),
            ("hour_of_day",),
            ("month",),
            ("hour",),
        ):
            answer = asked(acme, town, by, zone)
            assert all(same(answer.totals[key], figure) for key, figure in figures(town, calls).items())
            rows: dict[tuple, list[Call]] = {}
            for call in calls:
                keys = time_keys(call.started_at.astimezone(ZoneInfo(zone))) | {
                    "agent": str(call.agent.public_id) if call.agent else None,
                    "environment": str(call.environment.public_id),
                }
                rows.setdefault(tuple(keys[key] for key in by), []).append(call)
            for row in answer.rows if by != ("hour",) else answer.rows[::37]:
                of_row = rows.get(row.key, [])
                able = "talkover" in {call.environment.provider for call in of_row} or not (
                    {"agent", "environment"} & set(by)
                )
                for key, figure in figures(town, of_row).items():
                    expected = figure if able else (None, 0)
                    assert same(row.cells[key], expected) or not of_row, (by, row.key, key, row.cells[key], figure)
                    seen += bool(expected[0])
    assert seen > 300


@pytest.mark.parametrize("state", STATES)
def test_filters_and_scope_are_asked_of_the_call_that_counts(acme, town, state):
    bring_to(state)
    calls = of_period(town, acme.zone)
    sales = town.environments[0]
    takes, dials = (factories.agent(sales, name) for name in ("takes-1", "dials-2"))
    number = calls[3].contact or "5511987650001"
    for filters, keeps in (
        (Filters(agents=(takes.public_id,)), lambda call: call.agent == takes),
        (Filters(agents=(dials.public_id,)), lambda call: call.agent == dials),
        (Filters(environments=(sales.public_id,)), lambda call: call.environment == sales),
        (Filters(statuses=("completed", "no-answer")), lambda call: call.status in ("completed", "no-answer")),
        (Filters(direction="inbound"), lambda call: call.direction == "inbound"),
        (Filters(number=number, number_match="exact"), lambda call: call.contact == number),
        (Filters(min_duration=1), lambda call: call.duration_ms >= 1000),
        (Filters(testing="include"), lambda call: True),
        (Filters(testing="only"), lambda call: call.is_test),
    ):
        answer = asked(acme, town, filters=filters)
        expected = figures(town, [call for call in calls if keeps(call)])
        for key, figure in expected.items():
            assert same(answer.totals[key], figure), (filters, key, answer.totals[key], figure)
    only = asked(acme, town, agent_ids=frozenset({takes.pk}))
    expected = figures(town, [call for call in calls if call.agent == takes])
    assert all(same(only.totals[key], figure) for key, figure in expected.items())
    assert expected["derived_callbacks"][0]


def test_the_hours_are_the_tenants(acme, town):
    acme.callback_hours = 12
    acme.save()
    refresh_dirty()
    answer = asked(acme, town)
    expected = figures(town, of_period(town, acme.zone), hours=12)
    assert expected["derived_callbacks"] != figures(town, of_period(town, acme.zone))["derived_callbacks"]
    assert all(same(answer.totals[key], figure) for key, figure in expected.items())


def test_what_cannot_be_split_is_not_told_in_parts(acme, town):
    answer = asked(acme, town, ("status",))
    assert answer.totals["derived_callbacks"].value
    assert {row.cells[key].value for row in answer.rows for key in KEYS} == {None}


def test_another_vendor_cannot_measure_it(acme, town):
    answer = asked(acme, town, filters=Filters(environments=(town.environments[2].public_id,)))
    assert [answer.totals[key].value for key in KEYS] == [None] * len(KEYS)


@pytest.mark.parametrize("state", STATES)
def test_the_loop_takes_no_queries_of_its_own(acme, town, django_assert_num_queries, state):
    bring_to(state)
    asked(acme, town)  # the first of a process asks what SQLite can do
    for by in ((), ("day",), ("agent",)):
        with django_assert_num_queries(3):  # what there is to see, the ledgers, the figures
            asked(acme, town, by)


def test_settled_days_are_read_from_sets(acme, town):
    """What the calls say has no part in it: taken away behind the rollups' back, they change no figure."""
    refresh_dirty()
    period = Period(date(2026, 7, 3), date(2026, 7, 13), acme.zone)
    everything = Scope(acme.pk, acme.zone, frozenset(each.pk for each in town.environments), sees_numbers=True)
    question = Question(("return_rate", "still_open"), period, ("agent",), compare=False)
    before = ask(question, everything, now=NOW)
    Call.objects.filter(started_at__lt=datetime(2026, 7, 12, tzinfo=UTC)).update(contact="5511900000000")
    after = ask(question, everything, now=NOW)
    assert before.totals["return_rate"].n
    assert before.totals["still_open"].value
    assert [(row.key, row.cells) for row in after.rows] == [(row.key, row.cells) for row in before.rows]


def test_a_call_that_comes_late_closes_what_waited(acme, town):
    """Between two settled days, and marked as changed: the days it touches are asked of the calls."""
    refresh_dirty()
    sales = town.environments[0]
    agent = factories.agent(sales, "desk")
    known = {"agent": agent, "is_test": False}
    at = datetime(2026, 7, 6, 15, tzinfo=UTC)
    for n, hours in enumerate((0, 1, 30)):  # missed; then connected the same day, or the day after
        missed = {"direction": "inbound", "status": "no-answer", "from_number": "+5511955550001"}
        met = {"direction": "outbound", "status": "completed", "to_number": "+5511955550001"}
        fields = known | (met if hours else missed)
        town.calls.append(factories.call(sales, f"late-{n}", started_at=at + timedelta(hours=hours), **fields))
        day = (at + timedelta(hours=hours)).date()
        DirtyDay.objects.update_or_create(environment=sales, day=day, defaults={"tenant_id": acme.pk, "since": NOW})
        for settle in (False, True):
            if settle:
                refresh_dirty()
            waiting = asked(acme, town).totals["still_open"]
            assert same(waiting, figures(town, of_period(town, acme.zone))["still_open"]), (hours, settle)

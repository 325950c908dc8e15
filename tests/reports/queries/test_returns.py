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
from reports.columns import files
from reports.columns.models import ColumnFile
from reports.columns.refresh import refresh_tenant
from reports.definitions.callback_metrics import CALLBACK_LOOP
from reports.definitions.metrics import METRICS
from reports.definitions.periods import Period
from reports.queries.ask import ask, ask_together
from reports.queries.callbacks.lists import CallbackQuestion, every_return, loop_of
from reports.queries.callbacks.open import missed_contacts, still_open_of
from reports.queries.callbacks.story import story
from reports.queries.question import Filters, Question, QuestionError
from reports.queries.scope import Scope
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
    takers: dict[tuple[int, str], set[int]] = field(default_factory=dict)  # by environment and who dials

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


def takers(town: Town, attempt: Call) -> set[int]:
    """The agents that take the callbacks of an attempt."""
    if not town.takers:
        for call in town.calls:
            for source in town.sources(call) if call.environment.provider == "talkover" else ():
                town.takers.setdefault((call.environment_id, source), set()).add(call.agent.pk)
    return town.takers.get((attempt.environment_id, attempt.agent.external_id), set()) if attempt.agent else set()


def figures(
    town: Town,
    calls: list[Call],
    hours: int = 72,
    *,
    attempts: list[Call] | None = None,
    rung: set[int] | None = None,
    source: int | None = None,
) -> dict[str, tuple[float | None, int]]:
    """Key → (value, n) over the calls of one row, and over its attempts where these are others; to the agents ``rung``
    alone, and of attempts that ``source`` had made.
    """
    if hours not in town.given:
        town.given[hours] = answered_by(town, hours)
    given = town.given[hours]
    agents = {call.pk: call.agent_id for call in town.calls}
    returned = {
        attempt.pk for ring, tried in given.items() for attempt in tried if rung is None or agents[ring] in rung
    }
    covered = {source for sources in ROUTES.values() for source in sources}
    every = [call for call in calls if not call.is_test]
    calls = [call for call in every if call.environment.provider == "talkover"]
    returns = [call for call in calls if call.pk in given and source in (None, given[call.pk][-1].agent_id)]
    waits = [(call.started_at - given[call.pk][-1].started_at).total_seconds() / 60 for call in returns]
    answered = sum(len(given[call.pk]) for call in returns)
    unreached = [
        call
        for call in (calls if attempts is None else attempts)
        if call.direction == "outbound"
        and call.environment.provider == "talkover"
        and not call.is_test
        and source in (None, call.agent_id)
        and (rung is None or takers(town, call) & rung)
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
            and outcome(call, call.environment.provider, NOW) == "connected"
            for call in town.calls
        )

    waiting = {
        call.contact
        for call in every
        if call.direction == "inbound"
        and call.contact
        and outcome(call, call.environment.provider, NOW) == "unreached"
        and is_open(call)
    }
    return {
        "derived_callbacks": (len(returns), len(returns)),
        "return_rate": (len(back) / len(people) * 100 if people else None, len(people)),
        "time_to_callback_median": (percentile(waits, 0.5), len(waits)),
        "time_to_callback_p90": (percentile(waits, 0.9), len(waits)),
        "attempts_before_callback": (answered / len(returns) if returns else None, len(returns)),
        "still_open": (len(waiting), len(waiting)),
    }


def same(cell, expected: tuple[float | None, int]) -> bool:
    value, n = expected
    return (
        (cell.value is None) == (value is None)
        and cell.n == n
        and (value is None or cell.value == pytest.approx(value))
    )


def asked(
    acme,
    town: Town,
    by: tuple[str, ...] = (),
    zone: str = "",
    filters: Filters | None = None,
    metrics: tuple[str, ...] = KEYS,
    **scope,
):
    period = Period(date(2026, 7, 3), date(2026, 7, 20), zone or acme.zone)
    everything = Scope(acme.pk, acme.zone, frozenset(each.pk for each in town.environments), sees_numbers=True, **scope)
    return ask(Question(metrics, period, by, filters or Filters(), compare=False), everything, now=NOW)


def of_period(town: Town, zone: str) -> list[Call]:
    rules = ZoneInfo(zone)
    return [
        call for call in town.calls if date(2026, 7, 3) <= call.started_at.astimezone(rules).date() < date(2026, 7, 20)
    ]


# --- tests ------------------------------------------------------------------------------------------------------------

STATES = ("live", "kept", "half")  # of the mirror, of files, and of files half of which are gone


def bring_to(state: str) -> None:
    if state != "live":
        refresh_tenant()
    if state == "half":
        for row in list(ColumnFile.objects.order_by("pk"))[::2]:
            files.remove(row)


@pytest.mark.parametrize("state", STATES)
def test_every_grain_gives_what_the_calls_say(acme, town, state):
    bring_to(state)
    seen = 0
    public = {call.agent.pk: str(call.agent.public_id) for call in town.calls if call.agent}
    public |= {key: pk for pk, key in public.items()} | {None: None}
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
            tried: dict[tuple, list[Call]] = {}
            for call in calls:
                keys = time_keys(call.started_at.astimezone(ZoneInfo(zone))) | {
                    "agent": str(call.agent.public_id) if call.agent else None,
                    "environment": str(call.environment.public_id),
                }
                rows.setdefault(tuple(keys[key] for key in by), []).append(call)
                for taker in takers(town, call) if "agent" in by else [None]:
                    keys["agent"] = public.get(taker)
                    tried.setdefault(tuple(keys[key] for key in by), []).append(call)
            for row in answer.rows if by != ("hour",) else answer.rows[::37]:
                of_row = rows.get(row.key, [])
                to = {public[row.key[by.index("agent")]]} if "agent" in by else None
                of_tried = tried.get(row.key, [])
                able = "talkover" in {call.environment.provider for call in (*of_row, *of_tried)} or not (
                    {"agent", "environment"} & set(by)
                )
                for key, figure in figures(town, of_row, attempts=of_tried, rung=to).items():
                    expected = figure if able or key == "still_open" else (None, 0)
                    assert same(row.cells[key], expected) or not (of_row or of_tried), (
                        by,
                        row.key,
                        key,
                        row.cells[key],
                        figure,
                    )
                    seen += bool(expected[0])
    assert seen > 300


@pytest.mark.parametrize("state", STATES)
def test_filters_and_scope_are_asked_of_the_call_that_counts(acme, town, state):
    bring_to(state)
    calls = of_period(town, acme.zone)
    sales = town.environments[0]
    takes = factories.agent(sales, "takes-1")
    number = calls[3].contact or "5511987650001"
    for filters, keeps in (
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


RETURNS = tuple(metric.key for metric in CALLBACK_LOOP if metric.of_returns)


@pytest.mark.parametrize("state", STATES)
def test_an_agent_is_the_one_rung_and_a_source_agent_the_one_that_had_called(acme, town, state):
    bring_to(state)
    calls = of_period(town, acme.zone)
    sales, second, care = town.environments
    assert set(KEYS) - set(RETURNS) == {"still_open"}
    rates = set()
    for rung in (("takes-1",), ("takes-2",), ("dials-2",), ("takes-1", "takes-2"), ()):
        for home, name in ((sales, "dials-1"), (second, "dials-2"), (sales, "takes-1"), (care, "dials-1"), (None, "")):
            source = factories.agent(home, name) if home else None
            chosen = [factories.agent(sales, each) for each in rung]
            filters = Filters(
                agents=tuple(each.public_id for each in chosen),
                source_agents=(source.public_id,) if source else (),
            )
            keys = {each.pk for each in chosen} or None
            expected = figures(
                town,
                [call for call in calls if keys is None or call.agent_id in keys],
                attempts=calls,
                rung=keys,
                source=source.pk if source else None,
            )
            answer = asked(acme, town, filters=filters, metrics=RETURNS if source else KEYS)
            for key in answer.totals:
                able = home != care or bool(chosen)
                figure = expected[key] if able else (None, 0)
                assert same(answer.totals[key], figure), (rung, name, key, answer.totals[key], figure)
            rates.add(expected["return_rate"])
    assert len(rates) > 5


@pytest.mark.parametrize("state", STATES)
def test_rows_of_source_agents_are_of_those_that_made_the_attempts(acme, town, state):
    bring_to(state)
    calls, seen = of_period(town, acme.zone), 0
    public = {call.agent.pk: str(call.agent.public_id) for call in town.calls if call.agent}
    homes = {call.agent_id: str(call.environment.public_id) for call in town.calls}
    days = {call.pk: call.started_at.astimezone(ZoneInfo(acme.zone)).date().isoformat() for call in calls}
    for by in (("source_agent",), ("day", "source_agent"), ("agent", "source_agent"), ("source_agent", "environment")):
        answer = asked(acme, town, by, metrics=RETURNS)
        told = {tuple(row.key[by.index(key)] for key in sorted(by)): row.cells for row in answer.rows}
        others = {"day": sorted(set(days.values())), "agent": sorted(public.values())}
        for source, key in public.items():
            for other in next((others[each] for each in by if each in others), [""]):
                rung = {pk for pk, each in public.items() if each == other} if "agent" in by else None
                of_row = [call for call in calls if rung is None or call.agent_id in rung]
                of_row = [call for call in of_row if "day" not in by or days[call.pk] == other]
                tried = of_row if "day" in by else calls
                expected = figures(town, of_row, attempts=tried, rung=rung, source=source)
                home = homes[source] if "environment" in by else other
                cells = told.pop((*([home] if len(by) == 2 else []), key), None)
                for name in RETURNS:
                    assert same(cells[name], expected[name]) if cells else not expected[name][1], (by, key, other, name)
                    seen += bool(expected[name][0])
        assert not told  # no row is of an agent that is none
    assert seen > 150
    whole = asked(acme, town, ("source_agent",), metrics=RETURNS)
    assert sum(row.cells["derived_callbacks"].n for row in whole.rows) == whole.totals["derived_callbacks"].n


def test_source_agents_that_the_reader_may_not_see_are_neither_named_nor_counted(acme, town):
    sales = town.environments[0]
    takes, dials, other = (factories.agent(sales, name) for name in ("takes-1", "dials-1", "dials-2"))
    mine = frozenset({takes.pk, dials.pk})
    given, calls = answered_by(town, 72), of_period(town, acme.zone)
    assert any(given[call.pk][-1].agent == other for call in calls if call.agent == takes and call.pk in given)
    answer = asked(acme, town, ("source_agent",), metrics=RETURNS, agent_ids=mine)
    assert [(row.key, row.labels) for row in answer.rows] == [((str(dials.public_id),), (dials.name,))]
    expected = figures(town, [call for call in calls if call.agent == takes], attempts=calls, source=dials.pk)
    assert all(same(answer.rows[0].cells[key], expected[key]) for key in RETURNS)
    assert expected["derived_callbacks"][0]
    assert asked(acme, town, ("source_agent",), metrics=RETURNS, agent_ids=frozenset({takes.pk})).rows == ()


@pytest.mark.parametrize("metrics", [("attempts",), ("still_open", "return_rate"), ("callbacks_received",)])
def test_what_is_not_about_returns_is_not_grouped_by_who_had_called(acme, town, metrics):
    with pytest.raises(QuestionError) as refused:
        asked(acme, town, ("day", "source_agent"), metrics=metrics)
    assert set(refused.value.errors) == {"by"}
    assert "agent that called before" in refused.value.errors["by"]
    assert str(METRICS[metrics[0]].label) in refused.value.errors["by"]
    assert str(METRICS["return_rate"].label) not in refused.value.errors["by"]


def test_a_source_agent_outside_the_scope_is_as_one_that_is_none(acme, town):
    sales = town.environments[0]
    takes, dials, other = (factories.agent(sales, name) for name in ("takes-1", "dials-1", "dials-2"))

    def totals(*sources, **scope):
        filters = Filters(source_agents=tuple(sources))
        answer = asked(acme, town, filters=filters, metrics=RETURNS, **scope)
        return answer.totals, answer.left_out

    mine = frozenset({takes.pk, dials.pk})
    absent = totals(UUID(int=1), agent_ids=mine)
    assert totals(other.public_id, agent_ids=mine) == absent
    assert not any(cell.n for cell in absent[0].values())
    known = totals(dials.public_id, agent_ids=mine)
    assert known == totals(dials.public_id, other.public_id, agent_ids=mine)
    assert all(cell.n for cell in known[0].values())


def test_who_was_rung_is_named_to_whoever_may_know_it(acme, town):
    """A reader of the agent that dialled learns that contacts came back, and not to whom."""
    sales = town.environments[0]
    takes, dials = factories.agent(sales, "takes-1"), factories.agent(sales, "dials-1")
    calls = [call for call in of_period(town, acme.zone) if call.agent == dials]
    answer = asked(acme, town, ("agent",), agent_ids=frozenset({dials.pk}))
    assert same(answer.totals["return_rate"], figures(town, calls)["return_rate"])
    assert answer.totals["return_rate"].value
    assert {row.key for row in answer.rows} == {(str(dials.public_id),)}
    assert not answer.rows[0].cells["return_rate"].n
    both = asked(acme, town, ("agent",), agent_ids=frozenset({takes.pk, dials.pk}))
    rows = {row.key[0]: row.cells["return_rate"] for row in both.rows}
    assert same(rows[str(takes.public_id)], figures(town, [], attempts=calls, rung={takes.pk})["return_rate"])


@pytest.mark.parametrize("metrics", [("attempts",), ("still_open", "return_rate"), ("callbacks_received",)])
def test_what_is_not_about_returns_is_not_chosen_by_who_had_called(acme, town, metrics):
    filters = Filters(source_agents=(factories.agent(town.environments[0], "dials-1").public_id,))
    with pytest.raises(QuestionError) as refused:
        asked(acme, town, filters=filters, metrics=metrics)
    assert set(refused.value.errors) == {"source_agent"}
    assert str(METRICS[metrics[0]].label) in refused.value.errors["source_agent"]
    assert str(METRICS["return_rate"].label) not in refused.value.errors["source_agent"]


def test_figures_of_other_groupings_are_asked_together(acme, town):
    scope = Scope(acme.pk, acme.zone, frozenset(row.pk for row in town.environments), sees_numbers=True)
    period = Period(date(2026, 7, 1), date(2026, 7, 20), acme.zone)
    questions = [
        Question(("derived_callbacks", "time_to_callback_median"), period, ("agent",)),
        Question(("return_rate",), period, ("day",)),
        Question(("still_open",), period, ("environment", "week")),
    ]
    assert ask_together(questions, scope) == tuple(ask(question, scope) for question in questions)


def test_the_hours_are_the_tenants(acme, town):
    acme.callback_hours = 12
    acme.save()
    refresh_tenant()
    answer = asked(acme, town)
    expected = figures(town, of_period(town, acme.zone), hours=12)
    assert expected["derived_callbacks"] != figures(town, of_period(town, acme.zone))["derived_callbacks"]
    assert all(same(answer.totals[key], figure) for key, figure in expected.items())


def test_other_vendors_have_missed_calls_alone(acme, town):
    answer = asked(acme, town, filters=Filters(environments=(town.environments[2].public_id,)))
    known = {key: answer.totals[key].value for key in KEYS}
    assert known.pop("still_open") is not None
    assert set(known.values()) == {None}


def test_days_without_changes_are_read_from_files(acme, town):
    """What the calls say has no part in it: taken away without a mark, they change no figure."""
    refresh_tenant()
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
    refresh_tenant()
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
                refresh_tenant()
            waiting = asked(acme, town).totals["still_open"]
            assert same(waiting, figures(town, of_period(town, acme.zone))["still_open"]), (hours, settle)


def test_lists_and_story_are_chosen_by_both_agents_of_a_callback(acme, town):
    sales, second, _care = town.environments
    asked_days = {"date_from": date(2026, 7, 3), "date_to": date(2026, 7, 19)}
    period = Period(date(2026, 7, 3), date(2026, 7, 20), acme.zone)
    everything = Scope(acme.pk, acme.zone, frozenset(each.pk for each in town.environments), sees_numbers=True)
    given, calls, sizes = answered_by(town, 72), of_period(town, acme.zone), set()
    for rung in (None, factories.agent(sales, "takes-1"), factories.agent(second, "takes-2")):
        for source in (factories.agent(sales, "dials-1"), factories.agent(second, "dials-2")):
            chosen = CallbackQuestion(
                **asked_days, agents=(rung.public_id,) if rung else (), source_agents=(source.public_id,)
            )
            found = [
                call
                for call in calls
                if call.pk in given and given[call.pk][-1].agent == source and rung in (None, call.agent)
            ]
            listed = list(every_return(chosen, everything).rows)
            assert {row["id"]: row["answers"] for row in listed} == {
                str(call.pk): str(given[call.pk][-1].pk) for call in found
            }
            told = story(Question(RETURNS, period, filters=chosen.filters), everything, now=NOW)
            assert (told.returns, told.calls, told.vendor_totals) == (len(found), len(found), None)
            assert [(each.agent, each.returns) for each in told.sources] == (
                [(str(source.public_id), len(found))] if found else []
            )
            sizes.add(len(found))
            for waiting in (still_open_of, missed_contacts):
                with (
                    loop_of(chosen, everything) as loop,
                    pytest.raises(QuestionError, match=r"source_agent: .* Still open"),
                ):
                    waiting(loop)
    assert len(sizes) > 3

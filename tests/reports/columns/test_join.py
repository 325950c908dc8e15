"""The callback join, against its definition read word by word: each call with each other, in plain Python.

A contact's calls are a world of their own, because no call of another contact is ever an answer to one of them. So some
hundred contacts in one database are some hundred worlds, and one statement of the join is asked of all of them.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from portal.lib.ids import uuid7_number
from portal.tenants.models.tenants import Environment
from reports.columns.refresh import refresh_tenant
from reports.columns.schema import contact_code
from reports.definitions.conditions import Condition
from reports.queries.callbacks.loop import Loop, calls_at, opened
from reports.queries.question import Filters
from reports.queries.scope import Scope
from reports.queries.selector import Selector, resolve
from sync.models.agents import Agent
from sync.models.calls import Call
from tests import factories
from tests.reports.columns.conftest import NOW

HOURS = 6
WINDOW = timedelta(hours=HOURS)
TICK = timedelta(microseconds=1)
WORLDS = 300
# An agent that takes callbacks, and whose it takes. A source may take callbacks as well, its own too.
TAKES = {
    "takes-1": ["dials-1"],
    "takes-2": ["dials-1", "dials-2"],
    "both": ["dials-2", "both", "takes-1"],
    "alone": [],
    "astray": ["of-nobody"],
}
OTHERS = ("dials-1", "dials-2", "dials-3", "retired")
ROLES = (*TAKES, *OTHERS)
BASES = tuple(datetime(2026, 6, 25, tzinfo=UTC) + timedelta(days=3 * n, hours=7 * n) for n in range(7))
# Whole, and with borders on which calls begin, behind them and before them.
SPANS = (
    (BASES[0] - WINDOW, NOW),
    (BASES[2] + WINDOW, BASES[4] + WINDOW / 2),
    (BASES[3] + TICK, BASES[3] + 2 * WINDOW + TICK),
    (BASES[5] - TICK, BASES[5] + WINDOW),
)


@dataclass(frozen=True)
class Worlds:
    environments: list[Environment]
    calls: list[Call]
    takes: dict[int, set[int]]  # by an agent's key: whose callbacks it takes

    def of(self, contact: str) -> list[Call]:
        return [call for call in self.calls if call.contact == contact]

    @property
    def contacts(self) -> list[str]:
        return sorted({call.contact for call in self.calls})


@pytest.fixture
def worlds(behind_acme, acme, sales, care) -> Worlds:
    """Two environments whose vendor tells who takes whose callbacks, and one whose vendor tells nothing of it."""
    acme.callback_hours = HOURS
    acme.save()
    second = Environment.objects.create(tenant=acme, name="Second", provider="talkover")
    dice = random.Random(11)
    agents = {each.pk: _agents(each) for each in (sales, second, care)}
    contacts = [f"5511987{n:06}" for n in range(WORLDS)] + [""]
    calls = []
    for contact in contacts:
        base = dice.choice(BASES)
        home = dice.choice((sales, second))
        calls += [
            _call(dice, contact, base, agents, home if dice.random() < 0.8 else dice.choice((sales, second, care)))
            for _ in range(dice.randint(2, 14))
        ]
    Call.objects.bulk_create(calls, batch_size=200)
    refresh_tenant()
    takes = {
        row.pk: {agents[key][source].pk for source in row.callback_sources if source in agents[key]}
        for key in (sales.pk, second.pk)
        for row in agents[key].values()
        if row.takes_callbacks
    }
    return Worlds([sales, second, care], calls, takes)


def _agents(environment: Environment) -> dict[str, Agent]:
    """``retired`` has sources of the time when it took callbacks, and takes none."""
    return {
        name: factories.agent(
            environment,
            name,
            takes_callbacks=name in TAKES,
            callback_sources=TAKES.get(name, ["dials-1"] if name == "retired" else []),
        )
        for name in ROLES
    }


def _call(
    dice: random.Random, contact: str, base: datetime, agents: dict[int, dict[str, Agent]], home: Environment
) -> Call:
    """Few instants, so that calls begin at the same one, and the window apart to the microsecond."""
    at = base + dice.randrange(7) * WINDOW / 2 + dice.choice((-TICK, 0 * TICK, 0 * TICK, 0 * TICK, TICK))
    name = dice.choice((*ROLES, "dials-1", "dials-2", "takes-1", "takes-2", ""))
    inbound = dice.random() < (0.2 if name.startswith("dials") else 0.65)
    return Call(
        id=UUID(int=uuid7_number(int(at.timestamp() * 1000), dice.getrandbits(80))),
        tenant_id=home.tenant_id,
        environment=home,
        agent=agents[home.pk].get(name),
        external_id=f"{dice.getrandbits(80)}",
        direction="inbound" if inbound else "outbound",
        status=dice.choice(("completed", "no-answer", "busy", "failed", "initiated")),
        is_test=dice.random() < 0.1,
        started_at=at,
        duration_ms=dice.choice((0, 5000)),
        from_number=f"+{contact}" if inbound else "+551130000000",
        to_number="+551130000000" if inbound else f"+{contact}",
        contact=contact,
        digest=b"0" * 16,
        read_at=NOW,
        first_seen_at=NOW,
        changed_at=NOW,
    )


# --- the definition, read word by word --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Return:
    """A callback call with the attempts it is given."""

    call: UUID
    attempts: tuple[UUID, ...]  # oldest first

    @property
    def answers(self) -> UUID:
        return self.attempts[-1]


def earlier(one: Call, other: Call) -> bool:
    """As the list of calls sorts them: by their beginning, and those of one instant by their ids."""
    return (one.started_at, one.pk) < (other.started_at, other.pk)


def returns(calls: list[Call], takes: dict[int, set[int]], spanned: tuple[datetime, datetime]) -> set[Return]:
    """The first call of a contact, after an outbound attempt to it and at most the hours set later, to an agent that
    takes the callbacks of the one who dialled.
    """
    given: dict[UUID, list[Call]] = {}
    for attempt in calls:
        if attempt.is_test or attempt.direction != "outbound" or not attempt.contact or attempt.agent_id is None:
            continue
        first: Call | None = None
        for call in calls:
            answers = (
                not call.is_test
                and call.direction == "inbound"
                and call.contact == attempt.contact
                and call.environment_id == attempt.environment_id
                and call.agent_id in takes
                and attempt.agent_id in takes[call.agent_id]
                and call.started_at > attempt.started_at
                and call.started_at - attempt.started_at <= WINDOW
            )
            if answers and (first is None or earlier(call, first)):
                first = call
        if first is not None and spanned[0] <= first.started_at < spanned[1]:
            given.setdefault(first.pk, []).append(attempt)
    return {
        Return(call, tuple(each.pk for each in sorted(attempts, key=lambda each: (each.started_at, each.pk))))
        for call, attempts in given.items()
    }


def is_missed(call: Call, spanned: tuple[datetime, datetime]) -> bool:
    unanswered = call.direction == "inbound" and call.status in ("no-answer", "busy", "failed")
    return unanswered and not call.is_test and bool(call.contact) and spanned[0] <= call.started_at < spanned[1]


def waiting(calls: list[Call], spanned: tuple[datetime, datetime], as_of: datetime) -> set[UUID]:
    """Inbound calls of known contacts that nobody answered, and after which no call of either side connected."""
    found = set()
    for missed in calls:
        if is_missed(missed, spanned) and not any(
            call.contact == missed.contact
            and call.environment_id == missed.environment_id
            and call.status == "completed"
            and not call.is_test
            and missed.started_at < call.started_at < as_of
            for call in calls
        ):
            found.add(missed.pk)
    return found


# --- what the join says -----------------------------------------------------------------------------------------------


def reach_of(acme, worlds: Worlds) -> Selector:
    return resolve(Filters(), Scope(acme.pk, acme.zone, frozenset(each.pk for each in worlds.environments)), now=NOW)


def loops(acme, worlds: Worlds) -> Iterator[tuple[tuple[datetime, datetime], Loop]]:
    for spanned in SPANS:
        with opened(reach_of(acme, worlds), *spanned) as loop:
            assert not loop.sources.missing
            yield spanned, loop


def joined(loop: Loop, narrowed: Condition | None = None) -> tuple[set[Return], dict[UUID, tuple[UUID, datetime]]]:
    """The returns with all their attempts, and what a return says itself of the last of them and of the first."""
    join = loop.join() if narrowed is None else loop.join(narrowed=narrowed)
    given = loop.run(
        join.statement("SELECT environment, started_us, place, heard_us, heard_place, agent, taker, contact FROM given")
    )
    said = loop.run(
        join.statement(
            "SELECT environment, started_us, place, last_us, last_place, agent, source, contact, waited_first_ms,"
            " attempts FROM returned"
        )
    )
    places = {}
    for environment, started, place, other, other_place, agent, other_agent, contact, *_more in (*given, *said):
        places[environment, started, place] = (agent, contact)
        places[environment, other, other_place] = (other_agent, contact)
    ids = calls_at(places, loop.selector.scope)
    assert len(ids) == len(places)
    attempts: dict[UUID, list[tuple[int, int, UUID]]] = {}
    for environment, started, place, heard, heard_place, *_of in given:
        attempt = (started, place, ids[environment, started, place])
        attempts.setdefault(ids[environment, heard, heard_place], []).append(attempt)
    found, told = set(), {}
    for environment, started, place, last, last_place, _agent, _source, _contact, waited_first, number in said:
        call = ids[environment, started, place]
        ordered = sorted(attempts[call])
        assert len(ordered) == number
        assert waited_first == (started - ordered[0][0]) // 1000
        found.add(Return(call, tuple(each[2] for each in ordered)))
        told[call] = ids[environment, last, last_place]
    assert {each.call: each.answers for each in found} == told
    return found, told


# --- tests ------------------------------------------------------------------------------------------------------------


def test_returns_are_those_of_the_definition_in_every_world(acme, worlds):
    seen: set[int] = set()
    for spanned, loop in loops(acme, worlds):
        said, _told = joined(loop)
        number = 0
        for contact in worlds.contacts:
            calls = worlds.of(contact)
            own = {call.pk for call in calls}
            expected = returns(calls, worlds.takes, spanned)
            assert {each for each in said if each.call in own} == expected, (contact, spanned)
            number += len(expected)
            seen |= {len(each.attempts) for each in expected}
        assert number == len(said) > 0
    assert seen >= {1, 2, 3}  # attempts that one call answers


def test_worlds_have_what_the_definition_turns_on(worlds):
    """Else the test above would agree on worlds that ask nothing."""
    calls = {call.pk: call for call in worlds.calls}
    expected = {each for contact in worlds.contacts for each in returns(worlds.of(contact), worlds.takes, SPANS[0])}
    answered = [(calls[each.call], calls[attempt]) for each in expected for attempt in each.attempts]
    assert any(call.started_at - attempt.started_at == WINDOW for call, attempt in answered)
    assert any(call.started_at - attempt.started_at == TICK for call, attempt in answered)
    assert any(call.agent_id == attempt.agent_id for call, attempt in answered)
    by_contact = {(call.contact, call.environment_id) for call in worlds.calls if call.contact}
    assert len(by_contact) > len(worlds.contacts) + 20
    instants = [(call.environment_id, call.contact, call.direction, call.started_at) for call in worlds.calls]
    assert len(instants) > len(set(instants)) + 200


def test_a_contact_alone_is_answered_as_among_all(acme, worlds):
    """What a call's page asks."""
    for contact in worlds.contacts[1:40:4]:
        for spanned, loop in loops(acme, worlds):
            said, _told = joined(loop, Condition(f"contact = {contact_code(contact)}"))
            assert said == returns(worlds.of(contact), worlds.takes, spanned), (contact, spanned)


def test_nothing_is_told_of_attempts_by_agents_out_of_sight(acme, worlds):
    """The join itself knows every call; what it says of the attempt answered is only for who may see its agent."""
    calls = {call.pk: call for call in worlds.calls}
    seen = frozenset(row.pk for row in Agent.objects.filter(external_id__in=("dials-1", "takes-1", "takes-2")))
    select = "SELECT environment, started_us, place, attempt_status, attempts, agent, contact FROM returned"
    with opened(reach_of(acme, worlds), *SPANS[0]) as loop:
        narrow = replace(loop.selector.scope, agent_ids=seen)
        rows = loop.run(replace(loop.join(), scope=narrow).statement(select, ("status",)))
    ids = calls_at({row[:3]: row[5:] for row in rows}, narrow)
    expected = {each for contact in worlds.contacts for each in returns(worlds.of(contact), worlds.takes, SPANS[0])}
    attempts = {each.call: calls[each.answers] for each in expected}
    for environment, started, place, status, number, _agent, _contact in rows:
        attempt = attempts[ids[environment, started, place]]
        assert status == (attempt.status if attempt.agent_id in seen else None)
        assert number >= 1
    assert len({row[3] for row in rows}) > 3


@pytest.mark.parametrize("as_of", [None, BASES[4] + WINDOW])
def test_who_waits_is_who_the_definition_says_in_every_world(acme, worlds, as_of):
    for spanned, loop in loops(acme, worlds):
        missed = loop.missed() if as_of is None else replace(loop.missed(), as_of=as_of)
        rows = loop.run(missed.statement("SELECT environment, started_us, place, agent, contact FROM waiting", ()))
        ids = calls_at({row[:3]: row[3:] for row in rows}, loop.selector.scope)
        said = {ids[row[:3]] for row in rows}
        select = "SELECT environment, started_us, place, agent, contact, calls, waits FROM contacts"
        contacts = loop.run(missed.by_contact(select))
        last = calls_at({row[:3]: row[3:5] for row in contacts}, loop.selector.scope)
        of_contact = {last[row[:3]]: row[5:] for row in contacts}
        ever = set()
        for contact in worlds.contacts:
            calls = worlds.of(contact)
            expected = waiting(calls, spanned, as_of or datetime.max.replace(tzinfo=UTC))
            assert said & {call.pk for call in calls} == expected, (contact, spanned)
            for home in worlds.environments:
                here = [call for call in calls if call.environment_id == home.pk and is_missed(call, spanned)]
                if here:
                    latest = max(here, key=lambda call: (call.started_at, call.pk)).pk
                    number = sum(call.pk in expected for call in here)
                    assert of_contact[latest] == (number, number > 0), (contact, spanned)
                    ever.add(latest)
        assert ever == set(of_contact)

"""The join, against a naive one that asks of every pair of calls."""

import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from reports.rollups.rings import Attempt, Routes, Rung, join

START = datetime(2026, 7, 6, 12, tzinfo=UTC)
WINDOW = timedelta(hours=72)
DIALS, SURVEYS, RINGS, DESK = 1, 2, 11, 12
ROUTES = Routes({RINGS: frozenset({DIALS, SURVEYS}), DESK: frozenset({SURVEYS})})


def attempt(hours: float, *, agent: int = DIALS, contact: str = "5511900000001", number: int = 1, where: int = 1):
    return Attempt(where, UUID(int=number), agent, contact, START + timedelta(hours=hours), unreached=True)


def ring(hours: float, *, agent: int = RINGS, contact: str = "5511900000001", number: int = 100, where: int = 1):
    return Rung(where, UUID(int=number), agent, contact, START + timedelta(hours=hours))


def joined(rings, attempts):
    return join(rings, attempts, ROUTES, WINDOW)


def test_a_return_answers_the_last_attempt_and_counts_those_before() -> None:
    (found,) = joined([ring(9)], [attempt(1, number=1), attempt(5, number=2), attempt(10, number=3)])
    assert found.answers is not None
    assert found.answers.call == UUID(int=2)
    assert len(found.given) == 2
    assert (found.waited_ms, found.waited_first_ms) == (4 * 3_600_000, 8 * 3_600_000)


def test_a_second_ring_is_a_return_only_after_a_new_attempt() -> None:
    first, second = joined([ring(2, number=101), ring(3, number=102)], [attempt(1)])
    assert first.answers is not None
    assert second.answers is None
    assert second.again
    first, second = joined([ring(2, number=101), ring(4, number=102)], [attempt(1), attempt(3, number=2)])
    assert [each.call.int for each in second.given] == [2]


@pytest.mark.parametrize(("hours", "answers"), [(72, True), (72.0001, False), (0, False), (0.0001, True)])
def test_the_window_ends_with_its_last_instant_and_begins_after_the_attempt(hours: float, answers: bool) -> None:
    (found,) = joined([ring(hours)], [attempt(0)])
    assert (found.answers is not None) is answers
    assert not found.again


def test_only_agents_that_take_the_callbacks_of_who_dialled_are_rung_back() -> None:
    (elsewhere,) = joined([ring(2, agent=DESK)], [attempt(1, agent=DIALS)])
    assert elsewhere.answers is None
    assert not elsewhere.again
    other, mine = joined(
        [ring(2, agent=DESK, number=101), ring(3, number=102)],
        [attempt(0, agent=DIALS), attempt(1, agent=SURVEYS, number=2)],
    )
    assert [each.call.int for each in other.given] == [2]
    assert [each.call.int for each in mine.given] == [1]


def test_a_withheld_number_and_another_environment_answer_nothing() -> None:
    found = joined([ring(2, contact=""), ring(2, where=2)], [attempt(1, contact=""), attempt(1)])
    assert [each.answers for each in found] == [None, None]


def belongs(attempt, ring) -> bool:
    return (
        bool(ring.contact)
        and attempt.contact == ring.contact
        and attempt.environment == ring.environment
        and attempt.agent in ROUTES.sources.get(ring.agent, ())
        and attempt.at < ring.at <= attempt.at + WINDOW
    )


def naive(rings, attempts):
    """Ring → (attempts given, again), straight from the definition."""
    found = {}
    for one in rings:
        mine = [each for each in attempts if belongs(each, one)]
        before = [other for other in rings if (other.at, other.call) < (one.at, one.call)]
        fresh = [each for each in mine if not any(belongs(each, other) for other in before)]
        fresh.sort(key=lambda each: (each.at, each.call))
        found[one.call] = ([each.call for each in fresh], bool(mine) and not fresh)
    return found


@pytest.mark.parametrize("seed", range(40))
def test_any_calls_are_joined_as_the_definition_says(seed: int) -> None:
    dice = random.Random(seed)
    contacts = ["", *(f"551190000000{n}" for n in range(dice.randint(1, 8)))]

    def drawn(number: int, agents: tuple[int, ...]):
        # Whole hours, so that equal times and the very edge of the window occur.
        return {
            "hours": dice.randrange(0, 30 * 24, dice.choice((1, 6, 24))),
            "agent": dice.choice(agents),
            "contact": dice.choice(contacts),
            "number": number,
            "where": dice.choice((1, 1, 1, 2)),
        }

    numbers = list(range(1, 161))
    dice.shuffle(numbers)
    attempts = [attempt(**drawn(number, (DIALS, SURVEYS, 3))) for number in numbers[:100]]
    rings = [ring(**drawn(number, (RINGS, DESK))) for number in numbers[100:]]
    found = {one.call: ([each.call for each in one.given], one.again) for one in joined(rings, attempts)}
    assert found == naive(rings, attempts)
    assert any(given for given, _again in found.values())


def test_the_rules_change_with_all_that_the_join_depends_on() -> None:
    rules = ROUTES.rules(72)
    assert rules == Routes(dict(reversed(ROUTES.sources.items()))).rules(72)
    assert len({rules, ROUTES.rules(71), Routes({RINGS: frozenset({DIALS})}).rules(72)}) == 3

"""Answers share memory: the heavy wait for each other, nobody for ever."""

import threading

import pytest

from sync.providers import limits, room
from sync.providers.room import Room


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(limits, "HEAVY_BYTES", 100)
    monkeypatch.setattr(limits, "QUEUE_BYTES", 10)


def running(act) -> tuple[threading.Thread, threading.Event]:
    """A thread that does ``act``, and what it sets when it is through."""
    through = threading.Event()

    def work() -> None:
        act()
        through.set()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread, through


def test_heavy_answers_wait_until_their_worst_fits():
    space = Room()
    with space.share() as first, space.share() as second:
        first.reserve(60)
        thread, through = running(lambda: second.reserve(60))
        assert not through.wait(0.05)
        assert space.heavy.held == 60
        first.reserve(40)  # it proved smaller
        thread.join(10)
        assert space.heavy.held == 100


def test_what_is_larger_than_all_room_passes_alone():
    space = Room()
    with space.share() as huge:
        huge.reserve(1000)
        hold = huge.hand_over(700)
    assert space.heavy.held == 700
    hold.end()
    assert space.heavy.held == 0


def test_whoever_waits_for_more_holds_nothing_meanwhile():
    """Two answers that both grow: each would wait for what the other holds."""
    space = Room()
    with space.share() as first, space.share() as second:
        first.reserve(50)
        second.reserve(50)
        one, _ = running(lambda: first.reserve(100))
        two, _ = running(lambda: (second.reserve(100), second.reserve(0)))
        two.join(10)
        one.join(10)
        assert not one.is_alive()
        assert not two.is_alive()
        assert space.heavy.held == 100


def test_pages_of_light_answers_wait_for_the_writer_alone():
    space = Room()
    with space.share() as heavy, space.share() as light:
        heavy.reserve(100)
        first = light.hand_over(8)
        thread, through = running(lambda: light.hand_over(8))
        assert not through.wait(0.05)
        first.end()
        thread.join(10)
        assert space.queue.held == 8


def test_an_answer_that_ends_early_gives_its_room_back():
    space = Room()

    def read() -> None:
        with space.share() as share:
            share.reserve(80)
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        read()
    assert space.heavy.held == 0


def test_all_that_wait_pass_when_what_they_bring_is_not_wanted():
    space = Room()
    with space.share() as first, space.share() as second:
        first.reserve(100)
        thread, _ = running(lambda: second.reserve(100))
        space.waive()
        thread.join(10)
        assert not thread.is_alive()
    space.clear()
    assert space.heavy.held == 0


def test_reserve_asks_the_share_of_its_own_thread():
    space = Room()
    room.reserve(10**9)  # nobody shares: as when a token is tested
    with space.share():
        room.reserve(30)
        thread, _ = running(lambda: room.reserve(10**9))
        thread.join(10)
        assert space.heavy.held == 30
    assert space.heavy.held == 0

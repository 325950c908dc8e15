"""Who is computed next when more ask than may at once."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from reports.columns import engine
from reports.columns.engine import Statement
from reports.columns.gate import Gate
from reports.queries.run import Turns
from reports.queries.scope import Scope

ACME, GLOBEX, INITECH = 1, 2, 3
SOON = 10.0


class Waiting:
    """Those that wait at a gate, and the order in which they came through."""

    def __init__(self, gate: Gate) -> None:
        self.gate, self.order, self._threads = gate, [], []

    def add(self, name: str, tenant: int, reader: int = 0) -> None:
        def wait() -> None:
            assert self.gate.enter(tenant, time.monotonic() + SOON, reader)
            self.order.append(name)

        thread = threading.Thread(target=wait)
        self._threads.append(thread)
        before = len(self.gate._waiting)
        thread.start()
        until(lambda: len(self.gate._waiting) > before)

    def join(self) -> None:
        for thread in self._threads:
            thread.join(SOON)


def until(is_true) -> None:
    end = time.monotonic() + SOON
    while not is_true():
        assert time.monotonic() < end
        time.sleep(0.001)


@contextmanager
def full(gate: Gate, *tenants: int) -> Iterator[Waiting]:
    for tenant in tenants:
        assert gate.enter(tenant, time.monotonic())
    waiting = Waiting(gate)
    yield waiting
    waiting.join()


def test_whoever_has_none_inside_goes_first():
    gate = Gate(3)
    with full(gate, ACME, ACME, ACME) as waiting:
        for n in range(6):
            waiting.add(f"acme {n}", ACME)
        waiting.add("globex 0", GLOBEX)
        waiting.add("initech 0", INITECH)
        for tenant in (ACME, ACME, GLOBEX, INITECH, ACME, ACME, ACME, ACME):
            came = len(waiting.order)
            gate.leave(tenant)
            until(lambda came=came: len(waiting.order) > came)
    assert waiting.order == ["globex 0", "initech 0", *(f"acme {n}" for n in range(6))]


def test_a_tenant_has_all_but_one_while_another_waits():
    """Each that ends is followed by the other tenant's next, until it has as many."""
    gate = Gate(4)
    with full(gate, *[ACME] * 4) as waiting:
        for n in range(3):
            waiting.add(f"acme {n}", ACME)
            waiting.add(f"globex {n}", GLOBEX)
        for _ in range(3):
            came = len(waiting.order)
            gate.leave(ACME)
            until(lambda came=came: len(waiting.order) > came)
        assert waiting.order == ["globex 0", "globex 1", "acme 0"]
        for _ in range(3):
            gate.leave(ACME)


def test_one_tenant_alone_has_every_turn_in_order():
    gate = Gate(2)
    with full(gate, ACME, ACME) as waiting:
        for n in range(4):
            waiting.add(f"acme {n}", ACME)
        for n in range(4):
            gate.leave(ACME)
            until(lambda n=n: len(waiting.order) > n)
    assert waiting.order == [f"acme {n}" for n in range(4)]


def test_a_readers_many_stand_behind_anothers_few_of_the_same_tenant():
    busy, other = 7, 8
    gate = Gate(2)
    assert gate.enter(ACME, time.monotonic(), busy)
    assert gate.enter(ACME, time.monotonic(), other)
    waiting = Waiting(gate)
    for n in range(3):
        waiting.add(f"busy {n}", ACME, busy)
    waiting.add("other", ACME, other)
    for reader in (other, busy, busy, busy):
        came = len(waiting.order)
        gate.leave(ACME, reader)
        until(lambda came=came: len(waiting.order) > came)
    waiting.join()
    assert waiting.order == ["other", "busy 0", "busy 1", "busy 2"]


def test_one_reader_never_has_the_last_turn():
    gate = Gate(2)
    assert gate.enter(ACME, time.monotonic(), 7)
    assert not gate.enter(ACME, time.monotonic() + 0.01, 7)
    assert gate.enter(ACME, time.monotonic(), 8)


def test_who_gave_up_is_not_waited_for():
    gate = Gate(1)
    with full(gate, ACME) as waiting:
        assert not gate.enter(GLOBEX, time.monotonic() + 0.01)
        waiting.add("acme", ACME)
        gate.leave(ACME)
    assert waiting.order == ["acme"]
    gate.leave(ACME)
    assert gate.enter(GLOBEX, time.monotonic())


@pytest.mark.django_db
def test_a_tenants_question_goes_before_those_of_one_that_computes(acme, globex, monkeypatch):
    computed: list[str] = []
    monkeypatch.setattr(engine, "_computed", lambda _process, statement, _seconds: computed.append(statement.sql) or [])
    gate = engine._this_process().turns

    def ask(tenant) -> None:
        turns = Turns(Scope(tenant.pk, "UTC", frozenset()))
        try:
            turns(Statement(tenant.slug))
        finally:
            turns.close()

    threads = [threading.Thread(target=ask, args=(tenant,)) for tenant in (acme, acme, acme, globex)]
    for _turn in range(engine.AT_ONCE):
        assert gate.enter(acme.pk, time.monotonic())
    for place, thread in enumerate(threads):
        thread.start()
        until(lambda place=place: len(gate._waiting) > place)
    gate.leave(acme.pk)
    for thread in threads:
        thread.join(SOON)
    gate.leave(acme.pk)
    assert computed == ["globex", "acme", "acme", "acme"]
    assert not gate._inside

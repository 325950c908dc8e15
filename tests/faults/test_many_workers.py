"""Many workers on one environment, ticks that come twice, and hints that come while their work is done."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection as database

from portal.tenants import wall
from sync import budget
from sync.models.connections import Connection
from sync.models.runs import Run, RunState
from sync.reading.due import due_streams
from sync.reading.turns import read_in_turn
from sync.tasks import read_due, read_next, sweep
from tests.faults import invariants
from tests.journeys.conftest import connect

pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True)]


def at_once(workers: int, work) -> None:
    def alone(_: int) -> None:
        try:
            work()
        finally:
            database.close()

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(alone, range(workers)))


@pytest.mark.postgresql
def test_eight_workers_of_one_environment_keep_its_budget(box, acme, monkeypatch):
    """U8, I9: with a minute that is 1.3 s long, no such minute sees more requests than the budget, and all is read.

    On a busy machine a request arrives up to 0.6 s after it may leave.
    """
    monkeypatch.setattr(budget, "COUNTED", 2.0)
    monkeypatch.setattr(budget, "USE_WITHIN", 0.1)
    with wall.tenant(acme):
        connection = connect(acme, box)
        Connection.objects.update(rate_per_minute=30)
    for _ in range(6):
        at_once(8, lambda: read_in_turn(3.0))
    at = sorted(entry.at for entry in box.journal.entries)
    assert max(sum(first <= other < first + 1.3 for other in at) for first in at) <= 30
    assert due_streams() == []
    with wall.tenant(acme):
        invariants.same_as(connection, box)
        assert not Run.objects.filter(state=RunState.RUNNING).exists()


@pytest.mark.postgresql
def test_two_beats_and_every_hint_eight_times_read_everything_once(box, acme, monkeypatch):
    """P6, B8: ticks and hints that come together claim each stream once; nothing is read twice for them."""
    told = []
    monkeypatch.setattr(read_next, "apply_async", lambda ids, **_: told.append(ids))
    with wall.tenant(acme):
        connection = connect(acme, box)
    at_once(2, read_due)
    at_once(2, sweep)
    assert len(told) == 8
    at_once(8, read_next)
    assert due_streams() == []
    with wall.tenant(acme):
        whole = Run.objects.filter(state=RunState.COMPLETE).values_list("stream", flat=True)
        assert sorted(whole) == sorted(set(whole))
        invariants.same_as(connection, box)

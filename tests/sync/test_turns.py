"""Workers that read by turns: nobody's backfill keeps another from being read, measured in requests at the vendor."""

from datetime import timedelta

import pytest

from portal.tenants import wall
from sync.connection_acts import By, remove
from sync.models.connections import Connection
from sync.models.runs import Run, Window
from sync.reading import reader, turns
from sync.reading.due import Due, due_streams
from sync.reading.runner import pull
from sync.reading.turns import read_in_turn, read_slice
from sync.sandbox.server import Sandbox
from sync.tasks import MOST_HINTS, hint_due, read_next
from sync.taxonomy import Stream
from tests.journeys.conftest import _generous, connect

__all__ = ["_generous"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def box():
    with Sandbox(days=3, calls_per_day=10, seed=3) as box:
        yield box


@pytest.fixture
def short(monkeypatch) -> None:
    """A slice gives way as soon as it may."""
    monkeypatch.setattr(reader, "SHORTEST", 0.0)


def far_back(connection: Connection, days: int) -> None:
    with wall.tenant(connection.tenant_id):
        Connection.objects.filter(pk=connection.pk).update(since=connection.since - timedelta(days=days))


def calls_read(connection: Connection) -> int:
    with wall.tenant(connection.tenant_id):
        return Window.objects.filter(environment_id=connection.environment_id, stream="calls").count()


def test_a_backfill_gives_way_to_whoever_waits(box, acme, globex, short):
    """Four connections of one tenant with weeks to read, and one of another with days: it is read whole while the
    others have read a few slices each, and then all of them are."""
    with wall.tenant(acme):
        large = [connect(acme, box, f"Branch {number}") for number in range(4)]
    for connection in large:
        far_back(connection, 20)
    with wall.tenant(globex):
        small = connect(globex, box)
    told: list[tuple[int, list[int]]] = []
    while due_streams() and len(told) < 1000:
        assert read_in_turn(0.001) > 0  # one look, and what it brings
        told.append((calls_read(small), [calls_read(connection) for connection in large]))
    assert due_streams() == []
    whole = calls_read(small)
    at_that_time = next(others for read, others in told if read == whole)
    assert max(at_that_time) < 8  # of more than twenty days
    assert min(told[-1][1]) > 20
    with wall.tenant(acme):
        slices = [Run.objects.filter(connection=row, stream="calls").count() for row in large]
    assert max(slices) - min(slices) <= 2  # none of them was favoured


def test_nobody_gives_way_to_nobody(box, acme, short):
    """A stream that waits alone is read in one slice, however long it is."""
    with wall.tenant(acme):
        connection = connect(acme, box)
        pull(connection, [Stream.AGENTS, Stream.CALLBACKS, Stream.CAMPAIGNS])
    assert read_in_turn(30.0) == 1
    with wall.tenant(acme):
        assert Run.objects.filter(stream="calls").count() == 1
    assert due_streams() == []


def test_who_is_removed_is_read_no_further(box, acme, ana, short, monkeypatch):
    """A slice under way ends when it looks next, though its session still knows the token."""
    with wall.tenant(acme):
        connection = connect(acme, box)
        pull(connection, [Stream.AGENTS, Stream.CALLBACKS, Stream.CAMPAIGNS])
    far_back(connection, 40)
    looks: list[int] = []

    def removed_at_the_first_look() -> list[Due]:
        if not looks:
            remove(connection, By(ana, None))
        looks.append(calls_read(connection))
        return []

    [due] = [due for due in due_streams() if due.stream == Stream.CALLS]
    monkeypatch.setattr(turns, "due_streams", removed_at_the_first_look)
    read_slice(due)
    assert calls_read(connection) < 30
    assert len(looks) == 1


def test_what_brings_nothing_is_not_tried_over_and_over(box, acme):
    """A vendor that fails every request costs one slice of each stream, and then other work goes on."""
    with wall.tenant(acme):
        connect(acme, box)
    box.set_faults("403")
    assert read_in_turn(30.0) == len(Stream)
    with wall.tenant(acme):
        assert Run.objects.count() == len(Stream)


def test_a_tick_wakes_some_workers_and_says_how_much_there_is(box, acme, monkeypatch):
    """Hints carry nothing: which stream is read is seen when a worker is free."""
    published = []
    monkeypatch.setattr(read_next, "apply_async", lambda ids, **options: published.append((ids, options["expires"])))
    with wall.tenant(acme):
        for number in range(5):
            connect(acme, box, f"Branch {number}")
    assert hint_due() == 20
    assert published == [((), 55)] * MOST_HINTS

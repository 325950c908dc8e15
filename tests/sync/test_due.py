"""What is to be read, over all tenants: found in few queries, and taken by turns."""

from collections import Counter
from datetime import timedelta

import pytest

from portal.tenants import wall
from portal.tenants.models.tenants import Environment, Tenant
from portal.work.clock import database_now
from sync import windows
from sync.history import today
from sync.leases import claim
from sync.models.connections import Connection
from sync.models.runs import Run, RunState, Window
from sync.reading.due import FRUITLESS, Due, due_streams
from sync.taxonomy import Stream
from tests.sync.conftest import make_connection

DAY = timedelta(days=1)
DAILY = (Stream.CALLS, Stream.CALLBACKS)


def add(tenant: Tenant, name: str, *, since=None, provider: str = "talkover", **fields) -> Connection:
    with wall.tenant(tenant):
        environment = Environment.objects.create(tenant=tenant, name=name, provider=provider)
        return make_connection(environment, since=since or today() - 3 * DAY, **fields)


def read_whole(connection: Connection, read_at=None) -> None:
    """The ledger of a Talkover connection of which everything was read a moment ago."""
    read_at = read_at or database_now()
    days = windows.days(connection.since, today())
    parts = [(stream, day.isoformat(), day) for stream in DAILY for day in days]
    parts += [(stream, "all", None) for stream in (Stream.AGENTS, Stream.CAMPAIGNS)]
    with wall.tenant(connection.tenant_id):
        Window.objects.bulk_create(
            Window(
                tenant_id=connection.tenant_id, environment_id=connection.environment_id, stream=stream, part=part,
                day=day, state="complete", read_at=read_at, next_attempt_at=windows.again(stream, day, read_at),
            )
            for stream, part, day in parts
        )  # fmt: skip


def take_turn(due: Due, *, whole: int = 1) -> None:
    """Read a stream as a worker does whose slice ends before the stream does."""
    with wall.tenant(due.tenant):
        run = claim(Connection.objects.get(pk=due.connection), Stream(due.stream))
        run.state, run.windows_complete, run.finished_at, run.lease_until = (
            RunState.PARTIAL,
            whole,
            run.started_at,
            None,
        )
        run.save()


def test_nothing_is_due_right_after_reading_and_each_part_by_itself(acme):
    connection = add(acme, "Sales")
    assert {due.stream for due in due_streams()} == set(Stream)
    read_whole(connection)
    assert due_streams() == []
    later = database_now() - timedelta(seconds=1)
    for stream in Stream:
        with wall.tenant(acme):
            row = Window.objects.filter(stream=stream).order_by("-day").first()
            kept, row.next_attempt_at = row.next_attempt_at, later
            row.save()
        assert due_streams() == [Due(acme.pk, connection.pk, stream)]
        with wall.tenant(acme):
            Window.objects.filter(pk=row.pk).update(next_attempt_at=kept)
    with wall.tenant(acme):
        Window.objects.filter(stream="calls", day=today() - 2 * DAY).delete()
    assert due_streams() == [Due(acme.pk, connection.pk, "calls")]


def test_days_before_the_history_are_nobodys_to_read(acme):
    """Raised again, the first day leaves nothing owed of the days before it; lowered, it owes what was never read."""
    connection = add(acme, "Sales", since=today() - 9 * DAY)
    read_whole(connection)
    with wall.tenant(acme):
        Window.objects.filter(day__lt=today() - 4 * DAY).update(state="incomplete", next_attempt_at=database_now())
    assert {due.stream for due in due_streams()} == set(DAILY)
    with wall.tenant(acme):
        Connection.objects.update(since=today() - 4 * DAY)
    assert due_streams() == []
    with wall.tenant(acme):
        Connection.objects.update(since=today() - 10 * DAY)
    assert {due.stream for due in due_streams()} == set(DAILY)


@pytest.mark.parametrize("fields", [{"state": "paused"}, {"state": "rejected"}])
def test_what_may_not_be_read_is_not_due(acme, globex, fields):
    add(acme, "Sales", **fields)
    closed = add(acme, "Closed")
    with wall.tenant(acme):
        Environment.objects.filter(pk=closed.environment_id).update(retired_at=database_now())
    add(globex, "Sales")
    Tenant.objects.filter(pk=globex.pk).update(active=False)
    assert due_streams() == []


def test_as_many_queries_for_many_as_for_one(acme, globex, django_assert_num_queries, on_postgresql):
    """The sweep of every minute looks at no connection by itself, and loads no ledger."""
    queries = 8 if on_postgresql else 6  # two of them for the time
    add(acme, "Sales")
    with django_assert_num_queries(queries):
        assert len(due_streams()) == 4
    for tenant in (acme, globex):
        for number in range(10):
            read_whole(add(tenant, f"More {number}", since=today() - 60 * DAY))
    with django_assert_num_queries(queries):
        assert len(due_streams()) == 4


def test_a_tenant_of_forty_connections_does_not_keep_one_of_a_single_connection_waiting(acme, globex):
    """Whoever is taken next: the small tenant has every second turn while it has anything to read, and then every one
    of the forty has its turn before any has its second."""
    many = [add(acme, f"Branch {number}") for number in range(40)]
    few = add(globex, "Only")
    served: list[Due] = []
    for _ in range(8):
        served.append(due_streams()[0])
        take_turn(served[-1])
    assert Counter(due.tenant for due in served) == {acme.pk: 4, globex.pk: 4}
    read_whole(few)
    for _ in range(160 - 4):
        served.append(due_streams()[0])
        take_turn(served[-1])
    assert len({due for due in served if due.tenant == acme.pk}) == 4 * len(many)


def test_workers_at_once_are_shared_between_tenants(acme, globex):
    """With four workers, two of them read for the tenant of a single connection."""
    for number in range(10):
        add(acme, f"Branch {number}")
    add(globex, "Only")
    for _ in range(4):
        first = due_streams()[0]
        with wall.tenant(first.tenant):
            claim(Connection.objects.get(pk=first.connection), Stream(first.stream))
    with wall.every_tenant("a test"):
        running = Run.objects.filter(state=RunState.RUNNING).values_list("tenant_id", flat=True)
        assert Counter(running) == {acme.pk: 2, globex.pk: 2}


def test_who_waited_longest_is_first_and_a_fruitless_turn_takes_nobodys_place(acme):
    connections = [add(acme, name) for name in ("A", "B")]
    for _ in range(8):
        take_turn(due_streams()[0])
    order = due_streams()
    assert order[0].connection == connections[0].pk
    take_turn(order[0], whole=0)
    assert order[0] not in due_streams()
    with wall.tenant(acme):
        Run.objects.update(started_at=database_now() - FRUITLESS - timedelta(seconds=1))
    assert order[0] in due_streams()


def test_a_turn_that_was_cut_short_is_none_and_one_that_killed_its_process_is(acme):
    """Who was told to end would have read on; who died may have died of what it read."""
    connection = add(acme, "Sales")
    calls = Due(acme.pk, connection.pk, "calls")
    take_turn(calls, whole=0)
    with wall.tenant(acme):
        run = Run.objects.get()
        Run.objects.update(state=RunState.INTERRUPTED)
    assert calls in due_streams()
    with wall.tenant(acme):
        Run.objects.update(fence=run.fence + 1)  # by whoever found it dead
    assert calls not in due_streams()
    with wall.tenant(acme):
        Run.objects.update(started_at=run.started_at - FRUITLESS)
    assert calls in due_streams()

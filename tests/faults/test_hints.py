"""Messages that are lost, late or doubled, and connections that can't be read."""

from datetime import timedelta

import pytest
from django.db import connection as database

from portal.tenants import wall
from portal.work.clock import database_now
from sync.models.connections import Connection
from sync.models.runs import Run
from sync.reading.due import due_streams
from sync.reading.runner import SLICE, pull
from sync.reading.sweep import forget_old_runs, recheck, sweep
from sync.rerun import request_run
from sync.tasks import pull_stream
from sync.taxonomy import Fault, Stream
from tests.faults import invariants
from tests.journeys.conftest import connect, connect_originsai

pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True)]


def deliver(due):
    for tenant_id, connection_id, stream in due:
        pull_stream(tenant_id, connection_id, stream)


def test_everything_is_found_again_when_all_hints_are_lost(box, acme, globex):
    """B1, B2: what is due stands in rows, for every tenant; reading it leaves nothing due."""
    for tenant in (acme, globex):
        with wall.tenant(tenant):
            connection = connect(tenant, box)
    first = due_streams()
    assert len(first) == 8
    assert due_streams() == first  # the hints were lost
    assert {type(part) for hint in first for part in hint} == {int, str}  # ids only
    deliver(first)
    assert due_streams() == []
    with wall.tenant(globex):
        invariants.same_as(connection, box)


def test_a_hint_that_comes_twice_or_late_does_nothing_twice(box, acme):
    """B1: no request, no run, no write for what was read meanwhile."""
    with wall.tenant(acme):
        connect(acme, box)
    hints = due_streams()
    deliver(hints)
    with wall.tenant(acme):
        runs, asked = Run.objects.count(), len(box.journal.entries)
        deliver([*hints, *hints])
        assert (Run.objects.count(), len(box.journal.entries)) == (runs, asked)


def test_a_person_may_press_twice(box, acme):
    """O7: "read again" pressed twice is one reading; paused, it is none until resumed."""
    with wall.tenant(acme):
        connection = connect(acme, box)
        pull(connection)
        assert due_streams() == []
        Connection.objects.update(state="paused")
        request_run(connection)
        request_run(connection)
        assert due_streams() == []
        runs = Run.objects.count()
        deliver([(acme.pk, connection.pk, "calls")])
        assert Run.objects.count() == runs
        Connection.objects.update(state="ok")
        hints = due_streams()
        assert len(hints) == 4
        deliver([*hints, *hints])
        assert Run.objects.count() == runs + 4
        invariants.same_as(connection, box)


def test_one_connection_that_cannot_be_read_hides_no_other(box, acme, globex):
    """A token under a lost key, settings that can't serve and an unknown vendor end in words, and the others go on."""
    with wall.tenant(acme):
        lost, odd, strange = connect(acme, box, "Lost"), connect_originsai(acme, box), connect(acme, box, "Strange")
        Connection.objects.filter(pk=odd.pk).update(settings={"agents": "nonsense"})
        Connection.objects.filter(pk=strange.pk).update(provider="nobody")
        with database.cursor() as cursor:
            cursor.execute("UPDATE sync_connection SET token = %s WHERE id = %s", ["gAAAAnonsense", lost.pk])
    with wall.tenant(globex):
        connect(globex, box)
    asked = len(box.journal.entries)
    due = due_streams()
    assert {key for tenant, key, _ in due if tenant == globex.pk}
    deliver([hint for hint in due if hint[0] == acme.pk])
    assert len(box.journal.entries) == asked
    with wall.tenant(acme):
        rows = dict(Connection.objects.values_list("pk", "state"))
        assert rows[lost.pk] == "ok"  # it is this installation that lacks the key
        told = pull(Connection.objects.defer("token").select_related("tenant").get(pk=odd.pk), [Stream.CALLS])
        assert (told.status, told.streams[Stream.CALLS].fault) == ("failed", Fault.REFUSED)
        Connection.objects.update(next_check_at=None)
        recheck()
        assert Connection.objects.values_list("state", flat=True).get(pk=lost.pk) == "ok"


def test_a_rejected_token_is_tried_again_and_let_in(box, acme, acme_wall):
    """Every quarter of an hour, one request; when the vendor accepts it again, reading goes on by itself."""
    connection = connect(acme, box)
    box.set_faults("401")
    pull(connection, [Stream.AGENTS])
    assert due_streams() == []
    asked = len(box.journal.entries)
    recheck()
    assert len(box.journal.entries) == asked  # not yet
    Connection.objects.update(next_check_at=database_now() - timedelta(seconds=1))
    recheck()
    recheck()
    assert len(box.journal.entries) == asked + 1
    assert Connection.objects.values_list("state", flat=True).get() == "rejected"
    box.set_faults()
    Connection.objects.update(next_check_at=database_now() - timedelta(seconds=1))
    recheck()
    assert Connection.objects.values_list("state", flat=True).get() == "ok"
    assert due_streams()


def test_an_agent_that_is_taken_out_of_the_settings_leaves_no_gap(box, acme, acme_wall):
    """Its calls stay; its window and its gap would otherwise stand for ever."""
    connection = connect_originsai(acme, box)
    first, *others = box.originsai_agents
    box.set_faults(f"500@path=/agents/{first}/call_stats")
    assert pull(connection, [Stream.CALLS]).status == "partial"
    kept = {key: value for key, value in connection.settings.items() if key != "agents"}
    Connection.objects.update(
        settings=kept | {"agents": ",".join(f"{one}:{box.originsai_agents[one]}" for one in others)}
    )
    connection.refresh_from_db()
    assert pull(connection, [Stream.CALLS]).status == "complete"
    assert due_streams() == [] or all(stream != "calls" for _, _, stream in due_streams())
    invariants.hold(connection)


def test_old_runs_are_forgotten_and_only_those(box, acme, acme_wall):
    """The ledger of runs does not grow for ever; windows and calls stay."""
    connection = connect(acme, box)
    pull(connection, [Stream.AGENTS, Stream.CALLS])
    old = Run.objects.get(stream=Stream.AGENTS)
    Run.objects.filter(pk=old.pk).update(finished_at=database_now() - timedelta(days=91))
    assert (forget_old_runs(), forget_old_runs(), sweep()) == (1, 0, 0)
    assert Run.objects.get().stream == Stream.CALLS
    invariants.same_as(connection, box)


def test_a_busy_stream_does_not_cost_the_others_their_report(box, acme, acme_wall):
    """One stream is being read elsewhere: it is partial, the rest is read and told."""
    connection = connect(acme, box)
    now = database_now()
    Run.objects.create(
        tenant=acme, environment=connection.environment, connection=connection, stream=Stream.CALLS,
        owner="elsewhere:1:1", lease_until=now + timedelta(minutes=2), started_at=now,
    )  # fmt: skip
    told = pull(connection, manner=SLICE)
    assert told.status == "partial"
    assert {str(stream): report.status for stream, report in told.streams.items()} == {
        "agents": "complete", "calls": "partial", "callbacks": "complete", "campaigns": "complete",
    }  # fmt: skip

"""Clocks that were ahead and are set back, and hosts whose clocks differ: C4, C5 and the clock three days ahead."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import call_command
from django.db import connection as database
from django.utils import timezone

from portal.tenants import wall
from portal.work.clock import AHEAD, database_now
from sync.budget import COUNTED, Allowance
from sync.leases import Busy, claim
from sync.models.calls import Call, Payload
from sync.models.connections import Connection, RequestGrant
from sync.models.runs import Gap, Run, RunState, Window
from sync.reading.ahead import put_right
from sync.reading.due import due_streams
from sync.reading.pacing import Pace
from sync.reading.runner import SLICE, pull
from sync.reading.sweep import recheck, sweep
from sync.tasks import read_due
from sync.taxonomy import Fault, Stream
from tests.faults import invariants
from tests.journeys.conftest import connect, connect_originsai, mirrored

pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True)]

THREE_DAYS = timedelta(days=3)


def read_ahead(connection: Connection) -> None:
    """Leave the rows of a reading by a clock three days ahead: on SQLite with such a clock, else written so.

    Among them windows of three days that have not begun, all of them called whole.
    """
    if database.vendor == "sqlite":
        with time_machine.travel(datetime.now(UTC) + THREE_DAYS):
            assert pull(connection).status == "complete"
        return
    assert pull(connection).status == "complete"
    for row in (*Window.objects.all(), *Call.objects.all()):
        row.read_at += THREE_DAYS
        row.save(update_fields=["read_at"])
    for row in Window.objects.exclude(next_attempt_at=None):
        row.next_attempt_at += THREE_DAYS
        row.save(update_fields=["next_attempt_at"])
    today = database_now().astimezone(UTC).date()
    for ahead in (1, 2, 3):
        day = today + timedelta(days=ahead)
        Window.objects.create(
            tenant_id=connection.tenant_id, environment_id=connection.environment_id, stream=Stream.CALLS,
            part=day.isoformat(), day=day, state="complete", read_at=database_now() + THREE_DAYS, mirrored=0,
        )  # fmt: skip
    RequestGrant.objects.update(at=(database_now() + THREE_DAYS).timestamp())


@pytest.mark.parametrize("connected", [connect, connect_originsai])
def test_a_clock_three_days_ahead_and_back_costs_each_window_one_reading(box, acme, acme_wall, caplog, connected):
    """Nothing read in the future is called whole; it is a gap, in words, until it was read once more, and no longer."""
    connection = connected(acme, box)
    read_ahead(connection)
    first = len(box.journal.entries)
    today = database_now().astimezone(UTC).date()

    with wall.every_tenant("a test"):
        assert put_right() > 0
        assert put_right() == 0
    assert "the clock was ahead" in caplog.text
    assert not Window.objects.filter(read_at__gt=database_now()).exists()
    assert not Window.objects.filter(day__gt=today).exists()
    assert not Window.objects.filter(state="complete").exists()
    assert set(Gap.objects.filter(closed_at=None).values_list("fault", flat=True)) == {Fault.CLOCK}
    invariants.completeness_is_honest(connection)

    due = due_streams()
    assert {stream for _, _, stream in due} == {str(stream) for stream in pull_streams(connection)}
    assert pull(connection, manner=SLICE).status == "complete"
    assert due_streams() == []
    assert len(box.journal.entries) <= 2 * first
    assert not Gap.objects.filter(closed_at=None).exists()
    invariants.hold(connection)


def pull_streams(connection: Connection) -> set[Stream]:
    return {Stream(stream) for stream in Window.objects.values_list("stream", flat=True)}


def test_a_person_is_told(box, acme, acme_wall):
    """The foreground pull says so itself, and puts it right whatever the workers do."""
    connection = connect(acme, box)
    read_ahead(connection)
    count = Window.objects.filter(read_at__gt=database_now() + AHEAD).count()
    said = StringIO()
    call_command("pull", environment=connection.environment.public_id, stderr=said)
    assert said.getvalue() == f"The clock was ahead: {count} windows were read in the future and are read again.\n"
    assert not Window.objects.exclude(state="complete").exists()


def test_a_call_that_changed_is_taken_over_from_a_reading_of_the_future(box, acme, acme_wall):
    """I3: what a clock ahead noted as read later is not the newer version for three days."""
    connection = connect(acme, box)
    read_ahead(connection)
    key = next(iter(mirrored(connection)))
    box.world.change(key, duration=4321)
    put_right(connection)
    assert pull(connection, [Stream.CALLS]).status == "complete"
    assert Call.objects.get(external_id=key).duration_ms == 4_321_000
    assert '"duration":4321' in Payload.objects.get(call__external_id=key).raw.replace(" ", "")


def test_the_budget_of_a_clock_ahead_holds_nobody_up_and_is_not_exceeded(box, acme, acme_wall):
    """Grants of the future count from now on: a minute's pause at most, and never twice the budget."""
    connection = connect(acme, box)
    Connection.objects.update(rate_per_minute=3)
    connection.refresh_from_db()
    RequestGrant.objects.all().delete()
    allowance = Allowance(connection)
    assert [allowance.take() for _ in range(3)] == [0.0] * 3
    RequestGrant.objects.update(at=(database_now() + THREE_DAYS).timestamp())
    assert 0 < Allowance(connection).take() <= COUNTED
    assert 0 < Allowance(connection).take() <= COUNTED  # still counted
    RequestGrant.objects.update(at=(database_now() - timedelta(seconds=COUNTED)).timestamp())
    assert Allowance(connection).take() == 0.0


def test_a_pause_from_a_clock_ahead_is_over(box, acme, acme_wall):
    """The vendor's wish is an hour at most, so one that ends in three days binds nobody, and a new one stands."""
    connection = connect(acme, box)
    Connection.objects.update(blocked_until=database_now() + THREE_DAYS)
    connection.refresh_from_db()
    assert Allowance(connection).take() == 0.0
    assert due_streams()
    Pace(connection, patience=5).throttled(30.0)
    connection.refresh_from_db()
    assert timedelta(seconds=25) < connection.blocked_until - database_now() <= timedelta(seconds=30)
    assert due_streams() == []
    Connection.objects.update(blocked_until=database_now() + THREE_DAYS)
    with wall.every_tenant("a test"):
        put_right()
    assert Connection.objects.get().blocked_until is None


def test_a_lease_from_a_clock_ahead_is_nobodys(box, acme, acme_wall):
    """C4: an hour ahead and back: the run is ended, its stream read at once, and its late holder writes nothing."""
    connection = connect(acme, box)
    run = claim(connection, Stream.CALLS)
    Run.objects.filter(pk=run.pk).update(
        lease_until=database_now() + timedelta(hours=1),
        owner="elsewhere:1:1",
        started_at=database_now() - timedelta(hours=1),
    )
    assert "calls" in {stream for _, _, stream in due_streams()}
    assert sweep() == 1
    Run.objects.filter(pk=run.pk).update(
        state=RunState.RUNNING, lease_until=database_now() + timedelta(hours=1), finished_at=None
    )
    assert claim(connection, Stream.CALLS).pk != run.pk
    invariants.nothing_stuck(connection)


def test_a_rejected_token_is_tried_again_whatever_a_clock_ahead_noted(box, acme, acme_wall):
    """Every quarter of an hour, not in three days."""
    connect(acme, box)
    asked_before = len(box.journal.entries)
    Connection.objects.update(state="rejected", next_check_at=database_now() + THREE_DAYS)
    recheck()
    assert len(box.journal.entries) == asked_before + 1
    assert Connection.objects.get().state == "ok"


@pytest.mark.postgresql
def test_a_host_whose_clock_differs_claims_by_the_databases(box, acme, acme_wall):
    """C5: two hosts, two minutes and more apart, and one lease: the database's clock decides for both."""
    connection = connect(acme, box)
    with time_machine.travel(timezone.now() + timedelta(minutes=10)):
        run = claim(connection, Stream.CALLS)
    assert timedelta(seconds=100) < run.lease_until - database_now() <= timedelta(seconds=120)
    for shift in (-10, 0, 2, 10):
        with time_machine.travel(timezone.now() + timedelta(minutes=shift)), pytest.raises(Busy):
            claim(connection, Stream.CALLS)


def test_the_tick_puts_right_before_it_looks_what_is_due(box, acme, monkeypatch):
    """Whoever runs the workers need do nothing."""
    hinted = []
    monkeypatch.setattr("sync.tasks.read_next.apply_async", lambda ids, **_: hinted.append(ids))
    with wall.tenant(acme):
        connection = connect(acme, box)
        read_ahead(connection)
        assert "calls" not in {stream for _, _, stream in due_streams()} or database.vendor == "postgresql"
    read_due()
    assert len(hinted) == len(due_streams()) == len(Stream)

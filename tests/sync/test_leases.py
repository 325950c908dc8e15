"""One process reads a stream at a time; a late one writes nothing."""

import socket
import subprocess
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from portal.lib.processes import born, is_gone, owner
from sync.leases import Busy, LostLease, claim, hold
from sync.mirror import Closing, Mirror
from sync.models.calls import Call
from sync.models.connections import Connection
from sync.models.runs import Run, RunState, Window
from sync.providers.base import Part
from sync.reading.due import due_streams
from sync.reading.sweep import sweep
from sync.taxonomy import Fault, Stream
from tests.factories import TIME_ZERO
from tests.sync.conftest import make_connection
from tests.sync.mirror.test_calls import record


@pytest.fixture
def connection(behind_acme, sales) -> Connection:
    return make_connection(sales)


def dead_owner() -> str:
    """A process of this host that has ended."""
    with subprocess.Popen(["sleep", "60"]) as process:
        name = f"{socket.gethostname()}:{process.pid}:{born(process.pid)}"
        assert not is_gone(name)
        process.kill()
    return name


def test_a_stream_is_read_by_one_process(connection):
    claim(connection, Stream.CALLS)
    with pytest.raises(Busy):
        claim(connection, Stream.CALLS)
    claim(connection, Stream.AGENTS)
    assert Run.objects.filter(state=RunState.RUNNING).count() == 2


def test_a_lease_that_ran_out_is_taken_over(connection):
    first = claim(connection, Stream.CALLS)
    Run.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    second = claim(connection, Stream.CALLS)
    first.refresh_from_db()
    assert (first.state, first.fault) == (RunState.PARTIAL, Fault.LOST_LEASE)
    assert second.state == RunState.RUNNING


def test_the_lease_of_a_process_that_ended_is_not_waited_for(connection):
    claim(connection, Stream.CALLS)
    gone = dead_owner()
    assert is_gone(gone)
    assert not is_gone(owner())
    assert not is_gone("elsewhere:1:1")
    Run.objects.update(owner=gone)
    second = claim(connection, Stream.CALLS)
    first = Run.objects.exclude(pk=second.pk).get()
    assert (first.state, first.fault) == (RunState.INTERRUPTED, "")


def test_a_process_that_was_thought_dead_writes_nothing(connection):
    late = claim(connection, Stream.CALLS)
    stale = Run.objects.get(pk=late.pk)
    Run.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    claim(connection, Stream.CALLS)
    day = TIME_ZERO.date()
    closing = Closing(Part(Stream.CALLS, day.isoformat(), day), TIME_ZERO, readable=1)
    with pytest.raises(LostLease), transaction.atomic():
        Mirror(stale, connection, "UTC").write([(record(), TIME_ZERO)], [closing])
    with pytest.raises(LostLease):
        hold(stale)
    assert not Call.objects.exists()
    assert not Window.objects.exists()


def test_the_sweeper_ends_dead_runs_and_only_those(connection):
    claim(connection, Stream.AGENTS)
    claim(connection, Stream.CALLS)
    Run.objects.filter(stream=Stream.CALLS).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert sweep() == 1
    assert sweep() == 0
    assert Run.objects.get(state=RunState.RUNNING).stream == Stream.AGENTS


def test_what_is_being_read_is_not_due(connection):
    everything = {stream for _, _, stream in due_streams()}
    assert everything == set(Stream)
    claim(connection, Stream.CALLS)
    assert {stream for _, _, stream in due_streams()} == everything - {Stream.CALLS}


@pytest.mark.parametrize("change", [{"state": "paused"}, {"blocked_until": timezone.now() + timedelta(hours=1)}])
def test_a_paused_or_blocked_connection_is_left_alone(connection, change):
    Connection.objects.update(**change)
    assert due_streams() == []

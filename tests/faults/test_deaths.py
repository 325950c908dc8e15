"""Processes that die, sleep, or are taken for dead."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db.models import F

from portal.lib.processes import host
from portal.tenants import wall
from portal.work.clock import database_now
from sync.mirror import Mirror
from sync.models.calls import Call
from sync.models.connections import Connection, DayFilter
from sync.models.runs import Run, RunState, Window
from sync.reading import reader, runner
from sync.reading.runner import SLICE, pull
from sync.reading.sweep import sweep
from sync.reading.turns import read_in_turn
from sync.sandbox.server import Sandbox
from sync.taxonomy import Fault, Stream
from tests.faults import invariants
from tests.journeys.conftest import connect, mirrored, served, since

pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True)]

ROOT = Path(__file__).resolve().parents[2]


class Killed(BaseException):
    """Nothing may catch it, as nothing catches SIGKILL."""


def before_windows(monkeypatch, strikes):
    kept = Mirror._close

    def close(self, *args):
        strikes()
        return kept(self, *args)

    monkeypatch.setattr(Mirror, "_close", close)


def before_commit(monkeypatch, strikes):
    from_ = sys.modules["sync.mirror.write"]
    kept = from_.hold

    def hold(*args, **kwargs):
        kept(*args, **kwargs)
        strikes()

    monkeypatch.setattr(from_, "hold", hold)


def after_commit(monkeypatch, strikes):
    kept = Mirror.write

    def write(self, *args, **kwargs):
        kept(self, *args, **kwargs)
        strikes()

    monkeypatch.setattr(Mirror, "write", write)


@pytest.mark.parametrize("point", [before_windows, before_commit, after_commit])
@pytest.mark.parametrize("turn", [1, 2])
def test_a_death_between_rows_and_their_window_leaves_both_or_neither(box, acme, acme_wall, monkeypatch, point, turn):
    """D10: wherever the process dies, no window is whole without its rows, and the next run ends with all of it."""
    connection = connect(acme, box)
    monkeypatch.setattr("sync.reading.reader.BATCH", 300)
    turns = [turn]

    def strikes():
        turns[0] -= 1
        if turns[0] == 0:
            raise Killed

    with monkeypatch.context() as patched:
        point(patched, strikes)
        # The dying process notes nothing of its end.
        patched.setattr("sync.reading.runner._end", lambda reader, state: None)
        with pytest.raises(Killed):
            pull(connection, [Stream.CALLS])
    invariants.no_doubles(connection)
    invariants.completeness_is_honest(connection)
    invariants.nothing_dangles(connection)
    Run.objects.update(lease_until=database_now() - timedelta(seconds=1))
    assert sweep() == 1
    assert pull(connection, [Stream.CALLS]).status == "complete"
    invariants.same_as(connection, box)


def test_a_reader_that_slept_past_its_lease_writes_nothing_more(box, acme, acme_wall, monkeypatch):
    """P7: another took over meanwhile; the sleeper's fence stops it, and the mirror is the other's."""
    connection = connect(acme, box)
    monkeypatch.setattr("sync.reading.reader.BATCH", 100)
    other = []

    def sleep_long(*_):
        if not other:
            Run.objects.update(lease_until=database_now() - timedelta(seconds=1))
            other.append(None)
            other.append(pull(connection, [Stream.CALLS], since=since(box)))

    first = pull(connection, [Stream.CALLS], progress=sleep_long).streams[Stream.CALLS]
    assert (first.status, first.fault) == ("partial", Fault.LOST_LEASE)
    assert other[1].status == "complete"
    assert sorted(Run.objects.values_list("state", flat=True)) == [RunState.COMPLETE, RunState.PARTIAL]
    invariants.same_as(connection, box)


@pytest.mark.postgresql
def test_a_reader_that_dies_while_a_batch_is_under_way_leaves_that_batch_whole(box, acme, acme_wall, monkeypatch):
    """The thread that writes is waited for: what it began is there with its windows, or nothing of it is."""
    connection = connect(acme, box)
    monkeypatch.setattr("sync.reading.reader.BATCH", 100)
    begun, dying, ended = threading.Event(), threading.Event(), []
    kept = Mirror.write

    def write(self, *args, **kwargs):
        beside = threading.current_thread() is not threading.main_thread()
        if beside:
            begun.set()
            assert dying.wait(30)
        kept(self, *args, **kwargs)
        ended.append(beside)

    def die(*_):
        if begun.is_set():
            dying.set()
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Mirror, "write", write)
        patched.setattr("sync.reading.runner._end", lambda reader, state: None)
        with pytest.raises(Killed):
            pull(connection, [Stream.CALLS], progress=die)
    assert ended[-1] is True
    assert Call.objects.count() >= 100
    invariants.no_doubles(connection)
    invariants.completeness_is_honest(connection)
    invariants.nothing_dangles(connection)
    Run.objects.update(lease_until=database_now() - timedelta(seconds=1))
    assert sweep() == 1
    assert pull(connection, [Stream.CALLS]).status == "complete"
    invariants.same_as(connection, box)


@pytest.mark.postgresql
def test_a_window_is_judged_by_all_that_was_read_before_it(box, acme, acme_wall, monkeypatch):
    """What the mirror holds is asked for only when no batch is under way: else a call in it would pass for vanished."""
    connection = connect(acme, box)
    Connection.objects.update(day_filter=DayFilter.WIDE)
    connection.refresh_from_db()
    monkeypatch.setattr("sync.reading.reader.BATCH", 100)
    under_way, beside, asked = [], [], []
    kept_write, kept_held = Mirror.write, reader.held_ids

    def write(self, *args, **kwargs):
        under_way.append(None)
        beside.append(threading.current_thread() is not threading.main_thread())
        time.sleep(0.02)
        try:
            return kept_write(self, *args, **kwargs)
        finally:
            under_way.pop()

    def held_ids(*args):
        assert not under_way
        asked.append(None)
        return kept_held(*args)

    monkeypatch.setattr(Mirror, "write", write)
    monkeypatch.setattr(reader, "held_ids", held_ids)
    assert pull(connection, [Stream.CALLS]).status == "complete"
    assert asked
    assert any(beside)
    invariants.same_as(connection, box)


def test_a_window_that_kills_whoever_reads_it_is_begun_a_few_times_and_the_rest_goes_on(
    box, acme, globex, monkeypatch, caplog
):
    """P3: five starts in a hundred minutes, ever more rarely, each told; all other windows, streams and tenants are
    read, and the day is never called whole. Once it harms nobody any more it is read like any other."""
    with wall.tenant(acme):
        connection = connect(acme, box)
    with wall.tenant(globex):
        beside = connect(globex, box)
    poison, starts = (box.now - timedelta(days=3)).date(), []
    apply, end = reader.StreamReader._apply, runner._end

    def die(self, event):
        if (self.connection.pk, self.stream, event.reading.part.day) == (connection.pk, Stream.CALLS, poison):
            raise Killed
        apply(self, event)

    with monkeypatch.context() as patched:
        patched.setattr(reader.StreamReader, "_apply", die)
        # The dying process notes nothing of its end.
        patched.setattr(runner, "_end", lambda reader, state: state == RunState.FAILED or end(reader, state))
        for minute in range(100):
            try:
                read_in_turn(10.0)
            except Killed:
                starts.append(minute)
            with wall.every_tenant("a minute goes by, and whoever died is gone"):
                Run.objects.filter(state=RunState.RUNNING).update(owner=f"{host()}:1:0")
                sweep()
                Run.objects.update(started_at=F("started_at") - timedelta(minutes=1))
    assert starts == [0, 1, 5, 20, 79]
    assert caplog.text.count(f"read calls of connection {connection.public_id} died") == 5
    with wall.tenant(globex):
        invariants.same_as(beside, box)
    with wall.tenant(acme):
        gone = {call["id"] for call in box.world.calls_of_day(poison)}
        assert set(mirrored(connection)) == set(served(box)) - gone
        assert not Window.objects.filter(stream=Stream.CALLS, day=poison).exists()
        assert not Window.objects.exclude(state="complete").exists()
        assert set(Window.objects.values_list("stream", flat=True)) == set(Stream)
        Run.objects.update(started_at=F("started_at") - timedelta(hours=1))
    assert read_in_turn(10.0) == 1
    with wall.tenant(acme):
        invariants.same_as(connection, box)


def test_a_slice_that_reaches_its_limit_of_time_gives_its_stream_back(box, acme, acme_wall):
    """P5: what came in stays, the run has ended as failed, nobody holds the stream, and the next one ends it."""
    connection = connect(acme, box)

    def run_out(stream, done, planned, seen):
        if done == 3:
            raise SoftTimeLimitExceeded

    with pytest.raises(SoftTimeLimitExceeded):
        pull(connection, [Stream.CALLS], progress=run_out)
    run = Run.objects.get()
    assert (run.state, run.lease_until, run.finished_at is not None) == (RunState.FAILED, None, True)
    invariants.no_doubles(connection)
    invariants.completeness_is_honest(connection)
    assert pull(connection, [Stream.CALLS], manner=replace(SLICE, fresh=True)).status == "complete"
    invariants.same_as(connection, box)


# --- real processes, real signals ---

# The command with batches so small that the killed process has one under way.
SMALL_BATCHES = """
import os, sys, django
os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
django.setup()
from django.core.management import execute_from_command_line
from sync.reading import reader
reader.BATCH = 150
execute_from_command_line(["manage.py", *sys.argv[1:]])
"""


@pytest.mark.slow
def test_a_pull_killed_at_any_moment_and_begun_again_ends_in_the_same_mirror(scratch, tmp_path):
    """P1: SIGKILL in mid-walk, four times, then once to the end: every call as upstream has it, none twice."""
    url, rows = scratch
    with Sandbox(days=8, calls_per_day=500, seed=7) as box:
        box.set_faults("latency=0.05", "500=0.03")
        env = os.environ | {
            "DATABASE_URL": url,
            "DATA_DIR": str(tmp_path),
            "UPSTREAM_ALLOW_PRIVATE": "true",
            "UPSTREAM_RATE_PER_MINUTE": "1000000",
        }

        def manage(*arguments, **options):
            command = [sys.executable, "-c", SMALL_BATCHES, *arguments]
            return subprocess.Popen(command, env=env, cwd=ROOT, text=True, **options)

        def answer(*arguments, told=""):
            process = manage(*arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            out, err = process.communicate(told, timeout=120)
            assert process.returncode == 0, err
            return out

        answer("add_tenant", "acme", "--name", "Acme")
        added = answer(
            "add_connection", "--tenant", "acme", "--environment", "Sales", "--provider", "talkover",
            "--base-url", box.talkover_url, "--since", since(box).isoformat(), told=box.talkover_token,
        )  # fmt: skip
        environment = json.loads(added.splitlines()[-1])["environment"]
        reading = ("pull", "--environment", environment, "--stream", "calls", "--json")
        chance = random.Random(7)
        for _ in range(4):
            seen = len(box.journal.entries)
            process = manage(*reading, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            wanted = seen + chance.randrange(4, 30)
            while process.poll() is None and len(box.journal.entries) < wanted:
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
            process.wait()
            doubles = "SELECT external_id FROM sync_call GROUP BY external_id HAVING count(*) > 1"
            assert rows(doubles) == []
        told = json.loads(answer(*reading).splitlines()[-1])
        assert told["status"] == "complete"
        ours = "SELECT c.external_id, p.raw FROM sync_call c JOIN sync_payload p ON p.call_id = c.id"
        assert {key: json.loads(raw) for key, raw in rows(ours)} == served(box)
        assert rows("SELECT count(*) FROM sync_run WHERE state = 'running'") == [(0,)]
        assert rows("SELECT part FROM sync_window WHERE state <> 'complete'") == []

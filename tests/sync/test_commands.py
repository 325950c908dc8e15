"""The commands of sync, as scripts use them: status 0, 2 or 3, one JSON line, one sentence."""

import io
import json
import os
import signal
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command

from portal.tenants import wall
from portal.vault import mark, new_key
from sync.connections import reject
from sync.management.commands.pull import Command as PullCommand
from sync.models.connections import Connection, ConnectionState
from sync.models.runs import Run, RunState, Window
from sync.providers.talkover.client import Talkover
from sync.reading.sweep import recheck
from sync.sandbox.server import Sandbox
from sync.tasks import pull_stream
from tests.journeys.conftest import _generous, connect, connect_originsai, since

__all__ = ["_generous"]

pytestmark = pytest.mark.django_db(transaction=True)

KEYS = {"status", "seen", "new", "changed", "quarantined", "windows_complete", "windows_incomplete", "requests"}


@pytest.fixture
def box():
    with Sandbox(days=4, calls_per_day=40, seed=3) as box:
        yield box


@pytest.fixture
def environment(acme, box):
    with wall.tenant(acme):
        return connect(acme, box).environment.public_id


@pytest.fixture
def run(capsys):
    """Runs a command; returns its status, its last line on stdout as JSON, and stderr."""

    def run(name, **options):
        status = 0
        capsys.readouterr()
        try:
            call_command(name, json=True, **options)
        except SystemExit as ended:
            status = ended.code
        out, err = capsys.readouterr()
        return status, json.loads(out.splitlines()[-1]), err

    return run


def test_a_pull_tells_what_it_read(run, environment, box):
    status, told, _ = run("pull", environment=environment)
    assert status == 0
    assert told["status"] == "complete"
    assert set(told["streams"]) == {"agents", "calls", "callbacks", "campaigns"}
    assert all(set(stream) == KEYS for stream in told["streams"].values())
    assert told["streams"]["calls"]["new"] == len(box.world.calls)


def test_a_pull_of_one_stream_and_some_days(run, environment, box):
    day = (box.now - timedelta(days=2)).date()
    status, told, _ = run("pull", environment=environment, stream=["calls"], since=day, until=day)
    assert status == 0
    assert set(told["streams"]) == {"calls"}
    assert told["streams"]["calls"]["windows_complete"] == 1
    assert told["streams"]["calls"]["seen"] == len(box.world.calls_of_day(day))


def test_a_pull_of_older_days_reads_those_days_and_changes_nothing_else(run, acme, environment, box):
    with wall.tenant(acme):
        first = Connection.objects.get().since
    day = first - timedelta(days=40)
    status, told, _ = run("pull", environment=environment, stream=["calls"], since=day, until=day)
    assert (status, told["streams"]["calls"]["windows_complete"]) == (0, 1)
    asked = {entry.params.get("date_from") for entry in box.journal.entries if entry.path.endswith("/calls")}
    assert max(asked) == day.isoformat()  # and perhaps the day before it, while the vendor's days are not known yet
    run("pull", environment=environment, stream=["calls"])
    with wall.tenant(acme):
        assert Connection.objects.get().since == first
        days = set(Window.objects.filter(stream="calls").values_list("day", flat=True))
    assert min(days - {day}) == first


def test_a_pull_that_is_not_complete_ends_with_three(run, environment, box, monkeypatch):
    monkeypatch.setattr("sync.reading.reader.backoff", lambda tries: 0.01)
    day = (box.now - timedelta(days=2)).date()
    box.set_faults(f"500@day={day},path=/calls")
    status, told, _ = run("pull", environment=environment, stream=["calls"])
    assert (status, told["status"]) == (3, "partial")
    assert told["streams"]["calls"]["windows_incomplete"] == 1
    box.set_faults("401")
    status, told, _ = run("pull", environment=environment)
    assert (status, told["status"]) == (3, "failed")


def test_reconcile_tells_the_days_that_differ(run, environment, box):
    run("pull", environment=environment, stream=["calls"])
    status, told, _ = run("reconcile", environment=environment)
    assert (status, told["status"], told["days"]) == (0, "equal", [])
    day = (box.now - timedelta(days=2)).date()
    box.world.insert(created_at=f"{day}T12:00:00Z")
    count = len(box.world.calls_of_day(day))
    status, told, _ = run("reconcile", environment=environment, since=day, until=day)
    assert (status, told["status"]) == (3, "different")
    assert told["days"] == [{"day": day.isoformat(), "ours": count - 1, "theirs": count}]


def test_reconcile_never_calls_equal_what_was_not_compared(run, acme, environment, box):
    box.set_faults("403")
    status, told, err = run("reconcile", environment=environment)
    assert (status, told["status"], told["days"], told["compared"]) == (3, "unknown", [], 0)
    assert "does not let this token read" in err
    assert told["error"] == err.strip()
    box.set_faults()
    with wall.tenant(acme):
        Connection.objects.update(day_filter="wide")
    status, told, err = run("reconcile", environment=environment)
    assert (status, told["status"]) == (3, "unknown")
    assert "can't be compared" in err


def test_reconcile_keeps_what_differs_when_the_vendor_falls_silent(run, environment, box):
    first, last = ((box.now - timedelta(days=back)).date() for back in (2, 1))
    box.set_faults(f"403@day={last},path=/calls")
    status, told, err = run("reconcile", environment=environment, since=first, until=last)
    assert (status, told["status"], told["compared"]) == (3, "different", 1)
    assert told["days"] == [{"day": first.isoformat(), "ours": 0, "theirs": len(box.world.calls_of_day(first))}]
    assert err


def test_days_without_a_total_are_not_called_equal(run, environment, box, monkeypatch):
    run("pull", environment=environment, stream=["calls"])
    last = (box.now - timedelta(days=1)).date()
    count = Talkover.count
    monkeypatch.setattr(Talkover, "count", lambda self, day, http: None if day == last else count(self, day, http))
    status, told, err = run("reconcile", environment=environment)
    assert (status, told["status"], told["days"]) == (3, "unknown", [])
    assert told["compared"] > 0
    assert str(last) in err
    status, told, err = run("reconcile", environment=environment, until=last - timedelta(days=900))
    assert (status, told["status"], told["error"]) == (3, "unknown", "There was no day to compare.")


def test_a_vendor_without_totals_is_said_to_have_none(run, acme, box, capsys):
    with wall.tenant(acme):
        environment = connect_originsai(acme, box).environment.public_id
    status, told, _ = run("reconcile", environment=environment)
    assert (status, told["status"], told["compared"]) == (3, "unknown", 0)
    with pytest.raises(SystemExit):
        call_command("reconcile", environment=environment)
    out, err = capsys.readouterr()
    assert (out, err) == ("unknown\n", "The vendor names no totals, so nothing was compared.\n")


@pytest.mark.parametrize("command", ["pull", "reconcile"])
def test_a_span_without_a_day_is_wrong_usage(environment, command):
    today = datetime.now(UTC).date()
    century = today.replace(year=1926)
    for span in (
        {"since": today, "until": today - timedelta(days=1)},
        {"since": today + timedelta(days=1)},
        {"since": century},
    ):
        with pytest.raises(CommandError, match="--since"):
            call_command(command, environment=environment, **span)


def test_a_stream_the_vendor_lacks_is_wrong_usage(acme, box):
    with wall.tenant(acme):
        environment = connect_originsai(acme, box).environment.public_id
    with pytest.raises(CommandError, match="no campaigns"):
        call_command("pull", environment=environment, stream=["campaigns"])


def test_wrong_usage_is_one_sentence_and_status_two(environment, capsys):
    unknown = "01890000-0000-7000-8000-000000000000"
    for arguments in (
        ["--environment", unknown],
        ["--environment", "x"],
        [],
        ["--environment", unknown, "--stream", "x"],
    ):
        with pytest.raises(SystemExit) as ended:
            PullCommand().run_from_argv(["manage.py", "pull", *arguments])
        assert ended.value.code == 2
        err = capsys.readouterr().err
        assert err.count("\n") == 1
        assert "Traceback" not in err


@pytest.fixture
def add(acme, box, monkeypatch, run):
    def add(token=box.talkover_token, **options):
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{token}\n"))
        values = {"tenant": "acme", "environment": "New", "provider": "talkover", "base_url": box.talkover_url}
        return run("add_connection", **(values | options))

    return add


def test_a_connection_is_added_with_the_token_from_standard_input(add, acme, box):
    status, told, err = add(since=since(box))
    assert status == 0
    assert (set(told), err) == ({"environment", "connection"}, "")
    with wall.tenant(acme):
        made = Connection.objects.select_related("environment").get(public_id=told["connection"])
    assert str(made.environment.public_id) == told["environment"]
    assert made.since == since(box)
    _, told, err = add(environment="Again")
    assert "fills another environment" in err
    assert box.talkover_token not in err
    agents = ",".join(f"{number}:{name}" for number, name in box.originsai_agents.items())
    status, *_ = add(
        box.originsai_token,
        environment="Care",
        provider="originsai",
        base_url=box.originsai_url,
        set=[f"agents={agents}"],
    )
    assert status == 0


@pytest.mark.parametrize(
    "options",
    [
        {"token": "talq_wrong"},
        {"token": ""},
        {"tenant": "nobody"},
        {"provider": "nobody"},
        {"environment": " "},
        {"base_url": "ftp://vendor.example"},
        {"base_url": "ftp://vendor.example", "no_check": True},
        {"set": ["agents"]},
        {"set": ["agents=7:x"]},
        {"provider": "originsai"},
    ],
)
def test_a_connection_that_cannot_serve_is_refused_and_not_saved(add, acme, options):
    with pytest.raises(CommandError) as refused:
        add(**options)
    assert "talq_wrong" not in str(refused.value)
    with wall.tenant(acme):
        assert not Connection.objects.exists()


def test_without_a_check_nothing_is_asked(add, box):
    asked = len(box.journal.entries)
    assert add("talq_not_yet_valid", no_check=True)[0] == 0
    assert len(box.journal.entries) == asked


def test_tokens_are_encrypted_anew_and_an_unreadable_one_stops_it(run, acme, environment, settings, box):
    new = Fernet.generate_key().decode()
    settings.TOKEN_KEYS = [new, *settings.TOKEN_KEYS]
    assert run("rotate_tokens")[:2] == (0, {"rotated": 1})
    settings.TOKEN_KEYS = [new]
    with wall.tenant(acme):
        assert Connection.objects.get().token == box.talkover_token
    settings.TOKEN_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(CommandError, match="Nothing was changed"):
        run("rotate_tokens")


def test_a_sweep_tells_what_it_did(run, environment, monkeypatch):
    hinted = []
    monkeypatch.setattr("sync.tasks.read_next.apply_async", lambda args, **_: hinted.append(args))
    status, told, _ = run("sweep")
    assert (status, told["ended"], told["due"]) == (0, 0, 4)
    assert len(hinted) == 4


@pytest.mark.parametrize("command", ["pull", "reconcile"])
def test_a_missing_key_is_named_and_changes_nothing(environment, acme, settings, command):
    needed, key = mark(settings.TOKEN_KEYS[0]), new_key()
    settings.TOKEN_KEYS = [key]
    with pytest.raises(CommandError, match=rf"needs the key {needed}, which is not among TOKEN_KEYS") as told:
        call_command(command, environment=environment)
    assert mark(key) in str(told.value)
    assert key not in str(told.value)
    with wall.tenant(acme):
        assert Connection.objects.values_list("state", flat=True).get() == ConnectionState.OK
        assert not Run.objects.exists()
        assert not Window.objects.exists()


def test_a_worker_without_the_key_says_so_and_changes_nothing(environment, acme, settings, caplog):
    needed = mark(settings.TOKEN_KEYS[0])
    settings.TOKEN_KEYS = [new_key()]
    with wall.tenant(acme):
        held = Connection.objects.defer("token").get()
    pull_stream(acme.pk, held.pk, "calls")
    recheck()
    assert f"needs the key {needed}" in caplog.text
    with wall.tenant(acme):
        assert not Run.objects.exists()
        reject(held)
        Connection.objects.update(next_check_at=None)
    caplog.clear()
    recheck()
    assert f"needs the key {needed}" in caplog.text
    with wall.tenant(acme):
        assert Connection.objects.values_list("state", flat=True).get() == ConnectionState.REJECTED


def test_a_pull_that_is_ended_is_interrupted_and_not_failed(environment, acme, monkeypatch, capsys):
    def end(*_):
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(PullCommand, "_show", end)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    kept = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as ended:
            PullCommand().run_from_argv(["manage.py", "pull", "--environment", str(environment), "--json"])
    finally:
        signal.signal(signal.SIGTERM, kept)
    told = capsys.readouterr()
    assert ended.value.code == 3
    assert json.loads(told.out)["status"] == "interrupted"
    assert "Interrupted. What was read so far stays" in told.err
    with wall.tenant(acme):
        assert (Run.objects.get().state, Run.objects.get().fault) == (RunState.INTERRUPTED, "")

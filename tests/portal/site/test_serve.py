"""The supervisor as a user meets it: real processes on a free port."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import requests

from portal.env import BASE_DIR
from portal.site.broker import Broker
from portal.vault import new_key
from tests.portal.processes import ended, free_port, processes

pytestmark = pytest.mark.slow


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("data")  # its path is short: a socket will lie in it


@pytest.fixture
def environment(folder) -> dict[str, str]:
    return embedded(folder)


def embedded(folder: Path) -> dict[str, str]:
    """The environment of an installation of its own, embedded throughout."""
    named = {"DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE"}
    return {name: value for name, value in os.environ.items() if name not in named} | {"DATA_DIR": str(folder)}


def manage(environment: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=BASE_DIR,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def serving(environment: dict[str, str], port: int) -> Iterator[subprocess.Popen[str]]:
    process = manage(environment, "serve", "--bind", f"127.0.0.1:{port}", "--web", "1", "--workers", "1")
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=40)


@pytest.fixture(scope="module")
def lasting(tmp_path_factory) -> Iterator[Path]:
    """The folder of a portal that began with nothing, and runs through all tests which kill parts of it."""
    folder, port = tmp_path_factory.mktemp("data"), free_port()
    with serving(embedded(folder), port):
        answer(port, "/readyz")
        yield folder


@pytest.fixture
def site(lasting, folder, environment, port) -> Iterator[subprocess.Popen[str]]:
    """Another portal, whose database stands already."""
    paths = [place / "ringbook.sqlite3" for place in (lasting, folder)]
    with closing(sqlite3.connect(paths[0])) as here, closing(sqlite3.connect(paths[1])) as there:
        here.backup(there)
        there.execute("DELETE FROM runtime_heartbeat")
        there.commit()
    with serving(environment, port) as process:
        yield process


def answer(port: int, path: str, *, status: int = 200, within: float = 120.0) -> requests.Response:
    deadline = time.monotonic() + within
    while True:
        try:
            found = requests.get(f"http://127.0.0.1:{port}{path}", timeout=30)
            if found.status_code == status:
                return found
        except (requests.ConnectionError, requests.Timeout):  # a busy machine takes its time to start
            found = None
        assert time.monotonic() < deadline, found and found.text
        time.sleep(0.1)


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_all_parts_run_and_end_together(site, port, folder) -> None:
    assert answer(port, "/readyz").json()["status"] == "ready"  # so every queue has been served once
    # Supervisor, web and its worker, five groups of workers, their parent and eight processes, beat. The broker hides
    # its environment.
    wait_until(lambda: len(processes(folder)) >= 18)
    broker = Broker(folder / "broker.sock", folder / "broker")
    assert broker.answers()
    started = time.monotonic()
    site.send_signal(signal.SIGTERM)
    out, err = site.communicate(timeout=40)
    assert (site.returncode, time.monotonic() - started < 35) == (0, True)
    assert f"http://127.0.0.1:{port}/" in out
    assert "Traceback" not in err
    assert processes(folder) == []
    assert not broker.answers()


def workers_of(folder: Path) -> list[int]:
    return processes(folder, "portal.site.workers")


def test_a_part_that_is_killed_comes_back(lasting) -> None:
    folder = lasting
    wait_until(lambda: len(workers_of(folder)) >= 14)
    killed = [*processes(folder, "celery"), *workers_of(folder)]  # beat, and all workers
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: len(set(workers_of(folder)) - set(killed)) >= 14)
    wait_until(lambda: len(set(processes(folder, "celery")) - set(killed)) >= 1)


def test_a_group_of_workers_that_is_killed_comes_back_alone(lasting) -> None:
    """P1: the others work on, and nothing of the one that died is left."""
    folder = lasting
    wait_until(lambda: len(workers_of(folder)) >= 14)
    before = set(workers_of(folder))
    parent = min(before)
    one = next(pid for pid in sorted(before) if parent_of(pid) == parent)
    its = {pid for pid in before if parent_of(pid) == one}
    os.kill(one, signal.SIGKILL)
    wait_until(lambda: not (its | {one}) & set(workers_of(folder)))
    wait_until(lambda: len(workers_of(folder)) >= 14)
    assert before - its - {one} <= set(workers_of(folder))


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[1])


def test_a_port_in_use_ends_with_one_sentence(environment, folder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        bind = f"127.0.0.1:{other.getsockname()[1]}"
        process = manage(environment, "serve", "--bind", bind)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (2, "", f"{bind} is in use by another program.\n")
    assert processes(folder) == []


@pytest.mark.parametrize("wrong", [["--bind", "nowhere"], ["--bind", "127.0.0.1:99999"], ["--web", "0"], ["--wide"]])
def test_wrong_usage_ends_with_one_sentence(capfd, wrong) -> None:
    status, out, err = ended(capfd, "serve", *wrong)
    assert (status, out, err.count("\n")) == (2, "", 1)


def test_a_folder_that_cannot_be_written_ends_with_one_sentence(environment, port) -> None:
    keys = {"SECRET_KEY": "x" * 50, "TOKEN_KEYS": new_key(), "DATABASE_URL": "sqlite:////tmp/none.sqlite3"}
    process = manage(environment | keys | {"DATA_DIR": "/proc"}, "serve", "--bind", f"127.0.0.1:{port}")
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("DATA_DIR cannot be written: /proc (")
    assert processes(Path("/proc")) == []


def test_a_broker_that_does_not_answer_ends_with_one_sentence_and_nothing_runs_on(environment, folder, port) -> None:
    broker = Broker(folder / "broker.sock", folder / "broker")
    broker.ensure()
    try:
        (pid,) = broker_processes(folder)
        os.kill(pid, signal.SIGSTOP)
        try:
            process = manage(environment, "serve", "--bind", f"127.0.0.1:{port}")
            out, err = process.communicate(timeout=90)
        finally:
            os.kill(pid, signal.SIGCONT)
        assert (process.returncode, out, err.count("\n")) == (2, "", 1)
        assert f"Another broker (process {pid}) writes in" in err
        assert processes(folder) == []
        assert broker_processes(folder) == [pid]
    finally:
        broker.stop()
    assert broker_processes(folder) == []


def broker_processes(folder: Path) -> list[int]:
    """Brokers of a folder. They hide their environment, and are told by their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes()
        except OSError:  # ended meanwhile
            continue
        if b"valkey-server" in words and os.fsencode(folder / "broker.sock") in words:
            found.append(int(path.parent.name))
    return found

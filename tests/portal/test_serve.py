"""The supervisor as a user meets it: real processes on a free port."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from portal.env import BASE_DIR
from portal.runtime.broker import Broker
from tests.portal.processes import free_port, processes

pytestmark = pytest.mark.slow


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("data")  # its path is short: a socket will lie in it


@pytest.fixture
def environment(folder) -> dict[str, str]:
    """An installation of its own, embedded throughout."""
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


@pytest.fixture
def site(environment, port) -> Iterator[subprocess.Popen[str]]:
    process = manage(environment, "serve", "--bind", f"127.0.0.1:{port}", "--web", "1", "--workers", "1")
    yield process
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    process.communicate(timeout=40)


def answer(port: int, path: str, *, status: int = 200, within: float = 60.0) -> requests.Response:
    deadline = time.monotonic() + within
    while True:
        try:
            found = requests.get(f"http://127.0.0.1:{port}{path}", timeout=30)
            if found.status_code == status:
                return found
        except requests.ConnectionError:
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
    # Supervisor, web and its worker, worker and its process, beat. The broker hides its environment.
    wait_until(lambda: len(processes(folder)) >= 6)
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


def test_a_part_that_is_killed_comes_back(site, port, folder) -> None:
    answer(port, "/readyz")
    wait_until(lambda: len(processes(folder, "celery")) >= 3)  # beat, worker and its process
    killed = processes(folder, "celery")
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: len(set(processes(folder, "celery")) - set(killed)) >= 3)


def test_a_port_in_use_ends_with_one_sentence(environment, folder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        bind = f"127.0.0.1:{other.getsockname()[1]}"
        process = manage(environment, "serve", "--bind", bind)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (2, "", f"{bind} is in use by another program.\n")
    assert processes(folder) == []


@pytest.mark.parametrize("wrong", [["--bind", "nowhere"], ["--bind", "127.0.0.1:99999"], ["--web", "0"], ["--wide"]])
def test_wrong_usage_ends_with_one_sentence(environment, wrong) -> None:
    process = manage(environment, "serve", *wrong)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err.count("\n")) == (2, "", 1)

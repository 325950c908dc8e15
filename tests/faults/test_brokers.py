"""Brokers that lose what they were told, and workers that die with it: real processes, a real broker, real signals."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from redis import Redis

from portal.env import BASE_DIR
from portal.site.broker import Broker
from portal.tenants import wall
from portal.tenants.models.tenants import Tenant
from sync.sandbox.server import Sandbox
from tests import databases
from tests.journeys.conftest import connect, served

pytestmark = [pytest.mark.fault, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

# As a group of workers is run, but that running tasks get a second and not fifteen when it is to end.
FORKING = """
import sys
from portal.site.celery import app
app.conf.worker_soft_shutdown_timeout = 1
queues = ("--queues", sys.argv[1], "--concurrency", "1")
app.worker_main(["worker", "--loglevel", "WARNING", "--without-mingle", "--without-gossip", *queues])
"""
Rows = Callable[[str], list[tuple[Any, ...]]]
WORKER = ("-m", "celery", "--app", "portal.site.celery", "worker", "--loglevel", "WARNING", "--pool", "solo")
# What beat does each minute, whenever it is told to.
TICKS = """
import sys
import django
django.setup()
from django.core.management import call_command
for line in sys.stdin:
    call_command("sweep", json=True)
    sys.stdout.flush()
"""


class Installation:
    """A portal's processes, on a database and a broker of their own."""

    def __init__(self, folder: Path, url: str, broker: Broker) -> None:
        self.broker = broker
        self._running: list[subprocess.Popen[bytes]] = []
        self._env = {name: value for name, value in os.environ.items() if name != "REDIS_URL"} | {
            "DATABASE_URL": url, "DATA_DIR": str(folder), "UPSTREAM_ALLOW_PRIVATE": "true",
            "DJANGO_SETTINGS_MODULE": "portal.settings", "TOKEN_KEYS": ",".join(settings.TOKEN_KEYS),
            "UPSTREAM_RATE_PER_MINUTE": "1000000", "REMAP_SIGTERM": "SIGQUIT",
            "PYTHONWARNINGS": "ignore:You're running the worker with superuser",
        }  # fmt: skip

        self._ticks = subprocess.Popen(
            [sys.executable, "-c", TICKS],
            cwd=BASE_DIR, env=self._env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def due(self) -> int:
        """One tick; how many streams are due."""
        assert self._ticks.stdin is not None
        assert self._ticks.stdout is not None
        self._ticks.stdin.write("tick\n")
        self._ticks.stdin.flush()
        return int(json.loads(self._ticks.stdout.readline())["due"])

    def worker(self, *queues: str) -> subprocess.Popen[bytes]:
        return self._start(*WORKER, "--queues", ",".join(queues))

    def forking(self, *queues: str, code: str = FORKING) -> subprocess.Popen[bytes]:
        """A worker whose tasks run in a process of their own."""
        return self._start("-c", code, ",".join(queues))

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=BASE_DIR, env=self._env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        self._running.append(process)
        return process

    def messages(self, queue: str = "reading") -> int:
        with self.client() as client:
            return int(client.llen(f"ringbook:{queue}"))

    def client(self) -> Redis:
        return Redis(unix_socket_path=str(self.broker.path))

    def end(self) -> None:
        self._ticks.kill()
        self._ticks.communicate()
        for process in self._running:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(days=4, calls_per_day=60, seed=5) as box:
        yield box


@pytest.fixture
def installation(tmp_path_factory, scratch, box) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("b")  # its path is short: a socket will lie in it
    broker = Broker(folder / "broker.sock", folder / "broker")
    broker.ensure()
    with databases.speaking_to("scratch"):
        acme = Tenant.objects.create(slug="acme", name="Acme", zone="America/Sao_Paulo", language="pt-br")
        with wall.tenant(acme):
            connect(acme, box)
    made = Installation(folder, scratch[0], broker)
    try:
        yield made
    finally:
        made.end()
        broker.stop()


def until(condition: Callable[[], bool], seconds: float = 90.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def is_read(installation: Installation, rows: Rows) -> bool:
    return installation.due() == 0 and rows("SELECT count(*) FROM sync_run WHERE state = 'running'") == [(0,)]


def killed_with_its_messages(installation: Installation) -> None:
    """B1: a worker that hung on the broker is frozen, told twenty times, and killed: it takes messages with it."""
    hung = installation.worker("reading")
    until(lambda: b"brpop" in _commands(installation))
    hung.send_signal(signal.SIGSTOP)
    for _ in range(5):
        assert installation.due() == 4
    hung.send_signal(signal.SIGKILL)
    hung.wait()


def flushed(installation: Installation) -> None:
    """B6: everything the broker held is gone."""
    assert installation.due() == 4
    assert installation.messages() == 4
    with installation.client() as client:
        client.flushall()
    assert installation.messages() == 0


def begun_anew_without_its_file(installation: Installation) -> None:
    """B2: the broker is killed and its file is lost."""
    assert installation.due() == 4
    with installation.client() as client:
        os.kill(client.info("server")["process_id"], signal.SIGKILL)
    process = installation.broker._process
    assert process is not None
    process.wait()
    for path in (installation.broker.folder / "appendonlydir").glob("*"):
        path.unlink()
    installation.broker.ensure()
    assert installation.messages() == 0


def _commands(installation: Installation) -> bytes:
    with installation.client() as client:
        return b" ".join(told["cmd"].encode() for told in client.client_list())


@pytest.mark.parametrize("loss", [killed_with_its_messages, flushed, begun_anew_without_its_file])
def test_whatever_the_broker_loses_is_found_by_the_next_tick(installation, scratch, box, loss):
    """I1: every call upstream has is mirrored, none twice, and nothing stays due or running."""
    loss(installation)
    assert box.journal.entries[-1].path.endswith("/agents")  # nothing was read yet but for the test of the connection
    installation.worker("reading")
    _, rows = scratch
    whole = "SELECT count(*) FROM sync_window WHERE state <> 'complete'"
    until(lambda: is_read(installation, rows))
    ours = "SELECT c.external_id, p.raw FROM sync_call c JOIN sync_payload p ON p.call_id = c.id"
    assert {key: json.loads(raw) for key, raw in rows(ours)} == served(box)
    assert rows("SELECT external_id FROM sync_call GROUP BY external_id HAVING count(*) > 1") == []
    assert rows(whole) == [(0,)]


def test_a_worker_told_to_end_in_mid_slice_leaves_the_rest_to_the_next(installation, scratch, box):
    """P2: though the vendor hangs, it ends by itself; its run is "interrupted", and what is left is read at once."""
    _, rows = scratch
    ours = "SELECT c.external_id, p.raw FROM sync_call c JOIN sync_payload p ON p.call_id = c.id"
    box.set_faults(f"hang@path=/calls,day={box.now.date() - timedelta(days=2)}", "latency=0.1")
    assert installation.due() == 4
    first = installation.forking("reading")
    until(lambda: "hang" in {entry.fault for entry in box.journal.entries})
    first.send_signal(signal.SIGTERM)
    assert first.wait(15) == 0  # an answer would be waited for for twenty seconds
    assert rows("SELECT state, fault FROM sync_run WHERE finished_at IS NOT NULL AND stream = 'calls'") == [
        ("interrupted", "")
    ]
    assert rows("SELECT count(*) FROM sync_run WHERE state = 'running'") == [(0,)]
    assert rows("SELECT count(*) FROM sync_gap") == [(0,)]
    box.set_faults()
    assert installation.due() > 0
    installation.forking("reading")
    until(lambda: is_read(installation, rows))
    assert {key: json.loads(raw) for key, raw in rows(ours)} == served(box)
    assert rows("SELECT external_id FROM sync_call GROUP BY external_id HAVING count(*) > 1") == []
    assert rows("SELECT count(*) FROM sync_window WHERE state <> 'complete'") == [(0,)]

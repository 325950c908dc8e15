"""A group of workers as it is run: a real process, a real broker, real signals."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from portal.env import BASE_DIR
from portal.site import programs
from portal.site.broker import Broker

pytestmark = pytest.mark.slow

# The signal comes while the loop is between two looks at whether to end, where most of the time it is not; a task is
# sent just then, when the worker has asked the broker for one.
ENDED_IN_ITS_LOOP = """
import os
import signal
import sys
from celery.signals import worker_ready
from portal.site import workers
from portal.site.celery import app
from portal.site.children import run_and_exit

def end():
    os.kill(os.getpid(), signal.SIGTERM)
    app.send_task("late", queue="reading")
    sys.stderr.write("The loop goes on.\\n")

@worker_ready.connect(weak=False)
def ready(sender, **_):
    sender.hub.timer.call_after(1.5, end)

app.loader.import_default_modules()
app.finalize()
worker_ready.disconnect(sys.modules["portal.site.tasks"].beat_at_once)  # there is no database here
run_and_exit(lambda: workers._serve(workers.Group("reading", ("reading",), 2)))
"""


@pytest.fixture
def broker(tmp_path_factory) -> Iterator[Broker]:
    folder = tmp_path_factory.mktemp("w")  # its path is short: a socket will lie in it
    broker = Broker(folder / "broker.sock", folder / "broker")
    broker.ensure()
    try:
        yield broker
    finally:
        broker.stop()


def test_a_worker_that_is_ended_in_its_loop_says_nothing_and_leaves_what_it_did_not_take(broker) -> None:
    folder: Path = broker.path.parent
    named = {"DATABASE_URL", "REDIS_URL"}
    environment = {name: value for name, value in os.environ.items() if name not in named}
    environment |= programs.workers(1).env | {"DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "portal.settings"}
    command = [sys.executable, "-c", ENDED_IN_ITS_LOOP]
    worker = subprocess.run(command, cwd=BASE_DIR, env=environment, capture_output=True, text=True, timeout=60)
    said = [line for line in worker.stderr.splitlines() if "Requeuing undeliverable message" not in line]
    assert (worker.returncode, said) == (0, ["The loop goes on."])
    with Redis(unix_socket_path=str(broker.path)) as client:
        assert client.llen("ringbook:reading") == 1

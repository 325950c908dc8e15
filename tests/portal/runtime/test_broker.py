"""The embedded broker: started when nobody answers, taken over when somebody does, ended by its last user."""

import os
import signal
import socket
import subprocess
import sys
import textwrap

import pytest
from redis import Redis

from portal.runtime.broker import Broker, BrokerError


@pytest.fixture
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("b")


@pytest.fixture
def broker(folder):
    found = Broker(folder / "s", folder / "broker")
    yield found
    found.stop()
    if found._process is not None:  # another user has ended it
        found._process.wait()


def client(broker: Broker) -> Redis:
    return Redis(unix_socket_path=str(broker.path))


def test_it_is_started_once_and_ended_by_its_last_user(broker, folder) -> None:
    second = Broker(folder / "s", folder / "broker")
    assert broker.ensure() is True
    assert broker.ensure() is False
    assert second.ensure() is False
    broker.stop()
    assert second.answers()
    second.stop()
    assert not second.answers()


def test_one_that_a_killed_user_left_is_taken_over_and_ended(broker, folder) -> None:
    script = f"""
        import os, pathlib, signal
        from portal.runtime.broker import Broker
        folder = pathlib.Path({str(folder)!r})
        assert Broker(folder / "s", folder / "broker").ensure()
        os.kill(os.getpid(), signal.SIGKILL)
    """
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert broker.ensure() is False
    broker.stop()
    assert not broker.answers()


def test_what_is_queued_outlives_a_restart(broker) -> None:
    broker.ensure()
    with client(broker) as queue:
        queue.lpush("queue", "hint")
    broker.stop()
    broker.ensure()
    with client(broker) as queue:
        assert queue.lrange("queue", 0, -1) == [b"hint"]


def test_it_evicts_nothing_and_listens_on_its_socket_alone(broker) -> None:
    broker.ensure()
    with client(broker) as queue:
        settings = queue.config_get("*")
    assert (settings["maxmemory-policy"], settings["appendonly"], settings["port"]) == ("noeviction", "yes", "0")
    assert broker.path.stat().st_mode & 0o077 == 0


def test_one_that_was_killed_leaves_a_socket_that_is_no_obstacle(broker) -> None:
    broker.ensure()
    with client(broker) as queue:
        os.kill(queue.info("server")["process_id"], signal.SIGKILL)
    broker._process.wait()
    assert broker.path.exists()
    assert broker.ensure() is True


def test_one_that_cannot_start_says_where_to_look(folder) -> None:
    (folder / "s").mkdir()  # a folder stands where the socket should
    broker = Broker(folder / "s", folder / "broker")
    with pytest.raises(BrokerError, match=r"did not start; .*broker\.log says why"):
        broker.ensure()
    broker.stop()


def test_something_else_on_the_socket_is_not_taken_for_a_broker(folder) -> None:
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(folder / "s"))
        assert not Broker(folder / "s", folder / "broker").answers()

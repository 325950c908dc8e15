"""The embedded broker: started when nobody answers, taken over when somebody does, ended by its last user."""

import os
import resource
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

import pytest
from redis import Redis

from portal.site.broker import Broker, BrokerError


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
        from portal.site.broker import Broker
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


def number_of(broker: Broker) -> int:
    with client(broker) as queue:
        return int(queue.info("server")["process_id"])


def test_one_that_is_frozen_is_not_joined_by_a_second(broker, folder) -> None:
    """Two in one folder would each ruin the other's file; who is in the way is named, and left alone."""
    broker.ensure()
    pid = number_of(broker)
    os.kill(pid, signal.SIGSTOP)
    second = Broker(folder / "s", folder / "broker")
    with pytest.raises(BrokerError, match=rf"Another broker \(process {pid}\) writes in .*: end it first\."):
        second.ensure()
    second.stop()
    os.kill(pid, signal.SIGCONT)
    assert broker.ensure() is False
    assert number_of(broker) == pid


def test_one_that_lost_its_socket_is_not_joined_by_a_second(broker, folder) -> None:
    broker.ensure()
    broker.path.unlink()
    with pytest.raises(BrokerError, match="writes in"):
        Broker(folder / "s", folder / "broker").ensure()
    broker.stop()
    assert broker._process is None
    assert broker.ensure() is True


def test_one_without_disk_is_told_and_not_joined_by_a_second(broker, folder, monkeypatch) -> None:
    """It answers every PING with an error then, which is no reason to start another."""
    monkeypatch.setattr(subprocess, "Popen", partial(subprocess.Popen, restore_signals=False))  # the limit kills nobody
    broker.ensure()
    pid = number_of(broker)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (200, 200))
    with client(broker) as queue:
        queue.config_set("appendfsync", "no")  # an append that fails is told at once
        for _ in range(3):
            queue.execute_command("LPUSH", "queue", "x" * 200) if broker.answers() else None
    wait_until(lambda: not broker.answers())
    second = Broker(folder / "s", folder / "broker")
    with pytest.raises(BrokerError, match="takes no messages, as when its disk is full; it says: MISCONF"):
        second.ensure()
    second.stop()
    assert os.path.exists(f"/proc/{pid}")  # noqa: PTH110 - no file
    broker.stop()
    assert broker._process is None


@contextmanager
def planted(path, config: bytes = b"-ERR\r\n") -> Iterator[list[bytes]]:
    """A program that is no broker of ours, yet says PONG; yields what it is told."""
    heard: list[bytes] = []
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()

        def answer() -> None:
            while True:
                try:
                    line, _ = other.accept()
                except OSError:  # shut down
                    return
                with line, suppress(OSError):
                    heard.append(line.recv(64))
                    line.sendall(b"+PONG\r\n" if heard[-1].startswith(b"PING") else config)

        thread = threading.Thread(target=answer)
        thread.start()
        yield heard
        other.shutdown(socket.SHUT_RDWR)
        thread.join()
        path.unlink()


def test_a_program_that_only_plays_the_broker_is_refused_and_told_nothing_more(folder) -> None:
    with planted(folder / "s", b"*2\r\n$3\r\ndir\r\n$4\r\n/tmp\r\n") as heard:
        broker = Broker(folder / "s", folder / "broker")
        with pytest.raises(BrokerError, match="is answered by a program that is not the broker of"):
            broker.ensure()
        broker.stop()
    assert b"SHUTDOWN" not in b"".join(heard)


def test_a_program_of_another_user_is_refused(folder, monkeypatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with planted(folder / "s"), pytest.raises(BrokerError, match="belongs to a program of another user"):
        Broker(folder / "s", folder / "broker").ensure()


def test_a_folder_that_cannot_be_used_is_told_in_a_sentence(folder) -> None:
    (folder / "broker").write_text("a file stands where the folder should")
    with pytest.raises(BrokerError, match=r"cannot use .*broker: File exists\."):
        Broker(folder / "s", folder / "broker").ensure()


def wait_until(condition, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)

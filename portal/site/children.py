"""Programs and processes that are kept running: started again when they die, ended together."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from portal.env import BASE_DIR

_PR_SET_PDEATHSIG = 1
STEADY = 60.0  # a child that lived so long (seconds) counts as started well
LONGEST_PAUSE = 15.0
DEATHS_IN_A_ROW = 6
FORK_PAUSE = 1.0  # seconds before a fork that died is started again
FORK_DEATHS = 5  # of any forks, within FORK_SOON seconds, after which this process gives up
FORK_SOON = 60.0


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


class Forks:
    """Parts of a program, each a process forked from this one, so that they share the memory of what is loaded.

    A part that dies is started again; when that does not help, this process ends, and its supervisor takes over.
    """

    def __init__(self, parts: Mapping[str, Callable[[], None]]) -> None:
        self._parts = parts
        self._running: dict[int, str] = {}
        self._ending = False

    def run(self) -> None:
        """Keep all parts running until a signal ends them."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        for name in self._parts:
            self._start(name)
        deaths: list[float] = []
        while self._running:
            pid, status = os.wait()
            name = self._running.pop(pid, "")
            if not name or self._ending:
                continue
            code = os.waitstatus_to_exitcode(status)
            sys.stderr.write(f"{name} ended with status {code}. Starting again.\n")
            deaths = [*(at for at in deaths if time.monotonic() - at < FORK_SOON), time.monotonic()]
            if len(deaths) >= FORK_DEATHS:
                self._end()
                raise SystemExit(1)
            time.sleep(FORK_PAUSE)
            if not self._ending:
                self._start(name)

    def _start(self, name: str) -> None:
        on_leash = leash()
        pid = os.fork()
        if pid:
            self._running[pid] = name
            return
        if on_leash is not None:
            on_leash()
        run_and_exit(self._parts[name])

    def _end(self, *_signal: object) -> None:
        self._ending = True
        for pid in list(self._running):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)


def run_and_exit(part: Callable[[], None]) -> NoReturn:
    """Be a process of its own from here on, whose status says how ``part`` ended."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    code = 1
    try:
        part()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except Exception:  # noqa: BLE001 - the process ends here
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


class Child:
    """A program: started in its own process group, started again when it dies, ended with its group."""

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

"""Requests to foreign servers while a person waits: how long they take, how many there are at once, and how often.

``with TESTS.take(tenant):`` goes around whatever reaches out during a web request. Inside, all connections that this
package dials share one deadline, looking names up and TLS handshakes included, whatever library reads from them. The
web threads that wait are few, so that sign-in and pages go on; who finds no place is refused at once.
"""

import math
import socket
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from threading import Lock, Timer

from portal.lib.outward.errors import Obstacle, Unreachable

SECONDS = 20.0  # for all of a trial
GRACE = 0.5  # seconds after which a connection is broken off whose reader did not notice the deadline
_TICK = 0.01  # seconds by which a clock may call too early
_HOUR = 3600.0


class TooManyTrials(Exception):
    """No place is free, or the tenant had its share of the hour. ``retry_after`` is in seconds."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(f"try again in {retry_after:.0f} s")
        self.retry_after = math.ceil(retry_after)


class _Trial:
    """The deadline of one trial, and copies of its sockets: TLS closes the one it was given."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self._sockets: list[socket.socket] = []
        self._lock = Lock()
        self._timer = Timer(seconds + GRACE, self._break_off)
        self._timer.daemon = True
        self._timer.start()

    @property
    def left(self) -> float:
        return self._until - time.monotonic()

    def hold(self, sock: socket.socket) -> None:
        with self._lock:
            self._sockets.append(sock.dup())

    def end(self) -> None:
        """Nothing that was opened goes on, though a library may still hold it."""
        self._timer.cancel()
        self._break_off()
        for sock in self._sockets:
            sock.close()

    def _break_off(self) -> None:
        with self._lock:
            for sock in self._sockets:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)


_trial: ContextVar[_Trial | None] = ContextVar("trial", default=None)


def within(seconds: float) -> float:
    """``seconds``, or what is left of the running trial where that is less. Raises Unreachable when nothing is left."""
    trial = _trial.get()
    if trial is None:
        return seconds
    if is_over():
        raise Unreachable(Obstacle.TIMEOUT, "The answer did not come in time.")
    return min(seconds, trial.left)


def is_over() -> bool:
    """Whether the running trial is past its deadline, so that what failed was broken off."""
    trial = _trial.get()
    return trial is not None and trial.left <= _TICK


def hold(sock: socket.socket) -> None:
    """Have the running trial break ``sock`` off at its deadline."""
    if (trial := _trial.get()) is not None:
        trial.hold(sock)


class Places:
    """Places for trials in this process: ``total`` at once, ``per_tenant`` of them for one tenant, which may take
    ``per_hour``; None for as many as it likes."""

    def __init__(self, total: int, *, per_tenant: int, per_hour: int | None = None) -> None:
        self._total, self._per_tenant, self._per_hour = total, per_tenant, per_hour
        self._running: Counter[int | None] = Counter()
        self._begun: defaultdict[int | None, deque[float]] = defaultdict(deque)  # in the last hour
        self._lock = Lock()

    @contextmanager
    def take(self, tenant: int | None, *, seconds: float = SECONDS) -> Iterator[None]:
        """Run a trial that takes ``seconds`` at most. Raises TooManyTrials. Threads started inside need its context."""
        self._enter(tenant, seconds)
        trial = _Trial(seconds)
        token = _trial.set(trial)
        try:
            yield
        finally:
            _trial.reset(token)
            trial.end()
            with self._lock:
                self._running[tenant] -= 1

    def _enter(self, tenant: int | None, seconds: float) -> None:
        with self._lock:
            now, begun = time.monotonic(), self._begun[tenant]
            while begun and begun[0] <= now - _HOUR:
                begun.popleft()
            if self._per_hour is not None and len(begun) >= self._per_hour:
                raise TooManyTrials(begun[0] + _HOUR - now)
            if self._running.total() >= self._total or self._running[tenant] >= self._per_tenant:
                raise TooManyTrials(seconds)
            self._running[tenant] += 1
            if self._per_hour is not None:
                begun.append(now)


# A web process has eight threads; these leave one to everybody else even if all places are taken.
TESTS = Places(3, per_tenant=2, per_hour=120)  # of connections, destinations and providers, asked for by members
SIGN_INS = Places(3, per_tenant=2)  # through a provider, by anybody: no count an hour, which strangers would use up
HOOKS = Places(1, per_tenant=1)  # what a message of a mail service makes us ask of it

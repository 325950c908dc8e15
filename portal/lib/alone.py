"""One thread of a process at a time, for what several would make alike."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_underway: dict[str, tuple[threading.Lock, list[None]]] = {}  # what this process makes, and who waits for it
_guard = threading.Lock()


@contextmanager
def alone(key: str, deadline: float) -> Iterator[bool]:
    """While no other thread of this process is at the same; False where one still is at the deadline, of
    :func:`time.monotonic`.
    """
    with _guard:
        lock, waiting = _underway.setdefault(key, (threading.Lock(), []))
        waiting.append(None)
    held = lock.acquire(timeout=max(0.0, deadline - time.monotonic()))
    try:
        yield held
    finally:
        with _guard:
            waiting.pop()
            if not waiting:
                _underway.pop(key, None)
        if held:
            lock.release()

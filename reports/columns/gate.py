"""Turns at the engine of a process: few at once, and no tenant's many keep another's few waiting."""

import threading
import time
from collections import Counter


class Gate:
    """Lets ``most`` through at once. Of those that wait the tenant's goes first that has fewest inside, and among such
    who has waited longest: a tenant may have all turns only while nobody of another one waits.
    """

    def __init__(self, most: int) -> None:
        self._free = most
        self._inside: Counter[int] = Counter()
        self._waiting: dict[object, int] = {}  # tenants of those that wait, in their order
        self._moved = threading.Condition()

    def enter(self, tenant: int, deadline: float) -> bool:
        """Whether there was a turn by the deadline, of :func:`time.monotonic`; it is to be given back."""
        me = object()
        with self._moved:
            self._waiting[me] = tenant
            try:
                seconds = max(0.0, deadline - time.monotonic())
                entered = self._moved.wait_for(lambda: self._free > 0 and self._next() is me, seconds)
                if entered:
                    self._free -= 1
                    self._inside[tenant] += 1
                return entered
            finally:
                del self._waiting[me]
                self._moved.notify_all()

    def leave(self, tenant: int) -> None:
        with self._moved:
            self._free += 1
            self._inside -= Counter([tenant])
            self._moved.notify_all()

    def _next(self) -> object:
        return min(self._waiting, key=lambda one: self._inside[self._waiting[one]])

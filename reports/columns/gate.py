"""Turns at the engine of a process: few at once, and no reader's many keep another's few waiting."""

import threading
import time
from collections import Counter


class Gate:
    """Lets ``most`` through at once, of one reader all but one. Of those that wait the tenant's goes first that has
    fewest inside, of these the reader's that has, and among such who has waited longest: a tenant may have all turns
    only while nobody of another one waits.
    """

    def __init__(self, most: int) -> None:
        self._free = most
        self._of_one = max(1, most - 1)
        self._inside: Counter[object] = Counter()
        self._waiting: dict[object, tuple[int, int]] = {}  # tenants and readers of those that wait, in their order
        self._moved = threading.Condition()

    def enter(self, tenant: int, deadline: float, reader: int = 0) -> bool:
        """Whether there was a turn by the deadline, of :func:`time.monotonic`; it is to be given back. Those without a
        reader, 0, are of many."""
        me = object()
        with self._moved:
            self._waiting[me] = (tenant, reader)
            try:
                seconds = max(0.0, deadline - time.monotonic())
                entered = self._moved.wait_for(lambda: self._free > 0 and self._next() is me, seconds)
                if entered:
                    self._free -= 1
                    self._inside.update((tenant, (tenant, reader)))
                return entered
            finally:
                del self._waiting[me]
                self._moved.notify_all()

    def leave(self, tenant: int, reader: int = 0) -> None:
        with self._moved:
            self._free += 1
            self._inside -= Counter((tenant, (tenant, reader)))
            self._moved.notify_all()

    def _next(self) -> object:
        may = [one for one, who in self._waiting.items() if not who[1] or self._inside[who] < self._of_one]
        return min(may, key=self._before, default=None)

    def _before(self, one: object) -> tuple[int, int]:
        tenant, reader = self._waiting[one]
        return self._inside[tenant], self._inside[tenant, reader]

"""The shared allowance of requests of a connection, over all processes.

No 60 seconds ever see more requests than the budget. Grants are rows under a lock, so every process that reaches the
database shares them, a foreground ``pull`` without a broker included. A grant is used within :data:`USE_WITHIN`
seconds and counted for :data:`COUNTED`: longer than a minute by more than a request may be late on its way, because
the vendor's clock sees arrivals, not departures.
"""

import time
from collections import deque

from django.conf import settings
from django.db import connection as database
from django.db import transaction
from django.db.models import Min, Sum

from portal.work.clock import AHEAD
from sync.models.connections import Connection, RequestGrant

COUNTED = 64.0
USE_WITHIN = 2.0
LONGEST_PAUSE = 3600.0  # seconds a vendor may ask to wait for


def rate_of(connection: Connection) -> int:
    """Requests a minute this connection may make."""
    return connection.rate_per_minute or settings.UPSTREAM_RATE_PER_MINUTE


def pause_of(connection: Connection, now: float) -> float:
    """Seconds from ``now``, as Unix seconds, that the vendor wants to be left alone for; 0.0 for none. A wish that ends
    later than any may was noted by a clock that was ahead."""
    if connection.blocked_until is None:
        return 0.0
    seconds = connection.blocked_until.timestamp() - now
    return seconds if 0 < seconds <= LONGEST_PAUSE + AHEAD.total_seconds() else 0.0


class Allowance:
    """One process's view of a connection's budget. Not for several threads: the runner's loop alone asks it."""

    def __init__(self, connection: Connection) -> None:
        self.connection_id = connection.pk
        self.tenant_id = connection.tenant_id
        self.rate = rate_of(connection)
        # A chunk saves transactions at high rates; at a vendor's usual rate it is one.
        self._chunk = max(1, min(self.rate // 100, 100))
        self._held: deque[float] = deque()  # monotonic times until which each granted request may leave
        self.blocked = False  # whether it was the vendor's wish that the last take has to wait for

    def give_up_held(self) -> None:
        """Leave what was granted and not used; it stays counted."""
        self._held.clear()

    def take(self) -> float:
        """0.0 and one request may leave now; else the seconds after which to ask again."""
        self.blocked = False
        now = time.monotonic()
        while self._held:
            if self._held.popleft() > now:
                return 0.0
        granted, wait = self._grant()
        if not granted:
            return wait
        until = now + USE_WITHIN
        self._held.extend([until] * (granted - 1))
        return 0.0

    def _grant(self) -> tuple[int, float]:
        with transaction.atomic():
            # The connection's row is the lock; SQLite's transactions are exclusive writers from their beginning.
            connection = (
                Connection.objects.select_for_update(of=("self",)).only("blocked_until").get(pk=self.connection_id)
            )
            now = _database_time()
            pause = pause_of(connection, now)
            self.blocked = pause > 0
            if pause:
                return 0, pause
            grants = RequestGrant.objects.filter(connection_id=self.connection_id)
            grants.filter(at__lte=now - COUNTED).delete()
            used = grants.aggregate(used=Sum("count"), oldest=Min("at"))
            free = self.rate - (used["used"] or 0)
            if free <= 0 and used["oldest"] > now:  # granted by a clock that was ahead: counted from now on instead
                grants.update(at=now)
                return 0, COUNTED
            if free <= 0:
                return 0, max(0.05, used["oldest"] + COUNTED - now)
            count = min(free, self._chunk)
            RequestGrant.objects.create(tenant_id=self.tenant_id, connection_id=self.connection_id, at=now, count=count)
            return count, 0.0


def note_request(connection: Connection) -> None:
    """Count a request that was made before there was a connection to ask."""
    RequestGrant.objects.create(tenant_id=connection.tenant_id, connection=connection, at=_database_time(), count=1)


def _database_time() -> float:
    if database.vendor != "postgresql":
        return time.time()
    with database.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())")
        return float(cursor.fetchone()[0])

"""When the next request may leave: not before the vendor's wish, and within the budget."""

import random
import time
from datetime import timedelta

from django.db.models import Q

from portal.work.clock import AHEAD, database_now
from portal.work.retries import persist
from sync.budget import LONGEST_PAUSE, Allowance
from sync.models.connections import Connection

NO_HINT_PAUSE = 60.0  # seconds after a 429 that names none; doubles


class Pace:
    """One reader's view of how fast a connection may be asked. Not for several threads.

    ``patience`` is how many seconds the vendor's wish is waited for; ``beyond_patience`` is true after a :meth:`take`
    that would have to wait longer than that because of it. The budget alone never makes it true.
    """

    def __init__(self, connection: Connection, patience: float) -> None:
        self.patience = patience
        self.beyond_patience = False
        self._connection = connection
        self._allowance = Allowance(connection)
        self._not_before = 0.0
        self._pause = NO_HINT_PAUSE

    def take(self) -> float:
        """0.0 and one request may leave now; else the seconds after which to ask again."""
        self.beyond_patience = False
        wait = self._not_before - time.monotonic()
        if wait > 0:
            return wait
        wait = persist(self._allowance.take)
        self.beyond_patience = self._allowance.blocked and wait > self.patience
        return wait

    def throttled(self, retry_after: float | None) -> float:
        """Take down, for every process, that the vendor wants a pause. Returns its seconds.

        Without ``retry_after`` pauses double from a minute to an hour, once for each burst of refusals.
        """
        now = time.monotonic()
        if retry_after is None and now < self._not_before:
            return self._not_before - now  # others of the burst that was refused already
        pause = self._pause if retry_after is None else retry_after
        if retry_after is None:
            self._pause = min(self._pause * 2, LONGEST_PAUSE)
        self._not_before = max(self._not_before, now + pause)
        self._allowance.give_up_held()
        persist(lambda: self._block(pause))
        return pause

    def answered(self) -> None:
        """The vendor answers again."""
        self._pause = NO_HINT_PAUSE

    def _block(self, pause: float) -> None:
        """Never shortens a pause that another process was asked for."""
        now = database_now()
        until, latest = now + timedelta(seconds=pause), now + timedelta(seconds=LONGEST_PAUSE) + AHEAD
        rows = Connection.objects.filter(pk=self._connection.pk)
        stands = Q(
            blocked_until__gte=until, blocked_until__lte=latest
        )  # a later one was noted by a clock that was ahead
        rows.exclude(stands).update(blocked_until=until)
        self._connection.blocked_until = rows.values_list("blocked_until", flat=True).first()


def backoff(tries: int) -> float:
    """Growing pauses with jitter, a quarter of a second to eight."""
    longest: float = min(8.0, 0.25 * 2**tries)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing

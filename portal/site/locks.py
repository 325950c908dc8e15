"""Who holds the database lock that this process waits for."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from django.db import DatabaseError, connection

_TURN = 0x52494E47424F4F4B  # "RINGBOOK", for PostgreSQL's advisory locks
_EVERY = 0.5  # seconds between two looks
_BLOCKING = """
    SELECT pid, application_name, state, extract(epoch FROM clock_timestamp() - xact_start)::int
    FROM pg_stat_activity WHERE pid = ANY(pg_blocking_pids(%s)) ORDER BY xact_start LIMIT 1
"""


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Within, no other host does the same with this database. It falls with the session, whatever happens."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = 0")
        cursor.execute("SELECT pg_advisory_lock(%s)", [_TURN])
        cursor.execute("RESET lock_timeout")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_TURN])


class Watch:
    """Looks from a session of its own whether this one is waiting, and says for whom, once for each.

    Where the database does not tell (SQLite), nothing is said.
    """

    def __init__(self, say: Callable[[str], object]) -> None:
        self.holder = ""  # who was waited for last, to begin a sentence with
        self._say = say
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                watched = cursor.fetchone()[0]
            self._thread = threading.Thread(target=self._look, args=(watched,), daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _look(self, watched: int) -> None:
        reported = set()
        try:
            while not self._over.wait(_EVERY):
                with connection.cursor() as cursor:  # this thread's own
                    cursor.execute(_BLOCKING, [watched])
                    row = cursor.fetchone()
                if row is not None:
                    pid, name, state, age = row
                    self.holder = f"Process {pid} ({name or 'no name'}, {state}, in a transaction for {age or 0} s)"
                    if pid not in reported:
                        self._say(f"Waiting for a lock in the database. {self.holder} holds it.")
                    reported.add(pid)
        except DatabaseError:  # what is watched will say what is wrong
            pass
        finally:
            connection.close()

"""How long a database statement may take and wait, by the kind of process. PostgreSQL keeps these limits.

Every process begins with the limits of a command; web processes, workers and ``migrate`` take their own (:func:`use`).
portal/decisions/0022 explains the numbers.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection


@dataclass(frozen=True, slots=True)
class Limits:
    """In seconds; 0 is no limit. ``kind`` stands in PostgreSQL's list of sessions as the application's name."""

    kind: str
    statement: int
    lock: int  # of waiting for one
    idle: int  # of a transaction in which nothing happens

    def as_options(self) -> str:
        """As a session with PostgreSQL is told them when it begins."""
        return (
            f"-c application_name=ringbook-{self.kind} -c statement_timeout={self.statement * 1000}"
            f" -c lock_timeout={self.lock * 1000} -c idle_in_transaction_session_timeout={self.idle * 1000}"
        )


PAGES = Limits("pages", statement=15, lock=3, idle=30)
WORKERS = Limits("workers", statement=240, lock=10, idle=60)
COMMANDS = Limits("commands", statement=3600, lock=60, idle=300)
# Whoever comes after a migration that waits for a table waits as well: it waits briefly, and again and again.
MIGRATIONS = Limits("migrations", statement=0, lock=2, idle=0)

_current = COMMANDS


def current() -> Limits:
    return _current


def use(limits: Limits) -> None:
    """Have this process's sessions with the database keep other limits from now on; the open one ends."""
    global _current  # one kind for each process
    before, _current = _current, limits
    if connection.vendor == "postgresql" and before != limits:
        options = connection.settings_dict["OPTIONS"]  # every thread's, and every child's
        options["options"] = options.get("options", "").replace(before.as_options(), limits.as_options())
        connection.close()


@contextmanager
def using(limits: Limits) -> Iterator[None]:
    before = _current
    use(limits)
    try:
        yield
    finally:
        use(before)

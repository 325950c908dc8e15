"""The engine that answers questions of column files: DuckDB, unless COLUMNS_ENGINE names ClickHouse.

DuckDB runs once in each process: bounded in memory, threads and time, and shut off from everything but column files. A
process computes two questions at a time; others wait for their turn, fair among tenants, until their deadline. One that
computes too long is interrupted. Text of SQL is made by ``reports.queries`` alone; what a reader wrote is a parameter.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import duckdb
from django.conf import settings

from portal.lib.ids import uuid7
from portal.lib.turns import pause
from portal.storage import NotThere
from reports.columns import files, spill
from reports.columns.dialects import DUCKDB, MACROS, Dialect, clickhouse, quoted
from reports.columns.gate import Gate

AT_ONCE = 2  # questions computing in one process
LEAST_SECONDS = 0.05  # that a statement is begun with
_INTERRUPTED_EVERY = 0.05  # seconds
Rows = list[tuple[Any, ...]]


class TooLong(Exception):
    """A question was not answered by its deadline."""


class TooMuch(Exception):
    """A question needs more memory than it may have."""


class Failed(Exception):
    """The engine cannot compute a statement that it should: a fault of ours, or a file that is damaged unnoticed."""


@dataclass(frozen=True, slots=True)
class Shared:
    """A query that several statements of one page read by its ``name``, so that it need be computed once."""

    name: str
    sql: str
    params: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement and the values of its ``?``, in order. With ``shared`` it is what follows that query in
    ``WITH``: a comma and others, or the SELECT.
    """

    sql: str
    params: tuple[Any, ...] = ()
    shared: Shared | None = None

    @property
    def alone(self) -> "Statement":
        """The same with everything in its own text."""
        if self.shared is None:
            return self
        sql = f"WITH {self.shared.name} AS ({self.shared.sql}){self.sql}"
        return Statement(sql, self.shared.params + self.params)


class Tables:
    """What the statements of one page share, computed once and kept until :meth:`close`."""

    def __init__(self) -> None:
        self._names: dict[Shared, str] = {}
        self._process: _Process | None = None

    def read(self, process: "_Process", statement: Statement, compute: Callable[[Statement], Rows]) -> Statement:
        """The statement with the table of what it shares in place of it, made if need be."""
        shared = statement.shared
        if shared is None:
            return statement
        if self._process is not process:  # another engine, which has none of them
            self._names, self._process = {}, process
        if shared not in self._names:
            table = f"{shared.name}_{uuid7().hex}"
            compute(Statement(f"CREATE TABLE {table} AS {shared.sql}", shared.params))
            self._names[shared] = table
        named = f"WITH {shared.name} AS NOT MATERIALIZED (FROM {self._names[shared]}){statement.sql}"
        return Statement(named, statement.params)

    def close(self) -> None:
        """Forget them all."""
        names, self._names = list(self._names.values()), {}
        if self._process is None or not names:
            return
        with suppress(duckdb.Error), self._process.connection.cursor() as cursor:
            for name in names:
                cursor.execute(f"DROP TABLE IF EXISTS {name}")


class _Process:
    """The engine of this process. Made anew after a fork, and when the folder of the files is another one."""

    def __init__(self, root: Path) -> None:
        self.key = (os.getpid(), root)
        self.turns = Gate(AT_ONCE)
        self.connection = open_connection(root, threads=settings.COLUMNS_THREADS, memory=settings.COLUMNS_MEMORY)


_process: _Process | None = None
_lock = threading.Lock()


def open_connection(root: Path, *, threads: int, memory: str) -> duckdb.DuckDBPyConnection:
    """A database in memory that can read and write below ``root`` and nowhere else."""
    connection = duckdb.connect(
        ":memory:",
        config={
            "threads": threads,
            "memory_limit": memory,
            "temp_directory": spill.folder(),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "python_enable_replacements": False,
            "preserve_insertion_order": False,
        },
    )
    connection.execute(f"SET max_temp_directory_size = '{settings.COLUMNS_SPILL}B'")  # given above it is not held to
    for macro in MACROS:
        connection.execute(macro)
    connection.execute(f"SET allowed_directories = [{quoted([root])}]")
    connection.execute("SET parquet_metadata_cache = true")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def dialect() -> Dialect:
    """How statements are to be written."""
    chosen = settings.COLUMNS_ENGINE
    return clickhouse(chosen["collection"], chosen["cluster"]) if chosen else DUCKDB


def reads_storage() -> bool:
    """Whether the engine reads files where they are stored, and none of this host."""
    return bool(settings.COLUMNS_ENGINE and settings.COLUMNS_ENGINE["collection"])


def run(
    statement: Statement,
    *,
    deadline: float,
    seconds: float = float("inf"),
    tables: Tables | None = None,
    asker: tuple[int, int] = (0, 0),
) -> Rows:
    """The rows of a statement, computed within ``seconds`` once it is its turn, and in any case before ``deadline``, of
    :func:`time.monotonic`; what it shares with others is looked for in ``tables`` and left there. The turn is one of
    the ``asker``, a tenant and a reader in it. Raises TooLong, TooMuch, NotThere and Failed.
    """
    pause()  # a statement that computes takes the processors from pages that are made
    if settings.COLUMNS_ENGINE or tables is None:
        statement = statement.alone
    if settings.COLUMNS_ENGINE:
        other: Any = import_module("reports.columns.clickhouse")  # rests on a package of its own
        rows: Rows = other.run(statement, deadline=deadline, seconds=seconds, asker=asker)
        return rows
    process = _this_process()
    with turn(process.turns, asker, deadline):
        until = min(time.monotonic() + seconds, deadline)

        def compute(part: Statement) -> Rows:
            return _computed(process, part, max(0.0, until - time.monotonic()))

        try:
            return compute(tables.read(process, statement, compute) if tables else statement)
        except duckdb.InterruptException as error:
            raise TooLong from error
        except duckdb.OutOfMemoryException as error:
            raise TooMuch from error
        except duckdb.IOException as error:
            raise NotThere(str(error)[:200]) from error
        except duckdb.Error as error:
            if isinstance(error, _LASTING):
                _renew(process)
            raise Failed from error


def _computed(process: _Process, statement: Statement, seconds: float) -> Rows:
    if seconds < LEAST_SECONDS:
        raise TooLong
    cursor, ended = process.connection.cursor(), threading.Event()

    def interrupt() -> None:
        left = seconds
        while not ended.wait(left):  # one that comes before the statement computes is lost
            cursor.interrupt()
            left = _INTERRUPTED_EVERY

    clock = threading.Thread(target=interrupt, daemon=True)
    clock.start()
    try:
        return cursor.execute(statement.sql, list(statement.params)).fetchall()
    finally:
        ended.set()
        clock.join()  # a cursor that is closed cannot be interrupted
        cursor.close()


# After these a database answers nothing any more.
_LASTING = (duckdb.FatalException, duckdb.InternalException, duckdb.ConnectionException)


def _renew(process: _Process) -> None:
    """Leave an engine that answers nothing any more; whoever asks next has another one."""
    global _process
    with _lock:
        if _process is process:
            _process = None


def contents(names: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """What objects of the storage hold, by their names: how many calls, the smallest and the largest environment, the
    first and the last start in microseconds. Those that are not there, or cannot be read, are left out. For an engine
    that :func:`reads_storage`; raises TooLong, TooMuch and Failed.
    """
    by_file = {Path(name).name: name for name in names}
    sql = "SELECT _file, count(), min(environment), max(environment), min(started_us), max(started_us)"
    statement = Statement(f"{sql} FROM {dialect().table([Path(name) for name in names])} GROUP BY _file")
    try:
        rows = run(statement, deadline=time.monotonic() + settings.QUESTION_SECONDS)
    except NotThere:
        if len(names) == 1:
            return {}
        middle = len(names) // 2
        return contents(names[:middle]) | contents(names[middle:])
    return {by_file[file]: tuple(numbers) for file, *numbers in rows if file in by_file}


def cursor() -> duckdb.DuckDBPyConnection:
    """A cursor of this process's engine, for small work that takes no turn. To be closed."""
    return _this_process().connection.cursor()


@contextmanager
def turn(gate: Gate, asker: tuple[int, int], deadline: float) -> Iterator[None]:
    """A turn of a tenant's reader. Raises TooLong where there was none by the deadline."""
    tenant, reader = asker
    if not gate.enter(tenant, deadline, reader):
        raise TooLong
    try:
        yield
    finally:
        gate.leave(tenant, reader)


def _this_process() -> _Process:
    global _process
    root = files.root()
    with _lock:
        if _process is None or _process.key != (os.getpid(), root):
            _process = _Process(root)
        return _process

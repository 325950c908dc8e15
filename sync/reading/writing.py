"""What a reader hands to the mirror, and the thread that writes it while the reader goes on.

Writing and reading take turns on SQLite, whose one writer would only wait for the other. On PostgreSQL a full batch
is written over a connection of its own, one at a time and in order, each in one transaction as ever. Small batches
are not worth a connection.
"""

from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType

from django.db import connection

from sync.mirror import Closing, Mirror
from sync.providers.room import Hold
from sync.records import Record


@dataclass(slots=True)
class Batch:
    """Records with the times their answers were asked for, the windows that end with them, and the room they take."""

    records: list[tuple[Record, datetime]] = field(default_factory=list)
    closings: list[Closing] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    weight: int = 0

    def __bool__(self) -> bool:
        return bool(self.records or self.closings)

    def take(self, records: Iterable[Record], asked_at: datetime, hold: Hold) -> None:
        self.records.extend((record, asked_at) for record in records)
        self.holds.append(hold)
        self.weight += hold.weight

    def let_go(self) -> None:
        """It is written, or thrown away."""
        self.records.clear()
        for hold in self.holds:
            hold.end()
        self.holds.clear()


class Writer:
    """Writes batches in the order they come. In ``with``: at its end nothing is under way any more."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._thread: ThreadPoolExecutor | None = None
        self._under_way: Future[None] | None = None

    def __enter__(self) -> "Writer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread is None:
            return
        self._thread.submit(lambda: connection.close())
        self._thread.shutdown()
        self._thread = None
        under_way, self._under_way = self._under_way, None
        if error is None and under_way is not None:
            under_way.result()

    @property
    def busy(self) -> bool:
        """Whether a batch is under way. Raises what went wrong with the last one."""
        if self._under_way is not None and self._under_way.done():
            self.settle()
        return self._under_way is not None

    def settle(self) -> None:
        """Wait until all that was handed over is in the mirror. Raises what went wrong with it."""
        under_way, self._under_way = self._under_way, None
        if under_way is not None:
            under_way.result()

    def write(self, batch: Batch, progress: Mapping[str, object], *, beside: bool = False) -> None:
        """Write a batch after those before it; ``beside`` what the caller goes on with, where that is possible."""
        self.settle()
        if not beside or connection.vendor != "postgresql" or connection.in_atomic_block:
            self._write(batch, progress)
            return
        if self._thread is None:
            self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="write")
        # Behind the wall of the caller: a thread has no context of its own.
        self._under_way = self._thread.submit(copy_context().run, self._write, batch, progress)

    def _write(self, batch: Batch, progress: Mapping[str, object]) -> None:
        try:
            if batch:
                self._mirror.write(batch.records, batch.closings, **progress)
        finally:
            batch.let_go()

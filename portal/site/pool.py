"""The processes of a worker."""

from typing import Any

from celery.concurrency.prefork import TaskPool


class Pool(TaskPool):
    """Celery's pool of forked processes, which after it was stopped has none."""

    _pool: Any

    # A worker that is told to end stops its pool within the signal's handler, wherever its loop was just then; the loop
    # then ends its round, in which it asks how many processes may be given messages (``worker_disable_prefetch``).
    # Celery's own answer fails on the pool that is gone: the worker logged a traceback and went down as of a fault.
    # With none, no message is taken, and the next round ends the worker.
    @property
    def num_processes(self) -> int:
        return 0 if self._pool is None else int(super().num_processes)

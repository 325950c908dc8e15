"""Beat's schedule, kept through clocks that are set back."""

from typing import Any

from celery.beat import PersistentScheduler

from portal.work.clock import AHEAD


class SteadyScheduler(PersistentScheduler):
    """Celery's own goes by when a job ran last, and keeps that in a file: after an hour by a clock that was an hour
    ahead it ticks no more for an hour, begun anew or not. To this one, what ran in the future ran now.
    """

    def tick(self, *args: Any, **kwargs: Any) -> float:
        entries = self.schedule.values()
        ahead = [entry for entry in entries if entry.last_run_at and entry.last_run_at > entry.default_now() + AHEAD]
        for entry in ahead:
            entry.last_run_at = entry.default_now()
        if ahead:
            self.populate_heap()
        wait: float = super().tick(*args, **kwargs)
        return wait

"""Beat goes on ticking after a clock that was ahead is set back, and begins so."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from portal.site.celery import app
from portal.site.ticking import SteadyScheduler

NOW = datetime(2026, 7, 13, 11, tzinfo=UTC)
HOUR = timedelta(hours=1)

pytestmark = pytest.mark.fault


class Noting(SteadyScheduler):
    """Its tasks are noted and not sent."""

    producer = None

    def apply_entry(self, entry, producer=None):
        self.sent.append(entry.name)


def begin(path) -> Noting:
    scheduler = Noting(app, schedule_filename=str(path / "beat"), lazy=True)
    scheduler.sent = []
    scheduler.setup_schedule()
    return scheduler


def minute(scheduler, at) -> int:
    """Ticks for a minute; how many heartbeats that gave."""
    before = scheduler.sent.count("heartbeat-mail")
    with time_machine.travel(at, tick=False) as clock:
        until = at + timedelta(seconds=61)
        while datetime.now(UTC) < until:
            wait = scheduler.tick()
            clock.shift(min(max(wait, 0.02), 1.0))
    return scheduler.sent.count("heartbeat-mail") - before


@pytest.mark.parametrize("anew", [False, True])
def test_an_hour_ahead_and_back_costs_a_minute(tmp_path, anew):
    with time_machine.travel(NOW, tick=False):
        scheduler = begin(tmp_path)
    assert minute(scheduler, NOW) >= 1
    assert minute(scheduler, NOW + HOUR) >= 1
    if anew:
        scheduler.close()
        with time_machine.travel(NOW + timedelta(minutes=5), tick=False):
            scheduler = begin(tmp_path)
    assert minute(scheduler, NOW + timedelta(minutes=5)) >= 1
    assert minute(scheduler, NOW + timedelta(minutes=6)) >= 1
    scheduler.close()


def test_beat_is_begun_with_it():
    assert app.conf.beat_scheduler == f"{SteadyScheduler.__module__}:{SteadyScheduler.__name__}"

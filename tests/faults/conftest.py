"""Sandboxes that fail, and readers that do not wait long."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from sync.providers.http import Http
from sync.sandbox.server import Sandbox
from tests.journeys.conftest import _generous, acme_wall, box

__all__ = ["_generous", "acme_wall", "box"]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch) -> None:
    monkeypatch.setattr("sync.reader.backoff", lambda tries: 0.005)
    monkeypatch.setattr("sync.reconcile.backoff", lambda tries: 0.005)
    monkeypatch.setattr("sync.retries._FIRST_PAUSE", 0.01)


@pytest.fixture
def deadlines(monkeypatch) -> Callable[..., None]:
    """Sets how long requests may take: ``deadlines(read=0.3, total=1.0)``."""

    def shorten(**seconds: float) -> None:
        for name, value in seconds.items():
            monkeypatch.setitem(Http.__init__.__kwdefaults__, name, value)

    return shorten


def busy_day(box: Sandbox) -> date:
    """A settled day of more than one page."""
    days = (box.now.date() - timedelta(days=back) for back in range(3, box.days))
    return next(day for day in days if len(box.world.calls_of_day(day)) > 100)


def asked(box: Sandbox, path: str = "/calls", day: date | None = None) -> list:
    """The journal's entries of one list."""
    return [
        entry
        for entry in box.journal.entries
        if entry.path.endswith(path) and (day is None or entry.params.get("date_from") == day.isoformat())
    ]

"""Sandboxes that fail, and readers that do not wait long."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from django.db import connection as database

from portal.tenants import row_security
from sync.providers import limits
from sync.sandbox.server import Sandbox
from tests import databases
from tests.journeys.conftest import _generous, acme_wall, box

__all__ = ["_generous", "acme_wall", "box"]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch) -> None:
    monkeypatch.setattr("sync.reading.reader.backoff", lambda tries: 0.005)
    monkeypatch.setattr("sync.reading.reconcile.backoff", lambda tries: 0.005)
    monkeypatch.setattr("portal.work.retries._FIRST_PAUSE", 0.01)


@pytest.fixture
def bounds(monkeypatch) -> Callable[..., None]:
    """Sets limits by name: ``bounds(SILENCE_SECONDS=0.3)``."""

    def change(**values: object) -> None:
        for name, value in values.items():
            monkeypatch.setattr(limits, name, value)

    return change


def busy_day(box: Sandbox, least: int = 150, back: int = 3) -> date:
    """A settled day of more than one page. Calls are added to it: of a Sunday or a holiday there are next to none."""
    day = box.now.date() - timedelta(days=back)
    for _ in range(least - len(box.world.calls_of_day(day))):
        box.world.insert(created_at=f"{day}T15:00:00Z")
    return day


def asked(box: Sandbox, path: str = "/calls", day: date | None = None) -> list:
    """The journal's entries of one list."""
    return [
        entry
        for entry in box.journal.entries
        if entry.path.endswith(path) and (day is None or entry.params.get("date_from") == day.isoformat())
    ]


@pytest.fixture
def scratch(transactional_db):
    """An empty database that other processes reach: its URL, and a reader of its rows."""
    databases.copy(databases.EMPTY, "scratch")

    def rows(statement):
        with databases.speaking_to("scratch"), row_security.as_owner(), database.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall()

    yield databases.address("scratch"), rows
    databases.drop("scratch")

"""Column files of a test's own folder, and the calls of an environment as questions read them."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import time_machine

from portal.tenants.models.tenants import Environment
from reports.columns import engine, files, refresh
from reports.columns.engine import Statement
from reports.columns.sources import Missing, sources
from sync.models.calls import Call
from sync.models.changes import DirtyDay

NOW = datetime(2026, 7, 20, 15, tzinfo=UTC)
FIRST, LAST = date(2026, 1, 1), date(2026, 12, 31)

Read = tuple[list[tuple[datetime, int]], tuple[Missing, ...]]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings) -> Path:
    settings.DATA_DIR = tmp_path
    return tmp_path / "columns"


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture(autouse=True)
def months_apart(monkeypatch) -> None:
    """A file for each month, as if it had many calls."""
    monkeypatch.setattr(refresh, "MOST_ROWS", 0)


def change(environment: Environment, day: date) -> None:
    """Mark a day as a pull does that changed a call of it."""
    keys = {"tenant_id": environment.tenant_id, "environment": environment, "day": day}
    mark = DirtyDay.objects.filter(**keys).first()
    if mark is None:
        DirtyDay.objects.create(**keys, since=NOW)
    else:
        DirtyDay.objects.filter(pk=mark.pk).update(mark=mark.mark + 1)


def read(environment: Environment, first: date = FIRST, last: date = LAST) -> Read:
    """Start and length of every call as questions read them, in order, and what they cannot say."""
    known = sources({environment.pk: environment}, first, last)
    start = datetime(first.year, first.month, first.day, tzinfo=UTC)
    end = datetime(last.year, last.month, last.day, 23, 59, 59, tzinfo=UTC)
    relation = known.relation([environment.pk], start, end, datetime.now(UTC))
    rows = engine.run(Statement(f"SELECT started_us, duration_ms FROM {relation} ORDER BY ALL"), deadline=1e9)
    return [(datetime.fromtimestamp(at / 1_000_000, UTC), length) for at, length in rows], known.missing


def mirrored(environment: Environment) -> list[tuple[datetime, int]]:
    rows = Call.objects.filter(environment=environment)
    return sorted((call.started_at, call.duration_ms) for call in rows)


def assert_right(environment: Environment) -> None:
    """Every call of the mirror is read once, as it is, and no day is missing."""
    assert read(environment) == (mirrored(environment), ())


def forget_live() -> None:
    """Take away the days that were read from the mirror for a question, which others read as well."""
    for path in files.beside().glob("live-*.parquet"):
        path.unlink()

"""Column files in object storage, spoken to over HTTP: every host sees the same, and no figure is silently low."""

import json
import logging
import os
import stat
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from django.core.files.storage import storages
from django.core.management import call_command

from portal import storage
from portal.tenants import wall
from reports.columns import cache, refresh, sources, sweep
from reports.columns.models import ColumnFile, ColumnLedger
from reports.columns.tasks import refresh_one, sweep_columns
from reports.definitions.labels import NOT_COUNTED
from reports.definitions.periods import Period
from reports.queries.ask import ask
from reports.queries.question import Question
from reports.queries.scope import Scope
from sync.models.calls import Call
from sync.models.changes import DirtyDay
from tests import s3
from tests.reports.columns.conftest import assert_right, change, forget_live, read
from tests.reports.columns.test_files import JUNE, TODAY, fill, settle

pytestmark = pytest.mark.django_db


@pytest.fixture
def server(bucket) -> s3.Server:
    return bucket(True)


@pytest.fixture
def filled(bucket, sales, foreign):
    for place, environment in enumerate((sales, foreign)):
        fill(environment, 100 * place)
        settle(environment)
    return sales


@pytest.fixture
def other_host(settings, tmp_path) -> Callable[[], Path]:
    """Becomes another host, which has no copy yet."""

    def become() -> Path:
        settings.DATA_DIR = tmp_path / f"host{len(list(tmp_path.iterdir()))}"
        settings.DATA_DIR.mkdir()
        return settings.DATA_DIR / "columns"

    return become


def names_of(environment) -> list[str]:
    """Its files, oldest first."""
    with wall.tenant(environment.tenant):
        return [row.name for row in ColumnFile.objects.filter(environment=environment).order_by("first_day")]


def copies(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Size, inode and time of change of each file of a host."""
    paths = {str(path.relative_to(folder)): path.stat() for path in folder.glob("tenant=*/*/*.parquet")}
    return {name: (state.st_size, state.st_ino, state.st_mtime_ns) for name, state in paths.items()}


def test_two_hosts_see_the_same(filled, foreign, server, other_host):
    assert server.names() == {*names_of(filled), *names_of(foreign)}
    there = other_host()
    with wall.tenant(filled.tenant):
        assert_right(filled)
        assert copies(there).keys() == set(names_of(filled))
        assert {name: (there / name).read_bytes() for name in copies(there)} == {
            name: server.content(name) for name in names_of(filled)
        }
        for path in (there, *there.rglob("*")):
            assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
        before = copies(there)
        assert_right(filled)
        assert copies(there) == before  # each was fetched once
        # What the other host makes, this one reads.
        Call.objects.filter(environment=filled, started_at__date=JUNE).update(duration_ms=1)
        change(filled, JUNE)
        assert refresh.refresh(filled) == 1
        other_host()
        assert_right(filled)


def asked(environment) -> tuple[int, set[str]]:
    """The attempts of three months as an answer has them, and the spans it says are not counted."""
    scope = Scope(environment.tenant_id, "UTC", frozenset([environment.pk]), sees_numbers=True)
    question = Question(("attempts",), Period(date(2026, 5, 1), date(2026, 7, 21), "UTC"), by=())
    answer = ask(question, scope, now=datetime(2026, 7, 20, 16, tzinfo=UTC))
    spans = {gap.part for gap in answer.completeness.gaps if gap.fault == NOT_COUNTED}
    return int(answer.totals["attempts"].value or 0), spans


def test_a_question_while_the_storage_is_away(filled, bucket, other_host, monkeypatch):
    bucket(False)
    with wall.tenant(filled.tenant):
        assert asked(filled) == (3, set())  # the copies of this host are as good
        other_host()
        assert asked(filled) == (3, set())  # few calls: read from the mirror
        monkeypatch.setattr(sources, "MOST_LIVE", 0)
        assert asked(filled) == (0, {"2026-05-01/2026-06-30", "2026-07-20/2026-07-20"})
        bucket(True)
        assert asked(filled) == (3, set())


def test_a_storage_that_does_not_answer_is_asked_once(filled, bucket, other_host, monkeypatch):
    """A page over twenty environments must not wait for it two hundred times."""
    bucket(False)
    other_host()
    monkeypatch.setattr(storage, "_SPARED_SECONDS", 30.0)
    monkeypatch.setattr(sources, "MOST_LIVE", 0)
    opened = []
    columns = storages["columns"]
    monkeypatch.setattr(columns, "open", lambda name, open=columns.open: opened.append(name) or open(name))
    with wall.tenant(filled.tenant):
        assert read(filled)[0] == []
        assert len(opened) == 1


def test_nothing_is_given_up_while_the_storage_is_away(filled, bucket, capsys):
    """What cannot be looked at is neither broken nor replaced."""
    with wall.tenant(filled.tenant):
        Call.objects.filter(environment=filled, started_at__date=JUNE).update(duration_ms=1)
        change(filled, JUNE)
        before = list(ColumnFile.objects.order_by("pk").values_list("pk", "retired_at"))
    bucket(False)
    assert sweep_columns() == 0
    refresh_one(filled.tenant_id)
    for command, named in (("check_columns", '"status": "unknown"'), ("rebuild_columns", '"days": 0')):
        with pytest.raises(SystemExit) as ended:
            call_command(command, "--json")
        assert ended.value.code == 3
        said = capsys.readouterr()
        assert named in said.out
        assert "storage of column files does not answer" in said.err
    with wall.tenant(filled.tenant):
        assert list(ColumnFile.objects.order_by("pk").values_list("pk", "retired_at")) == before
        assert DirtyDay.objects.filter(day=JUNE).exists()
        assert_right(filled)
        bucket(True)
        refresh_one(filled.tenant_id)
        assert not DirtyDay.objects.exists()
        assert_right(filled)


def gone(server: s3.Server, name: str) -> None:
    server.delete(name)


def truncated(server: s3.Server, name: str) -> None:
    server.put(name, server.content(name)[:-9])


def of_another_tenant(server: s3.Server, name: str) -> None:
    server.put(name, server.content(next(iter(sorted(server.names() - {name}, reverse=True)))))


@pytest.mark.parametrize("damage", [gone, truncated, of_another_tenant])
def test_a_damaged_object_is_noticed_and_mended(filled, server, other_host, monkeypatch, damage, capsys):
    name = names_of(filled)[0]
    whole = server.content(name)
    damage(server, name)
    there = other_host()
    with wall.tenant(filled.tenant):
        assert_right(filled)
        assert name not in copies(there)
        with monkeypatch.context() as patch:
            patch.setattr(sources, "MOST_LIVE", 0)
            forget_live()
            assert asked(filled) == (2, {"2026-05-01/2026-05-31"})
    with pytest.raises(SystemExit):
        call_command("check_columns", "--json")
    assert [each["file"] for each in json.loads(capsys.readouterr().out)["differences"]] == [name]
    settle(filled)  # the check has it made again
    assert server.content(name) == whole
    with wall.tenant(filled.tenant):
        monkeypatch.setattr(sources, "MOST_LIVE", 0)
        assert asked(filled) == (3, set())
        ColumnLedger.objects.update(checked_at=None)
    assert sweep_columns() == 0


def test_a_damaged_copy_is_fetched_anew(filled, other_host, monkeypatch):
    there = other_host()
    monkeypatch.setattr(sources, "MOST_LIVE", 0)
    with wall.tenant(filled.tenant):
        assert_right(filled)
        path = there / names_of(filled)[0]
        whole = path.read_bytes()
        path.write_bytes(whole[:-7])
        assert_right(filled)
        assert path.read_bytes() == whole


def test_copies_keep_within_their_bound(filled, foreign, settings, other_host):
    first, second, third = names_of(filled)
    there = other_host()
    with wall.tenant(filled.tenant):
        assert_right(filled)
        sizes = {name: size for name, (size, *_rest) in copies(there).items()}
        settings.COLUMNS_CACHE = sum(sizes.values())
        cache.tidy(there)
        assert copies(there).keys() == set(sizes)
        # Read longest ago: the second, then the first.
        aged(there / second, 3000)
        aged(there / first, 2000)
        aged(there / third, 1000)
        settings.COLUMNS_CACHE = sizes[first] + sizes[third]
        read(filled, date(2026, 5, 1), date(2026, 5, 31))  # the first is used again
        aged(there / third, 1000)
    with wall.tenant(foreign.tenant):
        read(foreign, date(2026, 5, 1), date(2026, 5, 31))  # one more comes
    assert copies(there).keys() == {first, names_of(foreign)[0]}
    with wall.tenant(filled.tenant):
        assert_right(filled)  # all are in use, so all are there, whatever the bound
        assert copies(there).keys() >= set(sizes)


def test_a_copy_that_nobody_reads_goes(filled, other_host, clock):
    """A file that another host replaced: nobody tells this one."""
    there = other_host()
    with wall.tenant(filled.tenant):
        assert_right(filled)
        for name in names_of(filled)[:2]:
            aged(there / name, 90_000)
        clock.shift(timedelta(hours=2))
        read(filled, TODAY, TODAY)
        assert copies(there).keys() == {names_of(filled)[2]}
        assert_right(filled)


def aged(path: Path, seconds: float) -> None:
    """Let it have been read so long ago, by the clock of the test."""
    state = path.stat()
    os.utime(path, ns=(int((time.time() - seconds) * 1e9), state.st_mtime_ns))


def test_objects_that_no_row_knows_go_when_they_are_old(filled, foreign, server, clock):
    """As of a process that died between saving a file and writing its row."""
    ours, theirs = names_of(filled)[0], names_of(foreign)[0]
    stray = ours.rsplit("-", 1)[0] + f"-{'0' * 64}.parquet"
    server.put(stray, b"PAR1")
    clock.move_to(datetime.fromtimestamp(server.now() + 600, UTC))
    assert sweep_columns() == 0
    assert stray in server.names()
    clock.shift(timedelta(days=2))
    sweep_columns()
    assert server.names() == {*names_of(filled), *names_of(foreign)} >= {ours, theirs}


def test_a_replaced_file_goes_from_the_storage_too(filled, server, clock):
    with wall.tenant(filled.tenant):
        Call.objects.filter(environment=filled, started_at__date=JUNE).update(duration_ms=1)
        old = names_of(filled)[1]
        change(filled, JUNE)
        refresh.refresh(filled)
        assert old in server.names()  # for readers that began before
        clock.shift(timedelta(hours=2))
        sweep.forget_retired()
        assert old not in server.names()
        assert_right(filled)


def test_no_log_has_the_key(filled, bucket, other_host, caplog):
    """Not even that of boto, at its most talkative and with the line cut."""
    caplog.set_level(logging.DEBUG)
    other_host()
    with wall.tenant(filled.tenant):
        assert_right(filled)
        bucket(False)
        other_host()
        assert_right(filled)
        sweep_columns()
    assert caplog.records
    assert s3.SECRET not in caplog.text

"""Days that are read from the mirror for a question: once for all that ask, in their turn, and while there is time."""

import threading
import time
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from django.db import connection

from portal.lib.alone import alone
from portal.tenants import wall
from reports.bundle import Bundle
from reports.columns import files
from reports.columns.build import Builder
from reports.columns.models import ColumnFile, ColumnLedger
from reports.columns.refresh import refresh
from reports.columns.sources import Missing, Sources, ask_sources
from reports.definitions.periods import DAY
from sync.models.calls import Call
from tests import factories
from tests.reports.columns.conftest import FIRST, LAST, assert_right, change, mirrored, read
from tests.reports.columns.test_files import FAULTS, JUNE, MAY, TODAY, fill, gone, path_of, settle

pytestmark = pytest.mark.django_db


@pytest.fixture
def made(monkeypatch) -> list[int]:
    """The environments of which days were read from the mirror, in order."""
    made: list[int] = []
    write = Builder.write

    def watched(builder, *args):
        made.append(builder._environment.pk)
        return write(builder, *args)

    monkeypatch.setattr(Builder, "write", watched)
    return made


@pytest.fixture
def filled(sales, care, made):
    for environment in (sales, care):
        fill(environment)
        settle(environment)
    made.clear()
    return sales


def look_up(*environments, begin) -> Sources:
    bundle = Bundle()
    later = ask_sources(bundle, {row.pk: row for row in environments}, FIRST, LAST, begin)
    bundle.fetch()
    return later()


def live() -> list[str]:
    return sorted(path.name for path in files.beside().glob("live-*"))


# --- Proved -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_file_of_days_read_for_a_question_proves_itself(filled, care, made, fault, caplog):
    """No row knows it, and its name says only what it was made of: another one's valid file in its place was read as no
    call at all, and called complete."""
    mine, theirs = (live_file_of(environment) for environment in (filled, care))
    fault(mine, theirs, theirs)
    with wall.tenant(filled.tenant):
        assert_right(filled)
        assert_right(filled)
    assert made == [filled.pk, care.pk, filled.pk]
    assert ("is damaged or another file" in caplog.text) == (fault is not gone)


def live_file_of(environment) -> Path:
    before = set(live())
    with wall.tenant(environment.tenant):
        change(environment, JUNE)
        assert_right(environment)
    (name,) = set(live()) - before
    return files.beside() / name


# --- Once -------------------------------------------------------------------------------------------------------------


def test_lost_days_are_made_once_for_all_that_ask(filled, made):
    path_of(filled, MAY).unlink()
    with wall.tenant(filled.tenant):
        for _ in range(3):
            assert_right(filled)
        change(filled, JUNE)
        assert_right(filled)
        assert_right(filled)
    assert made == [filled.pk] * 2  # and again as another day changed
    assert len(live()) == 2


def test_what_is_lost_is_right_whatever_happens_meanwhile(filled, made):
    """Each change leaves a mark, and a refresh takes it away: no file made before is taken for what there is then."""
    path_of(filled, MAY).unlink()
    with wall.tenant(filled.tenant):
        assert_right(filled)
        Call.objects.filter(environment=filled, started_at__date=MAY).update(duration_ms=1)
        change(filled, MAY)
        assert_right(filled)
        refresh(filled)
        assert_right(filled)
        path_of(filled, MAY).unlink()
        assert_right(filled)
        Call.objects.filter(environment=filled, started_at__date=MAY).delete()
        change(filled, MAY)
        refresh(filled)
        assert_right(filled)


def test_an_unknown_history_is_made_once_and_right_without_marks(filled, made):
    with wall.tenant(filled.tenant):
        ColumnFile.objects.filter(environment=filled).delete()
        ColumnLedger.objects.filter(environment=filled).update(covers_from=None)
        assert_right(filled)
        assert_right(filled)
        assert made == [filled.pk]
        at = datetime(2026, 5, 3, 13, tzinfo=UTC)
        with factories.at_once():
            factories.call(filled, "late", started_at=at)
        assert_right(filled)
        Call.objects.filter(environment=filled, started_at=at).delete()
        assert_right(filled)
        ColumnLedger.objects.filter(environment=filled).update(covers_from=TODAY + DAY)
        assert_right(filled)
        Call.objects.filter(environment=filled).delete()
        assert_right(filled)


@pytest.mark.django_db(transaction=True)
def test_readers_at_once_make_one_file(filled, made, monkeypatch):
    write, together = Builder.write, threading.Barrier(4)
    monkeypatch.setattr(Builder, "write", lambda *args: (time.sleep(0.3), write(*args))[1])
    with wall.tenant(filled.tenant):
        change(filled, JUNE)
        expected = mirrored(filled)
    told = []

    def ask() -> None:
        try:
            together.wait()
            with wall.tenant(filled.tenant):
                told.append(read(filled))
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == [(expected, ())] * 4
    assert made == [filled.pk]


# --- In turn, and in time ---------------------------------------------------------------------------------------------


def test_a_turn_is_asked_for_only_before_calls_are_read(filled, made):
    begun: list[int] = []

    def begin() -> float:
        begun.append(len(made))
        return time.monotonic() + 20

    with wall.tenant(filled.tenant):
        look_up(filled, begin=begin)
        assert begun == []
        change(filled, JUNE)
        look_up(filled, begin=begin)
        look_up(filled, begin=begin)
    assert (begun, made) == ([0], [filled.pk])


def test_whose_turn_it_is_not_reads_nothing(filled, made):
    def begin() -> float:
        raise PermissionError

    with wall.tenant(filled.tenant):
        change(filled, JUNE)
        with pytest.raises(PermissionError):
            look_up(filled, begin=begin)
    assert (made, live()) == ([], [])


def test_what_there_was_no_time_for_is_told_as_missing(filled, care, made):
    with wall.tenant(filled.tenant):
        as_of = ColumnFile.objects.get(environment=filled, first_day=date(2026, 6, 1)).made_at
        change(filled, JUNE)
        path_of(care, MAY).unlink()
        known = look_up(filled, care, begin=lambda: time.monotonic() - 1)
        assert known.missing == (
            Missing(filled.pk, JUNE, JUNE, as_of),
            Missing(care.pk, date(2026, 5, 1), date(2026, 5, 31)),
        )
        assert (made, live()) == ([], [])
        assert_right(filled)
        assert_right(care)


def test_what_was_read_in_time_stays_for_the_next(filled, care, made, monkeypatch):
    """A page that has to read many environments comes as far as it can, and the next one goes on from there."""
    write = Builder.write
    with wall.tenant(filled.tenant):
        change(filled, JUNE)
        change(care, JUNE)
        with monkeypatch.context() as patch:
            patch.setattr(Builder, "write", lambda *args: (write(*args), time.sleep(0.6))[0])
            until = time.monotonic() + 0.5
            assert [each.environment for each in look_up(filled, care, begin=lambda: until).missing] == [care.pk]
        assert look_up(filled, care, begin=lambda: time.monotonic() + 20).missing == ()
    assert made == [filled.pk, care.pk]


def test_who_waits_for_another_reader_past_the_time_is_told(filled, made):
    ended = threading.Event()
    with wall.tenant(filled.tenant):
        change(filled, JUNE)
        assert_right(filled)
        (path,) = files.beside().glob("live-*")
        path.unlink()

        def make() -> None:
            with alone(path.stem.rpartition("-")[0], time.monotonic() + 20):
                held.set()
                ended.wait(20)

        held = threading.Event()
        other = threading.Thread(target=make)
        other.start()
        assert held.wait(20)
        known = look_up(filled, begin=lambda: time.monotonic() + 0.05)
        ended.set()
        other.join()
        assert [(each.first, each.last) for each in known.missing] == [(JUNE, JUNE)]
        assert_right(filled)
    assert made == [filled.pk] * 2

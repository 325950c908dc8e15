"""Column files made of the mirror: at any time, in any order, killed anywhere, figures are those of the mirror."""

import time
from datetime import UTC, date, datetime, timedelta
from functools import partial

import duckdb
import pytest

from reports.columns import engine, files, refresh, schema
from reports.columns import sources as looked_up
from reports.columns.engine import Statement
from reports.columns.models import ColumnFile, ColumnLedger
from reports.columns.refresh import LEASE, rebuild
from reports.columns.sources import sources
from reports.columns.sweep import forget_retired
from sync.models.calls import Call
from sync.models.changes import DirtyDay
from tests import factories
from tests.reports.columns.conftest import NOW, assert_right, change, mirrored, read

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("behind_acme")]

DAYS = (date(2026, 5, 3), date(2026, 5, 30), date(2026, 6, 11), date(2026, 7, 2), date(2026, 7, 18), date(2026, 7, 20))


def fill(environment, days=DAYS) -> None:
    with factories.at_once():
        for day in days:
            for hour in (0, 23):
                at = datetime(day.year, day.month, day.day, hour, 59, 59, 999_999, tzinfo=UTC)
                factories.call(environment, f"{day}-{hour}", started_at=at, seconds=day.day + hour)


@pytest.fixture
def filled(sales):
    fill(sales)
    return sales


def live(environment) -> list[tuple[date, date, int]]:
    rows = ColumnFile.objects.filter(environment=environment, retired_at__isnull=True).order_by("first_day")
    return list(rows.values_list("first_day", "last_day", "rows"))


def digests(environment) -> list[str]:
    rows = ColumnFile.objects.filter(environment=environment, retired_at__isnull=True).order_by("first_day")
    return list(rows.values_list("digest", flat=True))


def alter(environment, day: date, seconds: int) -> None:
    calls = Call.objects.filter(environment=environment, started_at__date=day)
    assert calls.update(duration_ms=seconds * 1000)
    change(environment, day)


def test_days_that_move_are_files_of_a_day_and_older_ones_of_a_month(filled, clock):
    refresh.refresh(filled)
    months = [(date(2026, 5, 1), date(2026, 5, 31), 4), (date(2026, 6, 1), date(2026, 6, 30), 2)]
    assert live(filled) == [
        *months,
        (date(2026, 7, 1), date(2026, 7, 17), 2),
        (date(2026, 7, 18), date(2026, 7, 18), 2),
        (date(2026, 7, 20), date(2026, 7, 20), 2),
    ]
    assert_right(filled)
    clock.move_to(NOW + timedelta(days=2))
    refresh.refresh(filled, until=1e9)
    july_20 = (date(2026, 7, 20), date(2026, 7, 20), 2)
    assert live(filled) == [*months, (date(2026, 7, 1), date(2026, 7, 19), 4), july_20]
    clock.move_to(NOW + timedelta(days=40))
    refresh.refresh(filled, until=1e9)
    assert live(filled) == [*months, (date(2026, 7, 1), date(2026, 7, 31), 6)]
    assert_right(filled)


@pytest.fixture
def months_together(monkeypatch, months_apart) -> None:
    """Months become one file as long as they have six calls together."""
    monkeypatch.setattr(refresh, "MOST_ROWS", 6)


LONG = [(date(2026, 5, 1), date(2026, 6, 30), 6)]
JULY = [(date(2026, 7, 1), date(2026, 7, 17), 2), *((date(2026, 7, day), date(2026, 7, day), 2) for day in (18, 20))]


@pytest.mark.usefixtures("months_together")
def test_months_of_few_calls_that_are_over_are_one_file(filled, clock):
    refresh.refresh(filled)
    assert live(filled) == LONG + JULY
    assert ColumnFile.objects.count() == 4  # made at once, not merged afterwards
    before = digests(filled)
    rebuild(filled)
    assert (live(filled), digests(filled)) == (LONG + JULY, before)
    fill(filled, [date(2026, 4, 2), date(2026, 8, 3)])
    change(filled, date(2026, 4, 2))
    change(filled, date(2026, 8, 3))
    clock.move_to(NOW + timedelta(days=50))
    assert_right(filled)
    refresh.refresh(filled)
    assert live(filled) == [
        (date(2026, 4, 1), date(2026, 4, 30), 2),
        *LONG,
        (date(2026, 7, 1), date(2026, 7, 31), 6),
        (date(2026, 8, 1), date(2026, 8, 31), 2),
    ]
    assert_right(filled)
    claims = ColumnLedger.objects.get().claims
    assert refresh.refresh(filled, until=1e9) == 0
    assert ColumnLedger.objects.get().claims == claims


@pytest.mark.usefixtures("months_together")
def test_a_changed_day_of_a_long_file_is_read_alone(filled):
    refresh.refresh(filled)
    alter(filled, DAYS[0], 77)
    alter(filled, DAYS[2], 78)
    assert_right(filled)  # before it is made anew
    assert refresh.refresh(filled) == 2
    assert live(filled) == LONG + JULY
    assert ColumnFile.objects.count() == 5  # once for both days
    assert_right(filled)


def test_months_are_merged_when_they_are_over_and_a_rebuild_keeps_them(filled, monkeypatch):
    refresh.refresh(filled)
    months = live(filled)
    monkeypatch.setattr(refresh, "MOST_ROWS", 6)
    assert refresh.refresh(filled, until=1e9) == 0
    assert live(filled) == LONG + JULY != months
    assert_right(filled)
    rebuild(filled, since=DAYS[2], until=DAYS[2])
    assert live(filled) == LONG + JULY
    assert_right(filled)


def test_a_lone_day_becomes_the_file_of_its_month_and_is_not_owed_for_ever(sales, clock):
    fill(sales, [date(2026, 7, 20)])
    refresh.refresh(sales)
    before = ColumnFile.objects.get()
    clock.move_to(NOW + timedelta(days=20))
    refresh.refresh(sales, until=1e9)
    assert live(sales) == [(date(2026, 7, 1), date(2026, 7, 31), 2)]
    claims = ColumnLedger.objects.get().claims
    assert refresh.refresh(sales, until=1e9) == 0
    assert ColumnLedger.objects.get().claims == claims
    clock.move_to(NOW + timedelta(days=21))
    forget_retired()
    assert not (files.root() / before.name).exists()
    assert_right(sales)


def test_a_changed_day_is_made_anew_and_the_rest_kept(filled):
    refresh.refresh(filled)
    rows = {row.first_day: row.digest for row in ColumnFile.objects.all()}
    alter(filled, DAYS[0], 77)
    assert_right(filled)  # before it is made anew
    assert refresh.refresh(filled) == 1
    now = {row.first_day: row.digest for row in ColumnFile.objects.filter(retired_at__isnull=True)}
    assert {day for day in now if now[day] != rows[day]} == {date(2026, 5, 1)}
    assert not DirtyDay.objects.exists()
    assert_right(filled)


def test_a_day_that_loses_its_calls_loses_its_file(filled):
    refresh.refresh(filled)
    Call.objects.filter(started_at__date=DAYS[-1]).delete()
    change(filled, DAYS[-1])
    refresh.refresh(filled)
    assert DAYS[-1] not in [first for first, _last, _rows in live(filled)]
    assert_right(filled)


def test_newest_days_come_first_and_the_rest_is_read_live_meanwhile(filled, monkeypatch):
    made = []
    replaced = refresh._replace

    def replace(work, unit, days, **fields):
        replaced(work, unit, days, **fields)
        made.append(unit.first)
        work.until = 0.0 if len(made) == 2 else work.until

    monkeypatch.setattr(refresh, "_replace", replace)
    refresh.refresh(filled)
    assert made == [date(2026, 7, 20), date(2026, 7, 18)]
    assert ColumnLedger.objects.get().covers_from == date(2026, 7, 18)
    assert_right(filled)
    alter(filled, DAYS[1], 3)  # of which no file is known: it is made when its turn comes
    refresh.refresh(filled, until=1e9)
    assert made == sorted(made, reverse=True)
    assert ColumnLedger.objects.get().covers_from == date.min
    assert not DirtyDay.objects.exists()
    assert_right(filled)


def test_no_file_is_begun_after_its_time(filled):
    assert refresh.refresh(filled, until=time.monotonic() - 1) == 0
    assert not ColumnFile.objects.exists()
    assert_right(filled)


def test_nothing_is_written_when_nothing_changed(filled, django_assert_num_queries):
    refresh.refresh(filled)
    ledger, rows = ColumnLedger.objects.values().get(), list(ColumnFile.objects.order_by("pk").values())
    with django_assert_num_queries(3):
        assert refresh.refresh(filled, until=1e9) == 0
    assert ColumnLedger.objects.values().get() == ledger
    refresh.refresh(filled)
    assert list(ColumnFile.objects.order_by("pk").values()) == rows


def stepping(monkeypatch, act) -> None:
    """Have every refresh call ``act`` with the name of each step."""
    claimed = refresh._claimed

    def claim(environment, until):
        work = claimed(environment, until)
        if work is not None:
            work.step = partial(act, work)
        return work

    monkeypatch.setattr(refresh, "_claimed", claim)


def test_a_mark_that_grows_while_it_is_counted_stays(filled, monkeypatch):
    refresh.refresh(filled)
    alter(filled, DAYS[0], 5)

    def act(_work, name):
        if name == "written":
            alter(filled, DAYS[0], 6)

    with monkeypatch.context() as patch:
        stepping(patch, act)
        refresh.refresh(filled)
    assert DirtyDay.objects.get().day == DAYS[0]
    assert_right(filled)
    refresh.refresh(filled)
    assert not DirtyDay.objects.exists()
    assert_right(filled)


class Killed(BaseException):
    pass


@pytest.mark.parametrize("at", ["written", "placed", "switched"])
def test_killed_at_any_step_it_heals(filled, monkeypatch, at):
    def die(_work, name):
        if name == at:
            raise Killed

    for changed in (None, DAYS[0], DAYS[-1]):
        if changed:
            alter(filled, changed, 91)
        with monkeypatch.context() as patch:
            stepping(patch, die)
            # A process that is killed gives nothing back: the claim runs out by itself.
            patch.setattr(type(LEASE), "settle", lambda *_args, **_fields: True)
            with pytest.raises(Killed):
                refresh.refresh(filled)
        assert_right(filled)
        assert refresh.refresh(filled) == 0  # held by the one that was killed
        ColumnLedger.objects.update(held_until=None)
        assert refresh.refresh(filled) > 0
        assert not DirtyDay.objects.exists()
        assert_right(filled)
    assert not list(files.beside().glob("*.csv"))


def test_two_at_once_make_each_file_once(filled, monkeypatch):
    second = []

    def act(_work, name):
        second.append(refresh.refresh(filled))

    with monkeypatch.context() as patch:
        stepping(patch, act)
        assert refresh.refresh(filled) > 0
    assert second
    assert set(second) == {0}
    assert_right(filled)


def test_one_that_slept_through_its_claim_writes_nothing_more(filled, monkeypatch):
    def act(_work, name):
        if name == "placed" and ColumnLedger.objects.get().claims == 1:
            ColumnLedger.objects.update(held_until=None)
            refresh.refresh(filled)

    with monkeypatch.context() as patch:
        stepping(patch, act)
        refresh.refresh(filled)
    assert ColumnLedger.objects.get().claims == 2
    assert ColumnFile.objects.count() == len(live(filled)) == 5
    assert_right(filled)


def test_a_rebuild_gives_the_same_files(filled):
    refresh.refresh(filled)
    before = digests(filled)
    rebuild(filled)
    assert digests(filled) == before
    rebuild(filled, since=DAYS[1], until=DAYS[2])
    assert digests(filled) == before
    assert_right(filled)


def test_equal_calls_of_another_environment_give_equal_columns(filled, acme):
    other = type(filled).objects.create(tenant=acme, name="Twin", provider="talkover")
    fill(other)
    contents = []
    for environment in (filled, other):
        refresh.refresh(environment)
        rows = ColumnFile.objects.filter(environment=environment, retired_at__isnull=True).order_by("first_day")
        names = ", ".join(name for name in schema.NAMES if name != "environment")
        contents.append([
            duckdb.sql(f"SELECT {names} FROM read_parquet('{files.local(row)}', hive_partitioning = false)").fetchall()
            for row in rows
        ])  # fmt: skip
    assert contents[0] == contents[1]
    assert sum(map(len, contents[0])) == 2 * len(DAYS)


def test_files_of_other_rules_are_never_read(filled, monkeypatch):
    refresh.refresh(filled)
    old = set(digests(filled))
    monkeypatch.setattr(schema, "VERSION", 99)
    Call.objects.filter(environment=filled).update(duration_ms=4321)  # so that a file read after all would be seen
    assert_right(filled)
    refresh.refresh(filled, until=1e9)
    rows = ColumnFile.objects.filter(retired_at__isnull=True)
    assert {row.rules for row in rows} == {schema.rules_of("talkover")}
    assert not old & {row.digest for row in rows}
    assert_right(filled)


def test_a_replaced_file_stays_for_an_hour(filled, clock):
    refresh.refresh(filled)
    alter(filled, DAYS[0], 12)
    refresh.refresh(filled)
    old = ColumnFile.objects.get(retired_at__isnull=False)
    clock.move_to(NOW + timedelta(minutes=59))
    assert forget_retired() == 0
    assert (files.root() / old.name).exists()
    clock.move_to(NOW + timedelta(minutes=61))
    assert forget_retired() == 1
    assert not (files.root() / old.name).exists()
    assert not ColumnFile.objects.filter(pk=old.pk).exists()
    assert_right(filled)


def test_a_file_made_anew_with_the_same_content_outlives_the_old_row(filled, clock):
    refresh.refresh(filled)
    change(filled, DAYS[0])
    refresh.refresh(filled)
    clock.move_to(NOW + timedelta(hours=2))
    assert forget_retired() == 1
    assert read(filled)[0] == mirrored(filled)
    assert all((files.root() / row.name).exists() for row in ColumnFile.objects.all())


def test_content_that_comes_back_while_old_files_are_removed_keeps_its_file(filled, clock, monkeypatch):
    """A call flips and flips back: its file is again the one that was retired, by name and to the last byte."""
    refresh.refresh(filled)
    for seconds in (5, 6):
        alter(filled, DAYS[0], seconds)
        refresh.refresh(filled)
    clock.move_to(NOW + timedelta(hours=2))
    remove = files.remove

    def flip_back(row):
        monkeypatch.setattr(files, "remove", remove)
        alter(filled, DAYS[0], 5)
        refresh.refresh(filled)
        remove(row)

    monkeypatch.setattr(files, "remove", flip_back)
    assert forget_retired() == 2
    monkeypatch.setattr(looked_up, "MOST_LIVE", 0)  # a file that is gone is not read from the mirror instead
    assert_right(filled)


def test_an_open_call_moves_on_without_a_new_file(sales, clock):
    from_now = {"status": "initiated", "seconds": None}
    factories.call(sales, "open", started_at=NOW - timedelta(hours=1), **from_now)
    refresh.refresh(sales)
    before = digests(sales)
    assert outcomes(sales) == ["open"]
    clock.move_to(NOW + timedelta(hours=48))
    assert outcomes(sales) == ["unresolved"]
    assert digests(sales) == before


def outcomes(environment) -> list[str]:
    known = sources({environment.pk: environment}, date(2026, 7, 1), date(2026, 7, 31))
    relation = known.relation([environment.pk], NOW - timedelta(days=3), NOW, datetime.now(UTC))
    return [row[0] for row in engine.run(Statement(f"SELECT outcome FROM {relation}"), deadline=1e9)]

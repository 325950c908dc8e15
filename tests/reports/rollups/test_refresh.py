"""When a day is counted, when it is relied on, and what a change while counting does."""

import json
from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db.models import F

from portal.tenants import wall
from reports.periods import Period, day_number
from reports.queries.ask import ask
from reports.queries.freshness import completeness
from reports.queries.question import Filters, Question
from reports.rollups import days, refresh
from reports.rollups.models import AgentDayRollup, CountedDay, DayRollup
from reports.rollups.refresh import rebuild, refresh_dirty
from reports.scope import Scope
from sync.models.calls import Call
from sync.models.changes import DirtyDay
from tests import factories
from tests.factories import TIME_ZERO
from tests.reports.world import make_world

DAY = date(2026, 7, 8)
LATER = datetime(2026, 7, 12, 12, tzinfo=UTC)


def dirty(environment, day: date = DAY) -> DirtyDay:
    return DirtyDay.objects.create(tenant_id=environment.tenant_id, environment=environment, day=day, since=LATER)


def total(acme, environment, now: datetime = LATER, metric: str = "attempts") -> float | None:
    question = Question((metric,), Period(DAY, DAY + timedelta(days=1), acme.zone))
    return ask(question, Scope(acme.pk, acme.zone, frozenset({environment.pk})), now=now).totals[metric].value


def snapshot() -> list:
    return [
        sorted(
            map(repr, model.objects.values_list(*(field.name for field in model._meta.fields if field.name != "id")))
        )
        for model in (DayRollup, AgentDayRollup)
    ]


@pytest.fixture(autouse=True)
def _later():
    with time_machine.travel(LATER, tick=False):
        yield


def test_a_dirty_day_is_counted_and_cleared(behind_acme, acme, sales):
    factories.call(sales, "a")
    dirty(sales)
    assert refresh_dirty() >= 1
    row = DayRollup.objects.get()
    assert (row.day, row.n, row.duration_ms, row.outcome, row.hours[12]) == (
        day_number(DAY),
        1,
        120_000,
        "connected",
        1,
    )
    assert not DirtyDay.objects.exists()
    assert refresh_dirty() == 0


def test_counting_twice_gives_the_same_rows(behind_acme, acme, sales, monkeypatch):
    monkeypatch.setattr(days, "HORIZON", timedelta(days=300))  # calls of 2026, not the empty years before it
    with time_machine.travel(datetime(2026, 11, 20, tzinfo=UTC), tick=False):
        world = make_world(acme, count=300)
        refresh_dirty()
        before = snapshot()
        for environment in world.environments:
            rebuild(environment)
        assert snapshot() == before


def test_days_not_settled_are_asked_of_the_calls(behind_acme, acme, sales):
    factories.call(sales, "a", status="initiated")
    with time_machine.travel(TIME_ZERO + timedelta(hours=20), tick=False):
        dirty(sales)
        refresh_dirty()
        assert not CountedDay.objects.filter(day=DAY).exists()
        assert not DirtyDay.objects.exists()
        assert total(acme, sales, TIME_ZERO + timedelta(hours=20), "open_calls") == 1
    refresh_dirty()
    assert CountedDay.objects.filter(day=DAY).exists()
    assert total(acme, sales, metric="unresolved_calls") == 1
    assert total(acme, sales, TIME_ZERO + timedelta(hours=20), "open_calls") == 1  # as it was then


def test_rollups_are_really_read_once_they_hold(behind_acme, acme, sales):
    factories.call(sales, "a")
    refresh_dirty()
    DayRollup.objects.update(n=41)
    assert total(acme, sales) == 41


def test_how_many_calls_a_counted_day_has_is_kept_with_it(behind_acme, acme, care):
    """A vendor that is read agent by agent tells no totals, so how many calls are mirrored is said from there."""
    scope, period = Scope(acme.pk, acme.zone, frozenset({care.pk})), Period(DAY, DAY + timedelta(days=1), acme.zone)
    for number, key in enumerate(("a", "b"), 1):
        factories.call(care, key, is_test=key == "b")
        dirty(care)
        refresh_dirty()
        assert CountedDay.objects.get(day=DAY).calls == number
        assert completeness(scope, period, Filters(), now=LATER).mirrored == number


@pytest.mark.parametrize("undo", ["dirty", "zone", "version", "early"])
def test_a_day_that_no_longer_holds_is_asked_of_the_calls(behind_acme, acme, sales, undo):
    factories.call(sales, "a")
    refresh_dirty()
    DayRollup.objects.update(n=41)
    if undo == "dirty":
        dirty(sales)
    elif undo == "zone":
        CountedDay.objects.update(zone="UTC")
    elif undo == "version":
        CountedDay.objects.update(version=0)
    else:
        CountedDay.objects.update(counted_at=TIME_ZERO + timedelta(days=1))
    assert total(acme, sales) == 1
    assert refresh_dirty() >= 1
    assert DayRollup.objects.get().n == 1


def test_a_new_zone_counts_every_day_anew(behind_acme, acme, sales):
    factories.call(sales, "a", started_at=datetime(2026, 7, 9, 1, tzinfo=UTC))  # the 8th in Sao Paulo
    refresh_dirty()
    assert DayRollup.objects.get().day == day_number(DAY)
    acme.zone = "UTC"
    acme.save()
    refresh_dirty()
    assert DayRollup.objects.get().day == day_number(DAY) + 1


def test_a_call_that_moved_leaves_its_old_day(behind_acme, acme, sales):
    call = factories.call(sales, "a")
    refresh_dirty()
    Call.objects.filter(pk=call.pk).update(started_at=TIME_ZERO + timedelta(days=1))
    dirty(sales)
    dirty(sales, DAY + timedelta(days=1))
    refresh_dirty()
    assert total(acme, sales) == 0
    assert DayRollup.objects.get().day == day_number(DAY) + 1


def test_a_change_while_counting_keeps_the_day_dirty(behind_acme, acme, sales, monkeypatch):
    factories.call(sales, "a")
    dirty(sales)
    real = refresh.count

    def count_while_a_call_comes(*args, **kwargs):
        counted = real(*args, **kwargs)
        factories.call(sales, "late")
        DirtyDay.objects.update(mark=F("mark") + 1)
        return counted

    monkeypatch.setattr(refresh, "count", count_while_a_call_comes)
    refresh_dirty()
    assert DirtyDay.objects.count() == 1
    assert total(acme, sales) == 2
    monkeypatch.setattr(refresh, "count", real)
    refresh_dirty()
    assert DayRollup.objects.get().n == 2


def test_a_call_dated_in_another_age_makes_no_ledger_of_ages(behind_acme, acme, sales):
    factories.call(sales, "old", started_at=datetime(1971, 1, 1, tzinfo=UTC))
    refresh_dirty()
    assert CountedDay.objects.count() < 2000


def test_test_calls_and_other_tenants_stay_out(behind_acme, acme, globex, sales, foreign):
    factories.call(sales, "test", is_test=True)
    with wall.tenant(globex):
        factories.call(foreign, "a")
    refresh_dirty()
    assert not DayRollup.objects.exists()
    with wall.tenant(globex):
        assert not CountedDay.objects.exists()


def test_the_command_rebuilds_what_is_named(acme, sales, care):
    with wall.tenant(acme):
        factories.call(sales, "a")
        factories.call(care, "b")
    out = StringIO()
    call_command("rebuild_rollups", "--environment", str(sales.public_id), "--json", stdout=out)
    assert json.loads(out.getvalue())["days"] >= 1
    with wall.tenant(acme):
        assert list(DayRollup.objects.values_list("environment_id", flat=True)) == [sales.pk]
    call_command("rebuild_rollups", stdout=StringIO())
    with wall.tenant(acme):
        assert DayRollup.objects.count() == 2
    with pytest.raises(CommandError):
        call_command("rebuild_rollups", "--since", "2026-02-01", "--until", "2026-01-01")
    with pytest.raises(CommandError, match="--since: 2999-01-01 lies in the future"):
        call_command("rebuild_rollups", "--since", "2999-01-01")

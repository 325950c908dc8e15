"""When the join of a day is kept, and what makes it be done anew."""

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine

from reports.rollups.contacts import unpacked
from reports.rollups.loop import held_days, read_rings, rules
from reports.rollups.loop_models import LoopDay, MissedCall, ReturnedAttempt, Ring, UnreachedDay
from reports.rollups.models import Contact
from reports.rollups.refresh import rebuild, refresh_dirty
from sync.models.changes import DirtyDay
from tests import factories
from tests.factories import TIME_ZERO

LATER = datetime(2026, 7, 20, 12, tzinfo=UTC)
CONTACT = "+5511987654321"


@pytest.fixture(autouse=True)
def _later():
    with time_machine.travel(LATER, tick=False):
        yield


@pytest.fixture
def line(behind_acme, sales):
    """An agent that dials and one that takes its callbacks."""
    dials = factories.agent(sales, "dials")
    takes = factories.agent(sales, "takes", takes_callbacks=True, callback_sources=["dials", "never-seen"])
    return sales, dials, takes


def out(line, name: str, hours: float, **fields):
    at = TIME_ZERO + timedelta(hours=hours)
    fields = {"status": "no-answer", "to_number": CONTACT} | fields
    return factories.call(line[0], name, agent=line[1], started_at=at, **fields)


def back(line, name: str, hours: float, **fields):
    at = TIME_ZERO + timedelta(hours=hours)
    fields = {"direction": "inbound", "from_number": CONTACT} | fields
    return factories.call(line[0], name, agent=line[2], started_at=at, **fields)


def dirty(environment, day: date) -> None:
    DirtyDay.objects.create(tenant_id=environment.tenant_id, environment=environment, day=day, since=LATER)


def rows() -> list:
    return [
        sorted(map(repr, model.objects.values_list(*(each.name for each in model._meta.fields if each.name != "id"))))
        for model in (Ring, ReturnedAttempt, MissedCall)
    ]


def held(acme, environment, now: datetime = LATER) -> set[date]:
    known = rules([environment])
    return held_days(known, acme.zone, (TIME_ZERO - timedelta(days=20), LATER), now)[environment.pk]


def test_a_settled_day_keeps_its_returns_and_missed_calls(acme, line):
    sales, dials, takes = line
    out(line, "first", 0)
    last = out(line, "last", 2, status="completed")
    out(line, "test", 3, is_test=True)
    call = back(line, "return", 5)
    missed = back(line, "missed", 30, status="no-answer", contact="5511900000009")
    refresh_dirty()
    ring = Ring.objects.get(call_id=call.pk)
    assert (ring.answers_id, ring.source_id, ring.agent_id) == (last.pk, dials.pk, takes.pk)
    assert (ring.attempts, ring.waited_ms, ring.waited_first_ms) == (2, 3 * 3_600_000, 5 * 3_600_000)
    assert list(ReturnedAttempt.objects.order_by("started_at").values_list("unreached", flat=True)) == [True, False]
    assert list(MissedCall.objects.values_list("call_id", flat=True)) == [missed.pk]
    assert not Ring.objects.get(call_id=missed.pk).again
    assert TIME_ZERO.date() in held(acme, sales)


def test_a_settled_day_keeps_whom_nobody_reached(acme, line):
    sales, dials, takes = line
    for name, hours, fields in (
        ("twice", 0, {}),
        ("once more", 1, {}),
        ("another", 2, {"to_number": "+5511987654399"}),
        ("reached", 3, {"to_number": "+5511987654398", "status": "completed"}),
        ("test", 3, {"to_number": "+5511987654397", "is_test": True}),
        ("of nobody", 3, {"to_number": "+5511987654396", "agent": factories.agent(sales, "uncovered")}),
    ):
        at = TIME_ZERO + timedelta(hours=hours)
        fields = {"agent": dials, "status": "no-answer", "to_number": CONTACT} | fields
        factories.call(sales, name, started_at=at, **fields)
    refresh_dirty()
    row = UnreachedDay.objects.get()
    numbers = Contact.objects.filter(pk__in=list(unpacked(row.contacts))).values_list("number", flat=True)
    assert (row.agent_id, sorted(numbers)) == (dials.pk, ["5511987654321", "5511987654399"])
    out(line, "later", 4, to_number="+5511987654395")
    dirty(sales, TIME_ZERO.date())
    refresh_dirty()
    assert len(unpacked(UnreachedDay.objects.get().contacts)) == 3
    takes.callback_sources = ["uncovered"]
    takes.save()
    refresh_dirty()
    assert UnreachedDay.objects.get().agent.external_id == "uncovered"


def test_a_missed_call_says_whether_it_was_followed_the_same_day(acme, line):
    first = back(line, "missed", 0, status="no-answer")
    second = back(line, "missed again", 2, status="no-answer")
    met = out(line, "met", 1, status="completed")
    refresh_dirty()

    def followed() -> dict:
        return dict(MissedCall.objects.values_list("call_id", "followed"))

    assert followed() == {first.pk: True, second.pk: False}
    assert set(MissedCall.objects.values_list("key", flat=True)) == {Contact.objects.get().pk}
    type(met).objects.filter(pk=met.pk).update(status="busy")
    dirty(line[0], met.started_at.date())
    refresh_dirty()
    assert followed() == {first.pk: False, second.pk: False}


def test_what_is_kept_is_what_the_calls_say(acme, line):
    for n in range(60):
        out(line, f"o{n}", n * 5)
        back(line, f"i{n}", n * 5 + n % 9)
    refresh_dirty()
    known = rules([line[0]])
    live = read_rings(known, {(TIME_ZERO, LATER): frozenset({line[0].pk})}, LATER)
    kept = Ring.objects.order_by("started_at", "call_id").values_list("call_id", "answers_id", "attempts", "again")
    settled = [ring for ring in live if ring.at < LATER - timedelta(days=3)]
    assert list(kept)[: len(settled)] == [
        (ring.call, ring.answers.call if ring.answers else None, len(ring.given), ring.again) for ring in settled
    ]
    assert len(settled) > 30


def test_an_attempt_that_comes_late_reopens_the_days_after_it(acme, line):
    call = back(line, "return", 60)
    day = call.started_at.date()
    refresh_dirty()
    assert day in held(acme, line[0])
    late = out(line, "late", 0)
    dirty(line[0], late.started_at.date())
    assert day not in held(acme, line[0])
    assert day + timedelta(days=5) in held(acme, line[0])
    refresh_dirty()
    assert day in held(acme, line[0])
    assert Ring.objects.get(call_id=call.pk).answers_id == late.pk


def test_other_hours_other_sources_and_another_zone_join_anew(acme, line):
    sales, _dials, takes = line
    out(line, "attempt", 0)
    call = back(line, "return", 60)

    def answered() -> bool:
        refresh_dirty()
        sales.refresh_from_db()
        return Ring.objects.get(call_id=call.pk).answers_id is not None

    assert answered()
    acme.callback_hours = 24
    acme.save()
    sales.refresh_from_db()
    assert not held(acme, sales)
    assert not answered()
    acme.callback_hours = 96
    acme.zone = "Asia/Kathmandu"
    acme.save()
    assert answered()
    takes.callback_sources = []
    takes.save()
    assert not held(acme, sales)
    assert not answered()


def test_a_rebuild_gives_the_same_rows(acme, line):
    for n in range(20):
        out(line, f"o{n}", n * 7)
        back(line, f"i{n}", n * 7 + 3, status="no-answer" if n % 3 else "completed")
    refresh_dirty()
    before = rows()
    assert all(before)
    rebuild(line[0])
    assert rows() == before
    LoopDay.objects.all().delete()
    refresh_dirty()
    assert rows() == before


def test_days_before_they_are_settled_are_not_held(acme, line):
    back(line, "return", 0)
    refresh_dirty()
    assert max(held(acme, line[0])) == date(2026, 7, 17)
    assert held(acme, line[0], TIME_ZERO) <= {date(2026, 7, day) for day in range(1, 7)}


def test_a_vendor_without_callbacks_keeps_none(behind_acme, care):
    factories.call(care, "x", direction="inbound", status="no-answer")
    refresh_dirty()
    assert not LoopDay.objects.exists()
    assert not MissedCall.objects.exists()

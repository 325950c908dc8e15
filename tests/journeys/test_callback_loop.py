"""The callback loop over a mirrored vendor: pair by pair what the vendor itself knows, and figures counted anew."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from portal.tenants.models.grants import Grant
from reports.columns.models import ColumnFile
from reports.columns.refresh import refresh_tenant
from reports.definitions.callback_metrics import CALLBACK_LOOP
from reports.definitions.periods import Period, local_date
from reports.queries.ask import ask
from reports.queries.callbacks.lists import CallbackQuestion, returns
from reports.queries.callbacks.open import still_open
from reports.queries.callbacks.story import story
from reports.queries.question import Question
from reports.queries.scope import Scope
from sync.models.calls import Call
from sync.reading.runner import pull
from tests.journeys.conftest import connect, served, since
from tests.journeys.truth import CONNECTED, UNREACHED, of_talkover, percentile

pytestmark = pytest.mark.django_db(transaction=True)

KEYS = tuple(metric.key for metric in CALLBACK_LOOP)


@pytest.fixture
def mirror(box, acme, acme_wall):
    connection = connect(acme, box)
    assert pull(connection).status == "complete"
    return connection


def scope_of(acme) -> Scope:
    return Scope.of(Grant.objects.create(tenant=acme, all_environments=True, sees_numbers=True))


def at(element: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(element["created_at"]).astimezone(UTC)


def every_return(scope: Scope) -> list[dict[str, Any]]:
    """Every page of the list, and back again."""
    pages, cursor = [], ""
    while True:
        page = returns(CallbackQuestion(), scope, cursor=cursor, size=20)
        pages.append(page.rows)
        if not page.next:
            break
        cursor = page.next
    back = [page.rows]
    while page.previous:
        page = returns(CallbackQuestion(), scope, cursor=page.previous, size=20)
        back.append(page.rows)
    assert [row["id"] for rows in reversed(back) for row in rows] == [row["id"] for rows in pages for row in rows]
    return [row for rows in pages for row in rows]


@pytest.mark.parametrize("kept", [False, True])
def test_every_return_answers_the_call_the_vendor_knows(box, acme, mirror, kept):
    if kept:
        refresh_tenant()
        assert ColumnFile.objects.exists()
    rows = every_return(scope_of(acme))
    names = dict(Call.objects.values_list("pk", "external_id"))
    ours = {names_of(names, row["id"]): names_of(names, row["answers"]) for row in rows}
    assert ours == box.world.returns
    assert len(rows) == len(ours) > 30
    assert [row["started_at"] for row in rows] == sorted((row["started_at"] for row in rows), reverse=True)
    calls = served(box)
    for row in rows:
        mine, answered = calls[names_of(names, row["id"])], calls[names_of(names, row["answers"])]
        assert row["waited"] == (at(mine) - at(answered)).total_seconds() <= 72 * 3600
        assert row["number"] == mine["from"] == answered["to"]


def names_of(names: Mapping[Any, str], key: str) -> str:
    return next(name for pk, name in names.items() if str(pk) == key)


def test_the_six_figures_are_those_of_the_vendors_own_knowledge(box, acme, mirror):
    now, zone = box.now, acme.zone
    day = local_date(now, zone)
    period = Period(since(box) + timedelta(days=3), day + timedelta(days=1), zone)
    expected = counted_again(box, period.start, day, zone)
    live = ask(Question(KEYS, period, compare=False), scope_of(acme), now=now)
    refresh_tenant()
    kept = ask(Question(KEYS, period, compare=False), scope_of(acme), now=now)
    for answer in (live, kept):
        assert {key: answer.totals[key].value for key in KEYS} == pytest.approx(expected)
    assert expected["derived_callbacks"] > 20
    assert 0 < expected["return_rate"] < 100
    assert expected["still_open"] > 3
    page = still_open(CallbackQuestion(date_from=period.start, date_to=day), scope_of(acme), size=500)
    assert page.count == len({row["contact_id"] for row in page.rows}) == expected["still_open"]
    assert [row["last_missed_at"] for row in page.rows] == sorted(row["last_missed_at"] for row in page.rows)


def counted_again(box, first: date, last: date, zone: str) -> dict[str, float]:
    calls = served(box)
    told = {key: call for key, element in calls.items() if (call := of_talkover(element, box.now)) is not None}

    def inside(call) -> bool:
        return first <= call.start.astimezone(ZoneInfo(zone)).date() <= last

    pairs = {back: out for back, out in box.world.returns.items() if inside(told[back])}
    waits = sorted((told[back].start - told[out].start).total_seconds() / 60 for back, out in pairs.items())
    rung = {told[back].contact: told[back].start for back in box.world.returns}
    covered = {source for agent in box.world.callback_agents for source in agent.sources}
    tries = [call for call in told.values() if call.direction == "outbound"]

    def answered_by(back: str) -> int:
        ring = told[back]
        window = timedelta(hours=72)
        return sum(ring.start - window <= call.start < ring.start for call in tries if call.contact == ring.contact)

    unreached = [call for call in tries if call.agent in covered and call.outcome == UNREACHED and inside(call)]
    back = {
        call.contact
        for call in unreached
        if call.contact in rung and call.start < rung[call.contact] <= call.start + timedelta(hours=72)
    }
    connected = [call for call in told.values() if call.outcome == CONNECTED]
    waiting = {
        call.contact
        for call in told.values()
        if call.direction == "inbound"
        and call.outcome == UNREACHED
        and inside(call)
        and not any(other.contact == call.contact and other.start > call.start for other in connected)
    }
    return {
        "derived_callbacks": len(pairs),
        "return_rate": 100 * len(back) / len({call.contact for call in unreached}),
        "time_to_callback_median": percentile(waits, 0.5),
        "time_to_callback_p90": percentile(waits, 0.9),
        "attempts_before_callback": sum(map(answered_by, pairs)) / len(pairs),
        "still_open": len(waiting),
    }


def test_the_vendors_totals_and_ours_are_told_apart(box, acme, mirror):
    refresh_tenant()
    # In UTC both count the same days.
    acme.zone = "UTC"
    acme.save()
    scope = scope_of(acme)
    first, today = since(box) + timedelta(days=3), box.now.date()
    found = story(Question(KEYS, Period(first, today + timedelta(days=1), "UTC"), compare=False), scope, now=box.now)
    assert found.vendor_totals is not None
    assert found.calls == found.vendor_totals["received"] > 0
    assert found.vendor_totals["unmatched"] == found.calls - found.returns == found.again + found.late + found.unknown
    assert found.unknown > 0
    assert not found.days_without_totals
    assert sum(source.returns for source in found.sources) == found.returns == sum(found.attempts.values())

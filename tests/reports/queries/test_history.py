"""What changed of a call, and the calls beside it in a list."""

from datetime import timedelta

import pytest

from reports.queries.calls.history import Change, history
from reports.queries.calls.lists import beside, page
from reports.queries.calls.neighbours import around
from reports.queries.question import CallQuestion, Filters, QuestionError
from reports.queries.scope import Scope
from sync.models.changes import CallChange
from tests import factories

ZERO = factories.TIME_ZERO


@pytest.fixture
def scope(behind_acme, sales, care):
    return Scope(behind_acme.pk, behind_acme.zone, frozenset({sales.pk, care.pk}), None, True)


def test_each_change_tells_what_was_and_what_became(scope, behind_acme, sales):
    moved = ZERO + timedelta(seconds=7)
    call = factories.call(sales, "t-1", started_at=moved)
    for minutes, was_start, was, now in ((1, ZERO, "ringing", "ringing"), (2, moved, "ringing", "busy")):
        CallChange.objects.create(
            tenant=behind_acme,
            environment=sales,
            call=call,
            at=ZERO + timedelta(minutes=minutes),
            was_started_at=was_start,
            was_status=was,
            was_duration_ms=1500,
            now_status=now,
            now_duration_ms=None if now == "busy" else 1500,
        )
    first, second = history(call.pk, moved, scope)
    assert first.fields == (Change("started_at", ZERO, moved),)
    assert second.fields == (Change("status", "ringing", "busy"), Change("duration", 1.5, None))
    assert history(factories.call(sales, "t-2").pk, ZERO, scope) == []


@pytest.mark.parametrize("ordering", ["-started_at", "started_at", "-changed_at", "changed_at", "duration", "-status"])
def test_neighbours_are_those_of_the_list(scope, sales, care, ordering):
    for n in range(24):
        # Gaps of seconds and hours, one of more than a year, and equal times.
        gap = timedelta(seconds=n // 2) + timedelta(hours=3 * (n // 6)) + timedelta(days=400 * (n // 12))
        factories.call(
            (sales, care)[n % 2],
            f"x-{n}",
            started_at=ZERO + gap,
            changed_at=ZERO + timedelta(minutes=n % 7),
            status=("completed", "busy")[n % 3 == 0],
        )
    for filters in (Filters(), Filters(statuses=("completed",)), Filters(environments=(sales.public_id,))):
        question = CallQuestion(None, None, scope.zone, filters)
        rows = page(question, scope, size=100, ordering=ordering).rows
        ids = ["", *(row["id"] for row in rows), ""]
        for place, row in enumerate(rows, 1):
            assert beside(row, question, scope, ordering=ordering) == (ids[place - 1], ids[place + 1])
    with pytest.raises(QuestionError):
        beside(rows[0], question, scope, ordering="nothing")


def test_around_a_call_are_the_contacts_calls_in_order(scope, sales, care):
    calls = [factories.call((sales, care)[n % 2], f"x-{n}", started_at=ZERO + timedelta(minutes=n)) for n in range(14)]
    factories.call(sales, "other", started_at=ZERO, to_number="+5511900000000")
    found = around(str(calls[6].pk), scope)
    assert [row.id for row in found.before] == [str(call.pk) for call in calls[1:6]]
    assert [row.id for row in found.after] == [str(call.pk) for call in calls[7:12]]
    assert (found.more_before, found.more_after) == (True, True)
    narrow = around(str(calls[6].pk), scope.only(sales.pk))
    assert [row.id for row in narrow.before] == [str(call.pk) for call in calls[0:6:2]]
    assert narrow.more_before is False
    withheld = factories.call(sales, "w", to_number="", contact="")
    assert around(str(withheld.pk), scope).before == ()

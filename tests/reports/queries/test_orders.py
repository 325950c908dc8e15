"""The list of calls in the order of a column: every call once, what says nothing last, no number told."""

import base64
from datetime import timedelta

import pytest

from portal.tenants import wall
from reports.queries.calls import lists, orders
from reports.queries.calls.lists import page, stream
from reports.queries.question import CallQuestion, Filters, QuestionError
from reports.queries.scope import Scope
from sync.models.calls import Call
from tests import factories
from tests.factories import TIME_ZERO
from tests.reports.world import make_world

OF_ROW = {
    "number": lambda row: row["contact"] or None,
    "agent": lambda row: (row["agent_name"].lower() + "\t", row["agent"]) if row["agent"] else None,
    "environment": lambda row: row["environment_name"].lower(),
    "line": lambda row: row["from_number" if row["direction"] == "outbound" else "to_number"] or None,
    "cause": lambda row: row["hangup_cause"].lower() or None,
    "id": lambda row: row["external_id"],
}


@pytest.fixture
def scope(acme, sales, care) -> Scope:
    return Scope(acme.pk, acme.zone, frozenset({sales.pk, care.pk}), sees_numbers=True)


def pages_of(scope: Scope, ordering: str, *, back: bool = False, size: int = 17) -> list[list[lists.CallRow]]:
    found = page(CallQuestion(), scope, size=size, ordering=ordering)
    pages = [found.rows]
    while found.next:
        found = page(CallQuestion(), scope, cursor=found.next, size=size, ordering=ordering)
        pages.append(found.rows)
    if not back:
        return pages
    pages = []
    while found.previous:
        found = page(CallQuestion(), scope, cursor=found.previous, size=size, ordering=ordering)
        pages.append(found.rows)
    return pages[::-1]


@pytest.mark.parametrize("ordering", orders.SORTED)
def test_pages_hold_every_call_once_in_order_forwards_and_back(acme, ordering):
    with wall.tenant(acme):
        world = make_world(acme, count=120)
        Call.objects.filter(pk__in=[row.pk for row in world.calls[:25]]).update(duration_ms=None, billed_ms=None)
        Call.objects.filter(pk__in=[row.pk for row in world.calls[5:20]]).update(contact="", hangup_cause="")
        scope = Scope(acme.pk, acme.zone, frozenset(row.pk for row in world.environments), sees_numbers=True)
        pages = pages_of(scope, ordering)
        rows = [row for each in pages for row in each]
        assert sorted(row["id"] for row in rows) == sorted(
            str(pk) for pk in Call.objects.filter(is_test=False).values_list("pk", flat=True)
        )
        assert [[row["id"] for row in each] for each in pages_of(scope, ordering, back=True)] == [
            [row["id"] for row in each] for each in pages[:-1]
        ]
    column = ordering.lstrip("-")
    said = [OF_ROW.get(column, lambda row: row[column])(row) for row in rows]
    told = [value for value in said if value is not None]
    assert said[: len(told)] == told  # what says nothing comes last
    if column == "agent":  # agents of one name stay together, in either order
        assert [name for name, _id in told] == sorted((name for name, _id in told), reverse=ordering[0] == "-")
        assert len(set(said)) == sum(before != value for before, value in zip([object(), *said], said, strict=False))
    else:
        assert told == sorted(told, reverse=ordering[0] == "-")
    for before, row, value_before, value in zip(rows, rows[1:], said, said[1:], strict=False):
        assert value_before != value or before["id"] > row["id"]  # of equal ones the newest first


def test_a_file_is_in_the_order_of_the_pages(acme, scope, sales, monkeypatch):
    monkeypatch.setattr(lists, "STREAMED", 3)
    monkeypatch.setattr(lists, "STREAMED_KEYS", 5)
    with wall.tenant(acme):
        for n in range(23):
            factories.call(sales, f"c{n:02}", duration_ms=None if n % 5 == 4 else n * 7919 % 6000)
        for ordering in ("-duration", "duration", "id", "-outcome"):
            streamed = [row["id"] for row in stream(CallQuestion(), scope, ordering=ordering)]
            assert streamed == [row["id"] for each in pages_of(scope, ordering) for row in each]


def test_what_may_hold_a_number_orders_nothing_for_who_sees_masks(acme, sales):
    masked = Scope(acme.pk, acme.zone, frozenset({sales.pk}))
    with wall.tenant(acme):
        for n in range(4):
            factories.call(sales, f"c{n}", to_number=f"+551198765430{n}", duration_ms=n * 1000)
        for column in ("number", "line", "cause", "id"):
            for ask in (page, stream):
                with pytest.raises(QuestionError) as refused:
                    ask(CallQuestion(), masked, ordering=f"-{column}")
                assert list(refused.value.errors) == ["ordering"]
        assert [row["duration"] for row in page(CallQuestion(), masked, ordering="-duration").rows] == [3, 2, 1, 0]


def test_no_number_stands_in_an_address(acme, sales, scope):
    with wall.tenant(acme):
        for n in range(4):
            factories.call(sales, f"c{n}", to_number=f"+551198765430{n}")
        cursor = page(CallQuestion(), scope, size=2, ordering="number").next
    assert b"98765" not in base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))


def test_a_place_is_looked_up_within_the_readers_scope(acme, globex, foreign, sales, care):
    scope = Scope(acme.pk, acme.zone, frozenset({sales.pk}), sees_numbers=True)
    with wall.tenant(globex):
        foreign_call = factories.call(foreign, "x", duration_ms=1500)
    with wall.tenant(acme):
        for n in range(3):
            factories.call(sales, f"c{n}", duration_ms=n * 1000)
        for stranger in (foreign_call, factories.call(care, "y", duration_ms=1500)):
            place = lists.Cursor("-duration", False, TIME_ZERO, stranger.pk)
            with pytest.raises(QuestionError):
                page(CallQuestion(), scope, cursor=place.text(), ordering="-duration")
        other = page(CallQuestion(), scope, size=1, ordering="-billed").next
        with pytest.raises(QuestionError):
            page(CallQuestion(), scope, cursor=other, ordering="-duration")


def test_more_calls_than_can_be_looked_through_are_not_sorted(acme, sales, scope, monkeypatch):
    monkeypatch.setattr(orders, "MOST_SORTED", 4)
    with wall.tenant(acme):
        for n in range(6):
            factories.call(sales, f"c{n}", started_at=TIME_ZERO + timedelta(days=n), to_number="+5511987654321")
        for ask in (page, stream):
            with pytest.raises(QuestionError) as refused:
                ask(CallQuestion(), scope, ordering="duration")
            assert list(refused.value.errors) == ["ordering"]
        days = CallQuestion(date_from=TIME_ZERO.date(), date_to=(TIME_ZERO + timedelta(days=2)).date())
        assert len(page(days, scope, ordering="duration").rows) == 3
        one = CallQuestion(filters=Filters(number="+5511987654321", number_match="exact"))
        assert len(page(one, scope, ordering="duration").rows) == 6  # an index names its calls
        assert len(page(CallQuestion(), scope).rows) == 6

"""The list of calls: filters, pages in both directions, masks."""

import random
from datetime import date, timedelta

import pytest
from django.db import connection

from portal.tenants import row_security, wall
from reports.queries.calls.lists import call, calls, masked, page, row_of
from reports.queries.calls.numbers import of_contacts
from reports.queries.question import CallQuestion, Filters, QuestionError, read_calls
from reports.queries.scope import Scope
from sync.models.calls import Call
from tests import factories
from tests.factories import TIME_ZERO
from tests.reports.world import make_world


@pytest.fixture
def scope(acme, sales, care) -> Scope:
    return Scope(acme.pk, acme.zone, frozenset({sales.pk, care.pk}), sees_numbers=True)


def walk(scope: Scope, ordering: str, size: int, question: CallQuestion | None = None) -> list[list[str]]:
    pages, cursor = [], ""
    while True:
        found = page(question or CallQuestion(), scope, cursor=cursor, size=size, ordering=ordering)
        pages.append([row["id"] for row in found.rows])
        if not found.next:
            return pages
        cursor = found.next


@pytest.mark.parametrize("ordering", ["-started_at", "started_at", "changed_at", "-changed_at"])
def test_pages_hold_every_call_once_in_order_forwards_and_back(acme, ordering):
    with wall.tenant(acme):
        world = make_world(acme, count=150)
        Call.objects.filter(pk__in=[row.pk for row in world.calls[:60]]).update(
            changed_at=TIME_ZERO, started_at=TIME_ZERO
        )
        scope = Scope(acme.pk, acme.zone, frozenset(row.pk for row in world.environments))
        column = ordering.lstrip("-")
        wanted = sorted(Call.objects.filter(is_test=False), key=lambda row: (getattr(row, column), row.pk))
        if ordering.startswith("-"):
            wanted.reverse()
        pages = walk(scope, ordering, 17)
        assert [pk for ids in pages for pk in ids] == [str(row.pk) for row in wanted]
        last = page(CallQuestion(), scope, size=17, ordering=ordering)
        cursors = [""]
        while last.next:
            cursors.append(last.next)
            last = page(CallQuestion(), scope, cursor=last.next, size=17, ordering=ordering)
        back = []
        while last.previous:
            last = page(CallQuestion(), scope, cursor=last.previous, size=17, ordering=ordering)
            back.append([row["id"] for row in last.rows])
        assert back[::-1] == pages[:-1]


def test_calls_that_arrive_between_pages_shift_nothing(scope, sales, acme):
    with wall.tenant(acme):
        for n in range(6):
            factories.call(sales, f"c{n}", started_at=TIME_ZERO + timedelta(minutes=n))
        first = page(CallQuestion(), scope, size=3)
        factories.call(sales, "new", started_at=TIME_ZERO + timedelta(hours=1))
        second = page(CallQuestion(), scope, size=3, cursor=first.next)
        assert [row["external_id"] for row in first.rows + second.rows] == ["c5", "c4", "c3", "c2", "c1", "c0"]
        assert second.next == ""
        assert [row["external_id"] for row in page(CallQuestion(), scope, size=3, cursor=second.previous).rows] == [
            "c5",
            "c4",
            "c3",
        ]


def test_bad_cursors_and_orderings_are_refused(scope, sales, acme):
    with wall.tenant(acme):
        factories.call(sales, "a")
        factories.call(sales, "b")
        cursor = page(CallQuestion(), scope, size=1).next
        for bad in ("%%%", "AAAA", "W10", cursor[:-3]):
            with pytest.raises(QuestionError, match="cursor"):
                page(CallQuestion(), scope, cursor=bad)
        with pytest.raises(QuestionError, match="cursor"):
            page(CallQuestion(), scope, cursor=cursor, ordering="started_at")
        with pytest.raises(QuestionError, match="ordering"):
            page(CallQuestion(), scope, ordering="price")


def test_filters_narrow_the_list(scope, sales, care, acme):
    with wall.tenant(acme):
        one = factories.agent(sales)
        factories.call(sales, "busy", status="busy", seconds=0)
        factories.call(sales, "long", seconds=300, agent=one, to_number="+55 (21) 91234-5678")
        factories.call(sales, "test", is_test=True)
        factories.call(care, "in", direction="inbound", from_number="+55 21 91234-5678")
        factories.call(care, "old", started_at=TIME_ZERO - timedelta(days=3))

        def found(**params: str) -> set[str]:
            return set(calls(read_calls(params, scope), scope).values_list("external_id", flat=True))

        assert found() == {"busy", "long", "in", "old"}
        assert found(testing="only") == {"test"}
        assert found(testing="include", environment=str(sales.public_id)) == {"busy", "long", "test"}
        assert found(agent=str(one.public_id)) == {"long"}
        assert found(status="busy,failed") == {"busy"}
        assert found(direction="inbound") == {"in"}
        assert found(date_from="2026-07-08", date_to="2026-07-08") == {"busy", "long", "in"}
        assert found(date_from="2026-07-08", zone="Pacific/Kiritimati") == {"busy", "long", "in"}
        assert found(min_duration="120.5") == {"long"}
        assert found(max_duration="0") == {"busy"}
        assert found(number="2191234") == {"long", "in"}
        assert found(number="5678", number_match="ends") == {"long", "in"}
        assert found(number="5521", number_match="begins") == {"long", "in"}
        assert found(number="+55 21 91234-5678", number_match="exact") == {"long", "in"}
        assert found(number="1234567", number_match="exact") == set()


def test_a_list_of_two_agents_holds_the_calls_of_both(scope, sales, acme):
    with wall.tenant(acme):
        agents = [factories.agent(sales, key) for key in ("one", "two")]
        for n in range(5):
            at = TIME_ZERO + timedelta(minutes=n)
            factories.call(sales, f"c{n}", agent=[*agents, None][n % 3], started_at=at)
        asked = read_calls({"agent": ",".join(str(agent.public_id) for agent in agents)}, scope)
        assert [row["external_id"] for row in page(asked, scope).rows] == ["c4", "c3", "c1", "c0"]


def test_a_number_is_found_in_the_forms_people_type(scope, sales, care, acme):
    with wall.tenant(acme):
        factories.call(sales, "out", to_number="+5551906387925", from_number="+551130000000")
        factories.call(care, "in", direction="inbound", from_number="+5551906387925", to_number="0800112233")
        factories.call(care, "bare", to_number="(51) 90638-7925")
        factories.call(care, "noughts", to_number="+5511990055123")
        factories.call(care, "else", to_number="+551190638792", from_number="+551140000000")

        def found(number: str, match: str, **params: str) -> set[str]:
            asked = read_calls({"number": number, "number_match": match} | params, scope)
            rows = set(calls(asked, scope).values_list("external_id", flat=True))
            assert {row["external_id"] for row in page(asked, scope).rows} == rows
            return rows

        for match in ("exact", "begins"):
            assert found("(51) 90638-7925", match) == {"out", "in", "bare"}
            assert found("51906387925", match, date_from="2026-07-01") == {"out", "in", "bare"}
            assert found("(11) 4000-0000", match) == {"else"}
        for match in ("exact", "begins", "contains", "ends"):
            for whole in ("+55 (51) 90638-7925", "0055 51 90638-7925"):
                assert found(whole, match) == {"out", "in"}, (whole, match)
        assert found("(51) 9063", "begins") == {"out", "in", "bare"}
        assert found("(51) 9063", "begins", date_from="2026-07-01") == {"out", "in", "bare"}
        assert found("(51) 9063", "exact") == set()
        assert found("(20) 9063", "begins") == set()
        assert found("90638-7925", "exact") == set()
        # Two noughts in the middle of a number are a part of it.
        assert found("0055123", "ends") == found("990055123", "contains") == {"noughts"}


def test_a_beginning_of_a_thousand_contacts_is_found_in_either_form(scope, sales, acme, monkeypatch):
    monkeypatch.setattr("reports.queries.calls.numbers.MOST_CONTACTS", 2)
    with wall.tenant(acme):
        for last in range(4):
            factories.call(sales, f"whole {last}", to_number=f"+555190638792{last}", from_number="")
        factories.call(sales, "bare", to_number="(51) 90638-7925", from_number="")
        factories.call(sales, "else", to_number="+551190638792", from_number="")
        asked = read_calls({"number": "(51) 9063", "number_match": "begins"}, scope)
        assert set(calls(asked, scope).values_list("external_id", flat=True)) == {
            *(f"whole {last}" for last in range(4)),
            "bare",
        }


@pytest.mark.postgresql
def test_a_part_of_a_number_is_looked_up_in_an_index_behind_row_level_security(acme, sales):
    """Which uses none for a condition that might tell what it is given, as LIKE and reverse() may."""
    assert row_security.in_force()
    with wall.tenant(acme), connection.cursor() as cursor:
        one = factories.call(sales, "a")
        names = {field.column: field.column for field in Call._meta.concrete_fields}
        drawn = names | {"id": "gen_random_uuid()", "external_id": "n::text", "contact": "(5511900000000 + n)::text"}
        cursor.execute(
            f"INSERT INTO sync_call ({', '.join(names)}) SELECT {', '.join(drawn.values())}"
            " FROM sync_call, generate_series(1, 30000) n WHERE tenant_id = %s",
            [one.tenant_id],
        )
        every = Call.objects.all()
        assert "contact_backwards ~>=~ '1234'" in of_contacts(every, ("4321",), "ends", None).explain()
        assert "::text ~>=~ '551198'" in every.filter(contact__begins="551198").explain()


def test_numbers_are_masked_and_cannot_be_felt_along(scope, sales, acme):
    blind = Scope(acme.pk, acme.zone, frozenset({sales.pk}))
    with wall.tenant(acme):
        factories.call(sales, "a")
        row = page(CallQuestion(), blind).rows[0]
        assert (row["to_number"], row["contact"]) == ("+55 •• •••••-4321", "")
        assert page(CallQuestion(), scope).rows[0]["to_number"] == "+5511987654321"
        assert masked("+5511987654321", blind) == "+55 •• •••••-4321"
        for number, match in (("4321", "ends"), ("5511987654321", "exact"), ("5511900000000", "exact")):
            with pytest.raises(QuestionError):
                page(CallQuestion(filters=Filters(number=number, number_match=match)), blind)


def test_ids_that_a_vendor_made_of_the_number_are_masked_in_lists_as_well(sales, acme):
    blind = Scope(acme.pk, acme.zone, frozenset({sales.pk}))
    with wall.tenant(acme):
        factories.call(sales, "out-5511987654321-7", sid="sip:+5511987654321@10.0.0.1", hangup_cause="11 98765-4321")
        (row,) = page(CallQuestion(), blind).rows
    assert "8765" not in f"{row['external_id']} {row['sid']} {row['hangup_cause']}"


def test_changed_since_finds_what_changed(scope, sales, acme):
    with wall.tenant(acme):
        factories.call(sales, "old")
        factories.call(sales, "new", changed_at=TIME_ZERO + timedelta(days=1))
        found = page(CallQuestion(), scope, ordering="changed_at", changed_since=TIME_ZERO + timedelta(hours=1))
        assert [row["external_id"] for row in found.rows] == ["new"]


def test_an_environment_is_walked_once(scope, sales, care, acme, on_postgresql, django_assert_num_queries):
    with wall.tenant(acme):
        for n in range(30):
            factories.call(random.choice([sales, care]), f"c{n}", agent=None)
        # The environments, and a walk in each, which is one statement where unions of limited parts are known.
        with django_assert_num_queries(2 if on_postgresql else 3):
            page(CallQuestion(date_from=date(2026, 7, 1)), scope, size=10)


def test_one_call_is_found_by_id_within_the_scope(scope, sales, care, acme):
    with wall.tenant(acme):
        made = factories.call(sales, "a", agent=factories.agent(sales))
        assert call(made.pk, scope) == made
        assert row_of(made.pk, scope)["external_id"] == "a"
        for one in (call, row_of):
            for narrow in (scope.only(care.pk), Scope(acme.pk, acme.zone, scope.environment_ids, frozenset())):
                with pytest.raises(Call.DoesNotExist):
                    one(made.pk, narrow)
            with pytest.raises(Call.DoesNotExist):
                one("no-id", scope)

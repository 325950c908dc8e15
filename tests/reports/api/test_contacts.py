"""Contacts over the API: found by number, opened by id, and nobody else's."""

from datetime import timedelta

import pytest

from portal.tenants import wall
from reports.queries.contacts.ids import contact_id
from reports.queries.scope import Scope
from tests import factories
from tests.factories import TIME_ZERO
from tests.reports.api.conftest import make_key

API = "/api/v1"
PERSON = "+5521912345678"


@pytest.fixture
def calls(acme, sales, care):
    hour, day = timedelta(hours=1), timedelta(days=1)
    with wall.tenant(acme):
        out = factories.agent(sales, "out")
        back = factories.agent(sales, "back", takes_callbacks=True, callback_sources=["out"])
        made = [
            factories.call(sales, "a", agent=out, status="no-answer", to_number=PERSON),
            factories.call(
                sales,
                "b",
                agent=back,
                direction="inbound",
                from_number=PERSON,
                started_at=TIME_ZERO + hour,
            ),
            factories.call(care, "c", status="failed", to_number="55 21 91234-5678", started_at=TIME_ZERO - day),
            factories.call(care, "t", is_test=True, to_number=PERSON),
        ]
        factories.call(sales, "else", to_number="+5511987654321")
    return made


@pytest.mark.parametrize("number", ["%2B55 (21) 91234-5678", "5521912345678", "0055 21 91234 5678"])
def test_a_contact_is_found_by_its_number_however_it_is_written(get, acme, calls, number):
    answer = get(f"{API}/contacts/?number={number}", make_key(acme))
    (found,) = answer.data["results"]
    assert {name: found[name] for name in ("attempts", "outbound", "inbound", "connected", "unreached")} == {
        "attempts": 3,
        "outbound": 2,
        "inbound": 1,
        "connected": 1,
        "unreached": 2,
    }
    assert (found["callbacks"], found["test_calls"], found["talk_seconds"]) == (1, 1, 120.0)
    assert (found["number"], found["agents"]) == (PERSON, 2)
    assert (found["first_seen"], found["last_seen"]) == ("2026-07-07T15:00:00Z", "2026-07-08T16:00:00Z")
    assert len(found["environments"]) == 2
    assert get(f"{API}/contacts/?number=5599", make_key(acme)).data["results"] == []
    assert get(f"{API}/contacts/?number=x", make_key(acme)).status_code == 400


def test_a_number_without_its_country_is_looked_for_as_it_stands_and_in_brazil(get, acme, care, calls):
    def found(number: str) -> list[tuple[str, int]]:
        rows = get(f"{API}/contacts/?number={number}", make_key(acme)).data["results"]
        return [(row["number"], row["attempts"]) for row in rows]

    assert found("(21) 91234-5678") == [(PERSON, 3)]
    with wall.tenant(acme):
        factories.call(care, "bare", to_number="(21) 91234-5678")
    assert found("(21) 91234-5678") == [("21912345678", 1), (PERSON, 3)]
    assert found("91234-5678") == []


def test_every_call_of_a_contact_by_pages(get, acme, calls):
    key = make_key(acme)
    found = get(f"{API}/contacts/?number={PERSON[1:]}", key).data["results"][0]
    first = get(f"{API}/contacts/{found['id']}/?page_size=3", key).data
    assert first["contact"] == found
    assert "count" not in first
    assert get(f"{API}/contacts/{found['id']}/?page_size=3&count=true", key).data["count"] == 4
    second = get(first["next"].removeprefix("http://testserver"), key).data
    assert first["results"][0]["external_id"] == "b"
    assert {row["external_id"] for row in first["results"] + second["results"]} == {"a", "b", "c", "t"}
    assert {row["contact"] for row in first["results"]} == {found["id"]}
    listed = get(f"{API}/calls/?contact={found['id']}", key).data["results"]
    assert {row["external_id"] for row in listed} == {"a", "b", "c"}


def test_the_scope_bounds_what_a_contact_is(get, acme, sales, calls):
    narrow = make_key(acme, sees=[sales], agents=["out"])
    found = get(f"{API}/contacts/?number={PERSON[1:]}", narrow).data["results"][0]
    assert (found["attempts"], found["callbacks"], len(found["environments"])) == (1, 0, 1)


def test_who_may_not_see_numbers_reads_a_mask(get, acme, calls):
    blind = make_key(acme, numbers=False)
    mine = contact_id(PERSON[1:], Scope(acme.pk, "UTC", frozenset()))
    answer = get(f"{API}/contacts/{mine}/", blind)
    assert answer.data["contact"]["number"] == "+55 •• •••••-5678"
    assert b"91234" not in answer.body


def test_who_may_not_see_numbers_finds_no_contact_by_one(get, acme, calls):
    blind = make_key(acme, numbers=False)
    there, nowhere = (get(f"{API}/contacts/?number={number}", blind) for number in (PERSON[1:], "5521912340000"))
    assert (there.status_code, list(there.data["errors"])) == (400, ["number"])
    assert there.body == nowhere.body


def test_a_foreign_contact_is_absent(get, acme, globex, calls):
    theirs = contact_id(PERSON[1:], Scope(globex.pk, "UTC", frozenset()))
    unseen = contact_id("5521900000000", Scope(acme.pk, "UTC", frozenset()))
    bodies = {get(f"{API}/contacts/{other}/", make_key(acme)).body for other in (theirs, unseen, "nonsense")}
    assert len(bodies) == 1
    assert get(f"{API}/contacts/{theirs}/", make_key(acme)).status_code == 404

"""Calls over the API: the documented fields, filters against a count by hand, cursors, and numbers not to be seen."""

import json
import random
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from portal.tenants import wall
from reports.api import forms
from reports.queries.contacts.ids import contact_id
from reports.queries.scope import Scope
from sync.models.calls import Call
from tests import factories
from tests.reports.api.conftest import make_key

API = "/api/v1"
PERSON = "+5511987654321"


@pytest.fixture
def key(acme):
    return make_key(acme)


@pytest.fixture
def world(acme, sales, care):
    """Ninety calls of two environments over three days; times, some equal, to the second."""
    chance = random.Random(3)
    with wall.tenant(acme):
        agents = {sales: factories.agent(sales, "a-1"), care: factories.agent(care, "7")}
        with factories.at_once():
            for number in range(90):
                environment = (sales, care)[number % 2]
                factories.call(
                    environment,
                    f"x{number}",
                    agent=agents[environment] if number % 5 else None,
                    started_at=datetime(2026, 7, 6, 3, tzinfo=UTC) + timedelta(hours=chance.randrange(72)),
                    changed_at=factories.TIME_ZERO + timedelta(minutes=number // 4),
                    status=chance.choice(("completed", "failed", "no-answer")),
                    direction=chance.choice(("inbound", "outbound")),
                    seconds=chance.choice((None, 0, 2.5, 30, 400)),
                    to_number=chance.choice((PERSON, "+5521912345678")),
                    is_test=number % 10 == 0,
                )
        return list(Call.objects.select_related("environment", "agent"))


def walk(get, path, key):
    """Every element of a list, page by page, by the addresses the pages name."""
    found = []
    while path:
        answer = get(path, key)
        assert answer.status_code == 200, answer.body
        found += answer.data["results"]
        path = answer.data["next"] and answer.data["next"].removeprefix("http://testserver")
    return found


def test_a_call_has_the_documented_fields(get, acme, sales, key):
    with wall.tenant(acme):
        agent = factories.agent(sales, "a-1", name="Anna", label="")
        call = factories.call(
            sales,
            "vendor-1",
            agent=agent,
            seconds=61.5,
            billed_ms=90_000,
            answered_at=factories.TIME_ZERO + timedelta(seconds=4),
            hangup_cause="Normal Hangup",
        )
    answer = get(f"{API}/calls/", key)
    assert answer.data == {
        "next": None,
        "previous": None,
        "results": [
            {
                "id": str(call.pk),
                "external_id": "vendor-1",
                "environment": str(sales.public_id),
                "agent": {"id": str(agent.public_id), "name": "Anna"},
                "direction": "outbound",
                "status": "completed",
                "outcome": "connected",
                "started_at": "2026-07-08T15:00:00Z",
                "answered_at": "2026-07-08T15:00:04Z",
                "ended_at": None,
                "duration": 61.5,
                "billed_duration": 90.0,
                "from": "+551130000000",
                "to": PERSON,
                "contact": contact_id(PERSON[1:], Scope(acme.pk, acme.zone, frozenset())),
                "is_testing": False,
                "hangup_cause": "Normal Hangup",
                "hangup_source": "",
                "missing_since": None,
                "changed_at": "2026-07-08T15:00:00Z",
            }
        ],
    }
    assert list(answer.data["results"][0]) == list(forms.Call().fields)


@pytest.mark.parametrize(
    ("query", "keeps"),
    [
        ("", lambda call: True),
        ("status=failed,no-answer", lambda call: call.status in ("failed", "no-answer")),
        ("direction=inbound", lambda call: call.direction == "inbound"),
        ("min_duration=2.5&max_duration=30", lambda call: call.duration_ms in (2500, 30_000)),
        ("number=1987&number_match=contains", lambda call: "1987" in call.to_number),
        ("number=4321&number_match=ends", lambda call: call.to_number.endswith("4321")),
        ("number=%2B55%2021%2091234-5678&number_match=exact", lambda call: call.to_number == "+5521912345678"),
        (
            "date_from=2026-07-07&date_to=2026-07-07",
            lambda call: (call.started_at - timedelta(hours=3)).date().isoformat() == "2026-07-07",
        ),
        ("date_to=2026-07-06&zone=UTC", lambda call: call.started_at.date().isoformat() == "2026-07-06"),
    ],
)
@pytest.mark.parametrize("testing", ["exclude", "include", "only"])
def test_filters_agree_with_a_count_by_hand(get, world, key, query, keeps, testing):
    kept = [call for call in world if keeps(call) and (testing == "include" or call.is_test == (testing == "only"))]
    expected = [call.external_id for call in sorted(kept, key=lambda call: (call.started_at, call.pk), reverse=True)]
    path = f"{API}/calls/?{query}&testing={testing}&page_size=7&count=true"
    assert get(path, key).data["count"] == len(expected)
    assert [call["external_id"] for call in walk(get, path, key)] == expected


def test_filters_by_environment_and_agent(get, world, key, sales, care):
    agent = next(call.agent for call in world if call.agent and call.environment == care)
    for query, keeps in (
        (f"environment={sales.public_id}", lambda call: call.environment == sales),
        (f"environment={sales.public_id},{care.public_id}", lambda call: True),
        (f"agent={agent.public_id}", lambda call: call.agent == agent),
        (f"agent={agent.public_id}&environment={sales.public_id}", lambda call: False),
    ):
        expected = {call.external_id for call in world if keeps(call) and not call.is_test}
        assert {call["external_id"] for call in walk(get, f"{API}/calls/?{query}", key)} == expected


def test_an_empty_element_of_a_list_is_none(get, world, key, sales):
    def found(query):
        return get(f"{API}/calls/?{query}", key).data["results"]

    assert found("environment=,") == found("environment=") == found("")
    assert found(f"environment=,{sales.public_id},") == found(f"environment={sales.public_id}") != found("")


def test_what_changed_since_comes_in_the_order_it_changed(get, world, key):
    since = factories.TIME_ZERO + timedelta(minutes=10)
    expected = sorted(
        (call for call in world if call.changed_at >= since and not call.is_test),
        key=lambda call: (call.changed_at, call.pk),
    )
    path = f"{API}/calls/?changed_since=2026-07-08T15:10:00Z&page_size=4"
    assert [call["external_id"] for call in walk(get, path, key)] == [call.external_id for call in expected]
    counted = get(f"{path}&count=true&ordering=-changed_at", key).data
    assert counted["count"] == len(expected)
    assert counted["results"][0]["changed_at"] == max(call.changed_at for call in expected).isoformat()[:19] + "Z"


def test_pages_lead_back_and_either_form_of_a_cursor_serves(get, world, key):
    first = get(f"{API}/calls/?page_size=10", key).data
    second = get(first["next"].removeprefix("http://testserver"), key).data
    back = get(second["previous"].removeprefix("http://testserver"), key).data
    assert (first["previous"], back["previous"]) == (None, None)
    assert back["results"] == first["results"]
    bare = parse_qs(urlsplit(first["next"]).query)["cursor"][0]
    for cursor in (bare, quote(first["next"])):
        assert get(f"{API}/calls/?page_size=10&cursor={cursor}", key).data["results"] == second["results"]


def test_a_page_has_a_hundred_calls_by_default_and_five_hundred_at_most(get, world, key):
    assert len(get(f"{API}/calls/", key).data["results"]) == 81
    assert get(f"{API}/calls/?page_size=500", key).status_code == 200
    for size in ("501", "0", "-1", "many", "1e2", "²", "00000000199999", "1" * 5000):
        answer = get(f"{API}/calls/?page_size={size}", key)
        assert answer.status_code == 400
        assert list(answer.data["errors"]) == ["page_size"]


def test_one_call_tells_everything_known_of_it(get, acme, care, key):
    element = {
        "call_id": "c-1",
        "to_number": PERSON,
        "call_transcription": [{"role": "assistant", "content": "Bom dia."}, {"caller": "Oi."}, "stray"],
        "call_state_changes": '[{"state": "INITIATED", "timestamp": "2026-07-08 15:00:00+00:00"}]',
        "call_timeline": None,
        "tool_data": [{"function": {"name": "look_up", "arguments": '{"id": 7}'}, "error": "gone"}],
        "call_quality": {"mos": 4.3, "detail": {"jitter": 2}},
        "call_insights": {"topic": "billing", "summary": "Short."},
        "amount": 12345678901234567890,
    }
    raw = json.dumps(element, separators=(", ", ":  "))
    with wall.tenant(acme):
        call = factories.call(care, "c-1", raw=raw, latencies={"stt": [310.0], "llm": [640.5], "tts": []})
    answer = get(f"{API}/calls/{call.pk}/", key)
    assert list(answer.data) == list(forms.CallDetail().fields)
    assert answer.data["payload"] == element
    assert raw.encode() in answer.body
    assert answer.data["transcript"] == [
        {"speaker": "assistant", "side": "agent", "text": "Bom dia.", "at": None},
        {"speaker": "caller", "side": "person", "text": "Oi.", "at": None},
        {"speaker": "", "side": "", "text": "stray", "at": None},
    ]
    assert answer.data["timeline"] == [
        {"name": "INITIATED", "at": "2026-07-08T15:00:00Z", "time": "2026-07-08 15:00:00+00:00"}
    ]
    assert answer.data["tools"] == [
        {"name": "look_up", "input": {"id": 7}, "output": "gone", "failed": True, "at": None, "milliseconds": None}
    ]
    assert answer.data["latencies"] == {"stt": [310.0], "llm": [640.5], "tts": []}
    assert answer.data["quality"] == {"rows": {"mos": 4.3}, "rest": {"detail": {"jitter": 2}}}
    assert list(answer.data["insights"]["rows"]) == ["summary", "topic"]
    assert answer.data["unrecognised"] == []


def test_who_may_not_see_numbers_finds_none(get, acme, sales, care):
    blind = make_key(acme, numbers=False)
    element = {
        "id": "t-1",
        "to": PERSON,
        "to_formatted": "(11) 98765-4321",
        "sid": f"CA{PERSON[1:]}",
        "call_transcription": [{"user": "Meu número é 11 98765 4321."}],
    }
    with wall.tenant(acme):
        call = factories.call(sales, "t-1", raw=json.dumps(element), to_number=PERSON, sid=element["sid"])
        factories.call(care, "t-2", direction="inbound", from_number=PERSON)
    listed = get(f"{API}/calls/", blind)
    one = get(f"{API}/calls/{call.pk}/", blind)
    csv = get(f"{API}/calls/csv/", blind)
    for answer in (listed, one, csv):
        assert answer.status_code == 200
        for trace in (PERSON, PERSON[1:], "87654321", "98765", "8765 4321", "30000000"):
            assert trace.encode() not in answer.body
    contacts = {row["contact"] for row in listed.data["results"]}
    assert contacts == {contact_id(PERSON[1:], Scope(acme.pk, acme.zone, frozenset()))}  # one person, still one contact
    assert one.data["transcript"][0]["text"].startswith("Meu número é")
    there, nowhere = (get(f"{API}/calls/?number={number}", blind) for number in (PERSON[1:], "5511987650000"))
    assert (there.status_code, list(there.data["errors"])) == (400, ["number"])
    assert there.body == nowhere.body


def test_a_key_bound_to_an_environment_sees_that_one_alone(get, world, acme, sales, care):
    bound = make_key(acme, environment=sales)
    found = walk(get, f"{API}/calls/?testing=include", bound)
    assert {call["environment"] for call in found} == {str(sales.public_id)}
    other = next(call for call in world if call.environment == care)
    assert get(f"{API}/calls/{other.pk}/", bound).status_code == 404
    assert [row["id"] for row in get(f"{API}/environments/", bound).data["results"]] == [str(sales.public_id)]


def test_a_list_costs_the_same_queries_however_long_it_is(get, world, key, on_postgresql, django_assert_num_queries):
    get(f"{API}/calls/", key)  # notes the key's use
    for size in (2, 200):
        # key, scope, environments, and a page: SQLite asks each environment for its own
        with django_assert_num_queries(4 if on_postgresql else 5):
            get(f"{API}/calls/?page_size={size}", key)
    # key, scope, environments, row, payload, changes, flags, notes
    with django_assert_num_queries(8):
        get(f"{API}/calls/{world[1].pk}/", key)


def test_calls_come_in_the_order_of_a_column(get, world, key):
    first = get(f"{API}/calls/?ordering=-duration&page_size=10", key).data
    lengths = [row["duration"] for row in first["results"]]
    told = [length for length in lengths if length is not None]
    assert lengths[: len(told)] == told == sorted(told, reverse=True)
    assert "ordering=-duration" in first["next"]

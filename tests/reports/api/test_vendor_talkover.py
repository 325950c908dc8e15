"""Talkover's form: documented examples come out as they went in, and lists agree with a count over the payloads."""

import json
import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from portal.tenants import wall
from portal.tenants.models.people import Role
from reports.queries.vendor_api import calls as vendor
from sync.models.agents import Agent
from sync.models.callbacks import CallbackDay
from sync.models.campaigns import Campaign
from tests import factories
from tests.reports.api.conftest import JULY_8, make_key, read_days

BASE = "/vendor/talkover/api/v1"
EXAMPLES = Path(__file__).parents[2] / "payloads" / "talkover"
PHONES = ("+5511987654321", "+5521912345678", "+351912345678", "+1234567890")


def moment(text):
    return datetime.fromisoformat(text)


def mirror(environment, element, agent=None):
    """Stores an element of a call list as the mirror does."""
    return factories.call(
        environment,
        element["id"],
        raw=json.dumps(element),
        agent=agent,
        sid=element["sid"] or "",
        direction=element["direction"],
        status=element["status"],
        started_at=moment(element["created_at"]),
        seconds=element["duration"],
        from_number=element["from"],
        to_number=element["to"],
        is_test=element["is_testing"],
    )


def example(name):
    return json.loads((EXAMPLES / name).read_text())


@pytest.fixture
def elements(acme, sales):
    """Sixty calls of two agents over four UTC days, some at the same second, some just at midnight."""
    chance = random.Random(7)
    found = []
    with wall.tenant(acme):
        agents = [factories.agent(sales, name) for name in ("agent-a", "agent-b")]
        for number in range(60):
            agent = agents[number % 2]
            at = datetime(2026, 7, 6 + number % 4, 0, 0, chance.choice((0, 0, 1, 59)), tzinfo=UTC)
            at += timedelta(hours=chance.choice((0, 3, 23)))
            to, from_ = chance.sample(PHONES, 2)
            element = {
                "id": f"call-{chance.choice('aBcé')}-{number}",
                "sid": f"CA{number:03d}",
                "to": to,
                "to_formatted": f"({to[3:5]}) {to[5:]}",
                "from": from_,
                "from_formatted": from_,
                "is_testing": number % 9 == 0,
                "direction": chance.choice(("inbound", "outbound")),
                "status": chance.choice(("completed", "failed", "no-answer", "answered", "voicemail")),
                "duration": number,
                "agent": {"id": agent.external_id, "name": agent.name, "label": None},
                "created_at": at.isoformat().replace("+00:00", ".000Z"),
                "updated_at": at.isoformat().replace("+00:00", "Z"),
                "unknown_key": {"kept": [1, 2.50, None]},
            }
            mirror(sales, element, agent)
            found.append(element)
    return sorted(found, key=lambda item: (moment(item["created_at"]), item["id"]), reverse=True)


def test_documented_agent_calls_come_out_as_they_went_in(get, acme, sales, sales_key):
    said = example("talkover_agent_calls.json")
    with wall.tenant(acme):
        agent = factories.agent(sales, "agent-uuid-1")
        for element in said["data"]:
            mirror(sales, element | {"agent": {"id": "agent-uuid-1", "name": "Sales Agent"}}, agent)
    answer = get(f"{BASE}/agents/agent-uuid-1/calls", sales_key)
    assert answer.status_code == 200
    assert answer.data["success"] is True
    assert list(answer.data) == list(said)
    assert answer.data["data"] == list(reversed(said["data"]))  # newest first
    assert [list(element) for element in answer.data["data"]] == [list(said["data"][0])] * 2
    assert list(answer.data["pagination"]) == list(said["pagination"])


def test_documented_callback_statistics_come_out_as_they_went_in(get, acme, sales, sales_key):
    said = example("talkover_callback_stats.json")
    with wall.tenant(acme):
        callback_day(sales, date(2024, 1, 1), said["data"])
    for end in ("2024-01-01", "2024-01-31"):
        answer = get(f"{BASE}/callback-agents/stats?start_date=2024-01-01&end_date={end}", sales_key)
        assert answer.data == said
        assert list(answer.data["data"]) == list(said["data"])


def test_elements_leave_byte_for_byte(get, acme, sales, sales_key):
    raw = '{"id":"x", "duration": 1.50, "big": 12345678901234567890123, "e": 1E3, "text":"\\u00e9\\u0000 é"}'
    with wall.tenant(acme):
        factories.call(sales, "x", raw=raw)
    assert raw.encode() in get(f"{BASE}/calls", sales_key).body


@pytest.mark.parametrize(
    ("query", "keeps"),
    [
        ("", lambda call: True),
        ("status=completed", lambda call: call["status"] == "completed"),
        ("status=no-answer&direction=inbound", lambda c: (c["status"], c["direction"]) == ("no-answer", "inbound")),
        ("agent_id=agent-b", lambda call: call["agent"]["id"] == "agent-b"),
        ("agent_id=nobody", lambda call: False),
        (
            "date_from=2026-07-07&date_to=2026-07-08",
            lambda call: "2026-07-07" <= call["created_at"][:10] < "2026-07-09",
        ),
        ("date_to=2026-07-06", lambda call: call["created_at"][:10] == "2026-07-06"),
        ("search=%2B5511987654321", lambda call: "+5511987654321" in (call["to"], call["from"])),
        ("search=9123", lambda call: "9123" in call["to"] + " " + call["from"] + call["sid"]),
        ("search=ca01", lambda call: "CA01" in call["sid"]),
        ("search=(21)%2091234", lambda call: any("2191234" in call[side] for side in ("to", "from"))),
        ("search=100%25", lambda call: False),
    ],
)
def test_filters_and_pages_agree_with_the_payloads(get, elements, sales_key, query, keeps):
    expected = [element for element in elements if keeps(element)]
    shown, pages = [], max(1, -(-len(expected) // 7))
    for number in range(1, pages + 1):
        answer = get(f"{BASE}/calls?{query}&per_page=7&page={number}", sales_key)
        shown += answer.data["data"]
        first = (number - 1) * 7 + 1
        here = len(answer.data["data"])
        assert answer.data["pagination"] == {
            "current_page": number,
            "last_page": pages,
            "per_page": 7,
            "total": len(expected),
            "from": first if here else None,
            "to": first + here - 1 if here else None,
        }
    assert shown == expected


def test_a_page_has_twenty_elements_by_default_and_a_hundred_at_most(get, elements, sales_key):
    assert len(get(f"{BASE}/calls", sales_key).data["data"]) == 20
    assert len(get(f"{BASE}/calls?per_page=100", sales_key).data["data"]) == 60


@pytest.mark.parametrize("page", [5, 10**11])
def test_a_page_beyond_the_last_is_empty(get, elements, sales_key, page):
    answer = get(f"{BASE}/calls?page={page}", sales_key)
    assert answer.data["data"] == []
    assert answer.data["pagination"] == {
        "current_page": page,
        "last_page": 3,
        "per_page": 20,
        "total": 60,
        "from": None,
        "to": None,
    }


def test_an_agents_calls_carry_no_agent(get, elements, sales_key):
    answer = get(f"{BASE}/agents/agent-b/calls?status=completed&per_page=100", sales_key)
    expected = [
        {key: value for key, value in element.items() if key != "agent"}
        for element in elements
        if element["agent"]["id"] == "agent-b" and element["status"] == "completed"
    ]
    assert answer.data["data"] == expected


def test_refused_parameters_are_named_as_documented(get, elements, sales_key):
    answer = get(f"{BASE}/calls?status=bad&direction=up&date_from=yesterday", sales_key)
    assert answer.status_code == 422
    assert answer.data == example("talkover_validation_error.json")
    assert answer["X-Mirror-Complete"] == "false"


@pytest.mark.parametrize(
    ("path", "field", "sentence"),
    [
        ("calls?per_page=101", "per_page", "The per page must be between 1 and 100."),
        ("calls?per_page=0", "per_page", "The per page must be between 1 and 100."),
        ("calls?per_page=ten", "per_page", "The per page must be between 1 and 100."),
        ("calls?per_page=%C2%B2", "per_page", "The per page must be between 1 and 100."),
        ("agents?per_page=101", "per_page", "The per page must be between 1 and 100."),
        ("calls?page=0", "page", "The page must be at least 1."),
        ("calls?page=99999999999999999999", "page", "The page must be at least 1."),
        ("calls?date_to=2026-02-30", "date_to", "The date to must be a valid date."),
        ("agents?status=gone", "status", "The selected status is invalid."),
        ("campaigns?campaign_type=x", "campaign_type", "The selected campaign type is invalid."),
        ("callback-agents/stats?start_date=x", "start_date", "The start date must be a valid date."),
    ],
)
def test_each_refusal_has_its_sentence(get, sales_key, path, field, sentence):
    answer = get(f"{BASE}/{path}", sales_key)
    assert answer.status_code == 422
    assert answer.data == {
        "success": False,
        "message": "The given data was invalid.",
        "errors": {field: [sentence]},
    }


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("agents/absent", "Agent not found"),
        ("agents/absent/calls", "Agent not found"),
        ("agents/%00/calls", "Agent not found"),
        ("campaigns/absent", "Campaign not found"),
        ("elsewhere", "Not found"),
        ("else%0Awhere", "Not found"),
    ],
)
def test_what_is_not_there_answers_as_documented(get, sales_key, path, message):
    answer = get(f"{BASE}/{path}", sales_key)
    assert answer.status_code == 404
    assert answer.data == {"success": False, "message": message}
    assert "X-Mirror-As-Of" in answer


def test_keys_that_do_not_fit_the_mount_are_not_let_in(get, acme, globex, foreign, sales, care, care_key):
    revoked = make_key(acme, environment=sales, revoked_at=datetime(2026, 1, 1, tzinfo=UTC))
    not_granted = make_key(acme, environment=sales, sees=[care])
    for key in (None, "ring_wrong", care_key, make_key(acme), revoked, not_granted, "", "a b"):
        answer = get(f"{BASE}/calls", key)
        assert answer.status_code == 401
        assert answer.data == {"success": False, "message": "Unauthorized"}
        assert get(f"{BASE}/agents", key).data == {"success": False, "message": "Unauthenticated."}
        assert "X-Mirror-As-Of" not in answer


def test_a_foreign_agent_answers_like_an_absent_one(get, acme, globex, foreign, sales, sales_key):
    with wall.tenant(globex):
        theirs = factories.agent(foreign, "theirs", payload='{"id": "theirs"}')
        factories.call(foreign, "t1", agent=theirs)
    for path in ("agents/{}", "agents/{}/calls"):
        answers = [get(f"{BASE}/{path.format(name)}", sales_key) for name in ("theirs", "absent")]
        assert answers[0].status_code == 404
        assert answers[0].body == answers[1].body
        assert dict(answers[0].headers) == dict(answers[1].headers)
    assert get(f"{BASE}/calls", sales_key).data["data"] == []


def test_writes_are_refused(get, sales_key):
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        assert get(f"{BASE}/calls", sales_key, method=method).status_code == 405
        assert get(f"{BASE}/calls", method=method).status_code == 401


def test_health_needs_no_key(get, sales_key):
    assert get(f"{BASE}/health").data == {"status": "ok"}
    assert "X-Mirror-As-Of" not in get(f"{BASE}/health")
    assert "X-Mirror-As-Of" in get(f"{BASE}/health", sales_key)


def test_agents_and_campaigns_are_lists_of_their_last_payloads(get, acme, sales, sales_key):
    def payload(name, at, **more):
        return {"id": name, "name": name.title(), "created_at": at, **more}

    agents = [
        payload("a", "2024-01-15T10:30:00Z", label="First", direction="inbound", current_status="draft"),
        payload("b", "2024-03-15T10:30:00.5Z", label="Second", direction="outbound", current_status="published"),
        payload("c", "2024-03-15T10:30:00.500Z", label=None, direction="outbound", current_status="published"),
    ]
    handler = {"id": "a", "name": "A", "callback_config": {"source_agent_ids": ["b"]}}
    campaigns = [
        payload("k1", "2024-01-01T00:00:00Z", status="active", campaign_type="sales", description="Autumn"),
        payload("k2", "2024-02-01T00:00:00Z", status="draft", campaign_type="custom", description=None),
    ]
    detail = campaigns[0] | {"calls": [{"id": "call-1", "to": "+5511987654321"}]}
    with wall.tenant(acme):
        for element in agents:
            factories.agent(
                sales,
                element["id"],
                name=element["name"],
                label=element["label"] or "",
                direction=element["direction"],
                state=element["current_status"],
                payload=json.dumps(element),
            )
        Agent.objects.filter(external_id="a").update(takes_callbacks=True, callback_payload=json.dumps(handler))
        factories.agent(sales, "only-in-calls")
        for element in campaigns:
            Campaign.objects.create(
                tenant=acme,
                environment=sales,
                external_id=element["id"],
                name=element["name"],
                status=element["status"],
                kind=element["campaign_type"],
                agent=Agent.objects.get(external_id="b"),
                payload=json.dumps(element),
                detail_payload=json.dumps(detail) if element["id"] == "k1" else "",
                changed_at=factories.TIME_ZERO,
            )
    answer = get(f"{BASE}/agents", sales_key)
    assert answer.data == {
        "success": True,
        "data": [agents[2], agents[1], agents[0]],
        "meta": {"current_page": 1, "per_page": 20, "total": 3, "last_page": 1},
    }
    assert list(answer.data["meta"]) == ["current_page", "per_page", "total", "last_page"]
    assert get(f"{BASE}/agents?search=sec", sales_key).data["data"] == [agents[1]]
    assert get(f"{BASE}/agents?status=draft&direction=inbound", sales_key).data["data"] == [agents[0]]
    assert get(f"{BASE}/agents?per_page=2&page=2", sales_key).data["data"] == [agents[0]]
    assert get(f"{BASE}/agents/b", sales_key).data == {"success": True, "data": agents[1]}
    assert get(f"{BASE}/agents/only-in-calls", sales_key).status_code == 404
    assert get(f"{BASE}/agents/only-in-calls/calls", sales_key).data["data"] == []
    assert get(f"{BASE}/callback-agents", sales_key).data == {"success": True, "data": [handler]}
    answer = get(f"{BASE}/campaigns", sales_key)
    assert answer.data["data"] == [campaigns[1], campaigns[0]]
    assert answer.data["pagination"]["to"] == 2
    for query in ("status=active", "campaign_type=sales", "search=AUT", "date_to=2024-01-01"):
        assert get(f"{BASE}/campaigns?{query}", sales_key).data["data"] == [campaigns[0]]
    assert len(get(f"{BASE}/campaigns?agent_id=b", sales_key).data["data"]) == 2
    assert get(f"{BASE}/campaigns?agent_id=a", sales_key).data["data"] == []
    assert get(f"{BASE}/campaigns/k1", sales_key).data == {"success": True, "data": detail}
    assert get(f"{BASE}/campaigns/k2", sales_key).data["data"] == campaigns[1]
    blind = make_key(acme, environment=sales, numbers=False)
    assert b"5511987654321" not in get(f"{BASE}/campaigns/k1", blind).body


def callback_day(environment, day, data):
    CallbackDay.objects.create(
        tenant_id=environment.tenant_id,
        environment=environment,
        day=day,
        received=data["total_callbacks_received"],
        answered=data["callbacks_answered"],
        unmatched=data["callbacks_unmatched"],
        sources=[
            {"agent": source["source_agent_id"], "name": source["name"], "count": source["count"]}
            for source in data["callbacks_by_source_agent"]
        ],
        payload=json.dumps(data),
        digest=b"0" * 16,
        changed_at=factories.TIME_ZERO,
    )


def test_callback_statistics_of_a_range_are_the_sum_of_its_days(get, acme, sales, sales_key, time_machine):
    time_machine.move_to(datetime(2026, 7, 8, 1, tzinfo=UTC))

    def said(received, *sources):
        names = ("source_agent_id", "name", "count")
        return {
            "period": {"start": "x", "end": "x"},
            "total_callbacks_received": received,
            "callbacks_answered": received - 1,
            "callbacks_unmatched": 1,
            "callbacks_by_source_agent": [dict(zip(names, source, strict=True)) for source in sources],
        }

    with wall.tenant(acme):
        callback_day(sales, date(2026, 6, 7), said(100, ("a", "Old", 100)))  # a day before the default range
        callback_day(sales, date(2026, 6, 8), said(5, ("a", "Anna", 3), ("b", "Bob", 2)))
        callback_day(sales, date(2026, 7, 8), said(7, ("b", "Bobby", 7)))
        callback_day(sales, date(2026, 7, 9), said(100))
    assert get(f"{BASE}/callback-agents/stats", sales_key).data["data"] == {
        "period": {"start": "2026-06-08", "end": "2026-07-08"},
        "total_callbacks_received": 12,
        "callbacks_answered": 10,
        "callbacks_unmatched": 2,
        "callbacks_by_source_agent": [
            {"source_agent_id": "b", "name": "Bobby", "count": 9},
            {"source_agent_id": "a", "name": "Anna", "count": 3},
        ],
    }
    backwards = get(f"{BASE}/callback-agents/stats?start_date=2026-07-08&end_date=2026-07-01", sales_key)
    assert backwards.status_code == 200  # as the lists: no refusal is documented
    assert backwards.data["data"] == {
        "period": {"start": "2026-07-08", "end": "2026-07-01"},
        "total_callbacks_received": 0,
        "callbacks_answered": 0,
        "callbacks_unmatched": 0,
        "callbacks_by_source_agent": [],
    }
    one_agent = make_key(acme, environment=sales, agents=["a"])
    assert get(f"{BASE}/callback-agents/stats", one_agent).status_code == 403


def test_a_day_that_has_just_begun_leaves_the_range_complete(get, acme, sales, sales_key, time_machine):
    with wall.tenant(acme):
        read_days(sales, "calls", date(2026, 7, 1), date(2026, 7, 7), late=timedelta(days=1))
        read_days(sales, "calls", JULY_8, JULY_8, late=timedelta(minutes=-10))

    def told(query):
        answer = get(f"{BASE}/calls?{query}", sales_key)
        return answer["X-Mirror-Complete"], answer["X-Mirror-As-Of"]

    read = "2026-07-08T23:50:00Z"
    time_machine.move_to(datetime(2026, 7, 9, 0, 45, tzinfo=UTC))
    for query in ("date_from=2026-07-03", "date_from=2026-07-08", "date_from=2026-07-09", "date_to=2026-07-09", ""):
        assert told(query) == ("true", read), query
    assert told("date_from=0001-01-01&date_to=2026-07-09")[0] == "false"
    time_machine.move_to(datetime(2026, 7, 9, 0, 51, tzinfo=UTC))
    assert told("date_from=2026-07-03") == ("false", read)
    assert told("date_from=2026-07-03&date_to=2026-07-08") == ("true", read)


def test_headers_tell_how_far_the_range_was_read(get, acme, sales, sales_key, time_machine):
    time_machine.move_to(datetime(2026, 7, 10, 12, tzinfo=UTC))
    with wall.tenant(acme):
        read_days(sales, "calls", date(2026, 7, 1), date(2026, 7, 5), late=timedelta(days=1))
        read_days(sales, "calls", date(2026, 7, 6), date(2026, 7, 6), state="incomplete")
        read_days(sales, "calls", date(2026, 7, 7), date(2026, 7, 8), late=timedelta(hours=1))
        read_days(sales, "calls", date(2026, 7, 9), date(2026, 7, 10), late=timedelta(hours=-14))

    def told(query):
        answer = get(f"{BASE}/calls?{query}", sales_key)
        return answer["X-Mirror-Complete"], answer["X-Mirror-As-Of"]

    assert told("date_from=2026-07-02&date_to=2026-07-05") == ("true", "2026-07-04T00:00:00Z")
    assert told("date_from=2026-07-05&date_to=2026-07-06")[0] == "false"
    assert told("date_from=2026-07-07&date_to=2026-07-10") == ("true", "2026-07-09T10:00:00Z")
    assert told("date_from=2026-07-07&date_to=2026-07-30") == ("true", "2026-07-09T10:00:00Z")
    assert told("date_from=2026-07-10") == ("true", "2026-07-10T10:00:00Z")
    assert told("date_from=2026-06-30&date_to=2026-07-02")[0] == "false"
    assert told("date_to=2026-07-03") == ("true", "2026-07-03T00:00:00Z")
    assert told("")[0] == "false"
    time_machine.move_to(datetime(2026, 7, 11, 12, tzinfo=UTC))
    assert told("date_from=2026-07-09&date_to=2026-07-09")[0] == "false"  # read while it ran, and never since
    assert get(f"{BASE}/agents", sales_key)["X-Mirror-Complete"] == "false"
    with wall.tenant(acme):
        read_days(sales, "agents", JULY_8, JULY_8, part="all")
    assert get(f"{BASE}/agents", sales_key)["X-Mirror-Complete"] == "true"


def test_numbers_are_masked_everywhere_for_a_key_that_may_not_see_them(get, acme, sales, elements):
    blind = make_key(acme, environment=sales, numbers=False, role=Role.OWNER)
    for path in ("calls?per_page=100", "agents/agent-a/calls?per_page=100", "calls?search=CA001"):
        answer = get(f"{BASE}/{path}", blind)
        assert answer.data["data"]
        for number in PHONES:
            assert number[-8:].encode() not in answer.body
            assert number[5:].encode() not in answer.body
    shown = get(f"{BASE}/calls?per_page=100", blind).data["data"]
    kept = ("id", "sid", "status", "duration", "created_at", "updated_at", "agent", "unknown_key")
    assert [[call[key] for key in kept] for call in shown] == [[call[key] for key in kept] for call in elements]


def test_a_number_is_not_to_be_searched_whole_or_in_parts(get, acme, sales, elements):
    """One that is there and one that is not are refused alike."""
    blind = make_key(acme, environment=sales, numbers=False)
    there = ("5511987654321", "(11) 98765-4321", "%2B5511987654321", "55119", "7654321", "CA00")
    bodies = set()
    for part in (*there, "551198765432", "5511987650000", "98765x"):
        answer = get(f"{BASE}/calls?search={part}", blind)
        assert answer.status_code == 422, part
        assert list(answer.data["errors"]) == ["search"]
        bodies.add(answer.body)
    assert len(bodies) == 1
    assert get(f"{BASE}/calls?search=CA001", blind).data["pagination"]["total"] == 1


def test_an_id_made_of_the_number_is_not_to_be_searched(get, acme, sales, elements):
    """Some carriers make it so: whoever guesses the id would have guessed the number."""
    element = {"id": "made-of", "sid": "SIP-5511987654321", "to": PHONES[0], "to_formatted": "", "from": PHONES[3]}
    with wall.tenant(acme):
        mirror(sales, elements[0] | element)
    blind = make_key(acme, environment=sales, numbers=False)
    there, absent = (get(f"{BASE}/calls?search=SIP-55119876{end}", blind) for end in ("54321", "50000"))
    assert (there.status_code, there.body) == (422, absent.body)
    seeing = make_key(acme, environment=sales, numbers=True)
    assert get(f"{BASE}/calls?search=SIP-5511987654321", seeing).data["pagination"]["total"] == 1


def test_what_is_no_text_is_refused_alike_whoever_asks(get, acme, sales, sales_key):
    blind = make_key(acme, environment=sales, numbers=False)
    answers = [get(f"{BASE}/calls?search=%00", key) for key in (blind, sales_key)]
    assert [answer.status_code for answer in answers] == [400, 400]
    assert answers[0].body == answers[1].body


def test_a_mask_leaves_no_area_code(get, acme, sales):
    element = example("talkover_agent_calls.json")["data"][0] | {
        "to": "+5551906387925",
        "to_formatted": "(51) 90638-7925",  # with Peru's code before it, it would be a number, too
    }
    with wall.tenant(acme):
        mirror(sales, element)
    blind = make_key(acme, environment=sales, numbers=False)
    (shown,) = get(f"{BASE}/calls", blind).data["data"]
    assert (shown["to"], shown["to_formatted"]) == ("+55 •• •••••-7925", "•••••••7925")


def test_a_key_of_some_agents_sees_only_theirs(get, acme, sales, elements):
    key = make_key(acme, environment=sales, agents=["agent-b"])
    answer = get(f"{BASE}/calls?per_page=100", key)
    assert answer.data["data"] == [element for element in elements if element["agent"]["id"] == "agent-b"]
    assert get(f"{BASE}/agents/agent-a/calls", key).status_code == 404
    assert get(f"{BASE}/calls?agent_id=agent-a", key).data["data"] == []


def test_a_page_costs_the_same_queries_however_long_it_is(get, elements, sales_key, django_assert_num_queries):
    get(f"{BASE}/calls", sales_key)  # notes the key's use
    for size in (1, 50):
        with django_assert_num_queries(6):  # key, scope, count, page, payloads, windows
            get(f"{BASE}/calls?per_page={size}", sales_key)


def test_a_fault_of_ours_has_the_vendors_form_too(get, elements, sales_key, monkeypatch, caplog):
    def broken(*args, **kwargs):
        raise RuntimeError("a secret +5511987654321")

    monkeypatch.setattr(vendor, "page", broken)
    answer = get(f"{BASE}/calls", sales_key)
    assert (answer.status_code, answer.data) == (500, {"success": False, "message": "Internal server error."})
    assert "failed" in caplog.text

import dataclasses
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from sync.providers.base import Ask, Page, Part
from sync.providers.errors import UpstreamError
from sync.providers.talkover.client import TALKOVER
from sync.providers.tolerant import digest
from sync.records import BrokenRecord, CallbackDayRecord, CallRecord
from sync.taxonomy import Fault, Stream
from tests.sync.providers.conftest import by_path, reply

PAYLOADS = Path(__file__).parents[2] / "payloads" / "talkover"
DAY = date(2026, 11, 20)
CALLS = Part(Stream.CALLS, "2026-11-20", DAY)
CALL = {
    "id": "call-1",
    "sid": "CA1",
    "to": "+5511987654321",
    "from": "+551130000000",
    "is_testing": False,
    "direction": "outbound",
    "status": "completed",
    "duration": 120,
    "agent": {"id": "agent-1", "name": "Sales", "label": "Sales label"},
    "created_at": "2026-11-20T12:00:00Z",
    "updated_at": "2026-11-20T12:02:00.500Z",
}


def call(**changes) -> dict:
    return {key: value for key, value in {**CALL, **changes}.items() if value is not ...}


def page_of(*elements, **paging) -> bytes:
    body = {"success": True, "data": list(elements), "pagination": {"total": len(elements), "per_page": 100, **paging}}
    return msgspec.json.encode(body)


def read(vendor, http, body: bytes, ask: Ask | None = None) -> Page:
    vendor.script = reply(body)
    (page,) = TALKOVER.read(ask or TALKOVER.asks(CALLS, {})[0], http)
    return page


def record_of(vendor, http, **changes) -> CallRecord:
    (record,) = read(vendor, http, page_of(call(**changes))).records
    return record


def test_a_call_becomes_a_record_with_its_own_text(vendor, http):
    raw = msgspec.json.encode(CALL)
    page = read(vendor, http, page_of(CALL))
    assert page.records == [
        CallRecord(
            external_id="call-1",
            digest=digest(raw),
            raw=raw.decode(),
            status="completed",
            direction="outbound",
            started_at=datetime(2026, 11, 20, 12, tzinfo=UTC),
            updated_at=datetime(2026, 11, 20, 12, 2, 0, 500_000, tzinfo=UTC),
            duration_ms=120_000,
            agent="agent-1",
            agent_name="Sales",
            from_number="+551130000000",
            to_number="+5511987654321",
            sid="CA1",
        )
    ]
    assert (page.keys, page.total, page.last_page) == (["call-1"], 1, 1)


def test_the_documented_calls_come_in_key_by_key(vendor, http):
    body = (PAYLOADS / "talkover_agent_calls.json").read_bytes()
    page = read(vendor, http, body)
    assert [msgspec.json.decode(record.raw) for record in page.records] == msgspec.json.decode(body)["data"]
    assert [(record.status, record.duration_ms, record.agent) for record in page.records] == [
        ("completed", 120_000, None),
        ("answered", 180_000, None),
    ]
    assert (page.total, page.last_page) == (50, 3)


def test_the_documented_callback_day_comes_in_as_given(vendor, http):
    body = (PAYLOADS / "talkover_callback_stats.json").read_bytes()
    (ask,) = TALKOVER.asks(Part(Stream.CALLBACKS, "2024-01-15", date(2024, 1, 15)), {})
    (record,) = read(vendor, http, body, ask).records
    assert isinstance(record, CallbackDayRecord)
    assert (record.day, record.received, record.answered, record.unmatched) == (date(2024, 1, 15), 184, 142, 12)
    assert record.sources == (("agent-uuid-2", "Sales Outbound", 110), ("agent-uuid-3", "Survey Outbound", 74))
    assert msgspec.json.decode(record.raw) == msgspec.json.decode(body)["data"]


def test_the_documented_refusal_is_told_in_the_vendors_words(vendor, http):
    body = (PAYLOADS / "talkover_validation_error.json").read_bytes()
    vendor.script = reply(body, status="422 Unprocessable Content")
    with pytest.raises(UpstreamError) as caught:
        list(TALKOVER.read(TALKOVER.asks(CALLS, {})[0], http))
    assert (caught.value.fault, caught.value.detail) == (Fault.REFUSED, "The given data was invalid.")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"duration": "120"}, {"duration_ms": 120_000}),
        ({"duration": 120.0}, {"duration_ms": 120_000}),
        ({"duration": None}, {"duration_ms": None}),
        ({"duration": ...}, {"duration_ms": None}),
        ({"duration": -5}, {"duration_ms": None}),
        ({"duration": {"seconds": 5}}, {"duration_ms": None}),
        ({"id": 77}, {"external_id": "77"}),
        ({"agent": "agent-9"}, {"agent": "agent-9", "agent_name": None}),
        ({"agent": None}, {"agent": None, "agent_name": None}),
        ({"agent": ..., "agent_id": "agent-8"}, {"agent": "agent-8"}),
        ({"agent": {"name": "Only a name"}}, {"agent": None, "agent_name": "Only a name"}),
        ({"agent": {"id": 5, "name": ["x"]}}, {"agent": "5", "agent_name": None}),
        ({"status": "voicemail"}, {"status": "voicemail"}),
        ({"status": "Completed"}, {"status": "completed"}),
        ({"status": "No Show"}, {"status": "No Show"}),
        ({"status": None}, {"status": "initiated"}),
        ({"status": "x" * 200}, {"status": "x" * 80}),
        ({"direction": "OUTBOUND"}, {"direction": "outbound"}),
        ({"direction": None}, {"direction": ""}),
        ({"is_testing": True}, {"is_test": True}),
        ({"is_testing": 1}, {"is_test": True}),
        ({"is_testing": "true"}, {"is_test": True}),
        ({"is_testing": "false"}, {"is_test": False}),
        ({"is_testing": "0"}, {"is_test": False}),
        ({"is_testing": 0}, {"is_test": False}),
        ({"is_testing": None}, {"is_test": False}),
        ({"is_testing": []}, {"is_test": False}),
        ({"sid": None, "to": None, "from": "anonymous"}, {"sid": "", "to_number": "", "from_number": "anonymous"}),
        ({"to": 5511987654321}, {"to_number": "5511987654321"}),
        ({"to": "a\x00b"}, {"to_number": "ab"}),
        ({"updated_at": "soon"}, {"updated_at": None}),
        ({"created_at": "2026-11-20 12:00:00"}, {"started_guessed": True}),
        ({"created_at": "2026-11-20T09:00:00-03:00"}, {"started_at": datetime(2026, 11, 20, 12, tzinfo=UTC)}),
        ({"created_at": 1763640000}, {"started_at": datetime(2025, 11, 20, 12, tzinfo=UTC)}),
        ({"new_field": {"deep": [1]}}, {"external_id": "call-1"}),
    ],
)
def test_other_types_than_promised_cost_only_their_own_field(vendor, http, changes, expected):
    record = record_of(vendor, http, **changes)
    assert {key: getattr(record, key) for key in expected} == expected


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"id": None}, ""),
        ({"id": ...}, ""),
        ({"id": ""}, ""),
        ({"id": "x" * 201}, ""),
        ({"created_at": None}, "call-1"),
        ({"created_at": "yesterday"}, "call-1"),
        ({"created_at": "10001-01-01T00:00:00Z"}, "call-1"),
    ],
)
def test_a_call_without_id_or_start_is_set_aside_with_its_text(vendor, http, changes, key):
    element = call(**changes)
    page = read(vendor, http, page_of(CALL, element))
    good, bad = page.records
    assert isinstance(good, CallRecord)
    assert isinstance(bad, BrokenRecord)
    assert (bad.kind, bad.external_id, msgspec.json.decode(bad.raw)) == ("call", key, element)
    assert bad.reason
    assert page.keys == ["call-1", key or f"?{bad.digest.hex()}"]


@pytest.mark.fault
@pytest.mark.parametrize("poison", [b"NaN", b"1e999", b'"\\ud800"', b"[" * 100_000 + b"]" * 100_000, b'"\xff"'])
def test_one_poisoned_call_leaves_the_other_99(vendor, http, poison):
    elements = [msgspec.json.encode(call(id=f"call-{number}")) for number in range(100)]
    elements[40] = b'{"id":"call-40","created_at":"2026-11-20T12:00:00Z","x":' + poison + b"}"
    body = b'{"success":true,"data":[' + b",".join(elements) + b'],"pagination":{"total":100,"last_page":1}}'
    page = read(vendor, http, body)
    assert page.keys == [f"call-{number}" for number in range(100)]
    assert [type(record) for record in page.records].count(CallRecord) == 99
    assert isinstance(page.records[40], BrokenRecord)
    assert (page.total, page.last_page) == (100, 1)


@pytest.mark.fault
@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"", Fault.NOT_JSON),
        (b"<html><body>Bad gateway</body></html>", Fault.NOT_JSON),
        (b"null", Fault.FORM),
        (b"{}", Fault.FORM),
        (b"[]", Fault.FORM),
        (b'{"success":true}', Fault.FORM),
        (b'{"success":true,"data":null}', Fault.FORM),
        (b'{"success":true,"data":7}', Fault.FORM),
        (b'{"success":false,"data":[],"message":"Down +5511987654321"}', Fault.FORM),
        (b'{"success":true,"data":[{"id":"a"},{"id', Fault.TRUNCATED),
    ],
)
@pytest.mark.parametrize("stream", TALKOVER.streams)
def test_a_bad_document_is_never_no_calls(vendor, http, stream, body, fault):
    for ask in TALKOVER.asks(Part(stream, "2026-11-20", DAY), {}):
        with pytest.raises(UpstreamError) as caught:
            read(vendor, http, body, ask)
        assert caught.value.fault == fault
        assert "98765" not in str(caught.value)


@pytest.mark.parametrize(
    ("paging", "expected"),
    [
        ({"pagination": {"total": 250, "last_page": 4, "per_page": 100}}, (250, 4)),
        ({"pagination": {"total": 250, "per_page": 100}}, (250, 3)),
        ({"meta": {"total": "250", "per_page": "100"}}, (250, 3)),
        ({"pagination": None, "meta": {"total": 0, "per_page": 100}}, (0, 1)),
        ({"pagination": {"total": 250}}, (250, None)),
        ({"pagination": {"total": -1, "per_page": 0}}, (None, None)),
        ({"pagination": "none"}, (None, None)),
        ({}, (None, None)),
    ],
)
def test_paging_is_taken_from_either_place(vendor, http, paging, expected):
    page = read(vendor, http, msgspec.json.encode({"success": True, "data": [CALL], **paging}))
    assert (page.total, page.last_page) == expected


def test_a_day_is_asked_by_date_and_wide_by_a_day_more(vendor, http):
    (exact,), (wide,) = (TALKOVER.asks(dataclasses.replace(CALLS, wide=width), {}) for width in (False, True))
    read(vendor, http, page_of(), exact)
    read(vendor, http, page_of(), wide.at(3))
    assert [text.split(" ")[1] for text in vendor.requests] == [
        "/api/v1/calls?date_from=2026-11-20&date_to=2026-11-20&per_page=100&page=1",
        "/api/v1/calls?date_from=2026-11-19&date_to=2026-11-21&per_page=100&page=3",
    ]


def test_callback_totals_are_asked_for_one_day_even_when_wide(vendor, http):
    (ask,) = TALKOVER.asks(Part(Stream.CALLBACKS, "2026-11-20", DAY, wide=True), {})
    page = read(vendor, http, b'{"success":true,"data":{"total_callbacks_received":3}}', ask)
    assert page.records[0].day == DAY
    assert page.keys == ["2026-11-20"]
    assert "/callback-agents/stats?start_date=2026-11-20&end_date=2026-11-20 " in vendor.requests[0]


@pytest.mark.parametrize(
    "data",
    [
        {"callbacks_answered": 3},
        {"total_callbacks_received": "many"},
        {"total_callbacks_received": -4},
        {"total_callbacks_received": 3, "period": {"start": "2026-10-01", "end": "2026-10-31"}},
    ],
)
def test_callback_totals_that_are_none_are_set_aside(vendor, http, data):
    (ask,) = TALKOVER.asks(Part(Stream.CALLBACKS, "2026-11-20", DAY), {})
    (record,) = read(vendor, http, msgspec.json.encode({"success": True, "data": data}), ask).records
    assert isinstance(record, BrokenRecord)
    assert (record.kind, record.external_id) == ("callback-day", "2026-11-20")


def walk(vendor, http, stream: Stream, answers: dict) -> list:
    """All records of a part, following what its answers call for."""
    vendor.script = by_path(answers)
    part = Part(stream, "all")
    asks, records = TALKOVER.asks(part, {}), []
    while asks:
        ask = asks.pop(0)
        try:
            for page in TALKOVER.read(ask, http):
                records += page.records
                asks += TALKOVER.follow(part, ask, page)
        except UpstreamError as error:
            assert ask.optional
            records.append(error.fault)
    return records


def test_agents_bring_their_callback_role_and_price(vendor, http):
    agents = [
        {"id": "a/1", "name": "Bot", "label": None, "direction": "inbound", "current_status": "published"},
        {"id": "a2", "name": "Out", "direction": "outbound", "current_status": "draft"},
    ]
    takes = {"id": "a/1", "name": "Bot", "callback_config": {"source_agent_ids": ["a2", "a2", None, 7]}}
    records = walk(
        vendor,
        http,
        Stream.AGENTS,
        {
            "/agents": {"success": True, "data": agents, "meta": {"total": 2, "per_page": 100, "last_page": 1}},
            "/callback-agents": {"success": True, "data": [takes]},
            "/agents/a%2F1/pricing/summary": {
                "success": True,
                "data": {"agent_id": "a/1", "currency": "USD", "estimated_cost_per_minute": 0.0855},
            },
        },
    )
    bot, out, callback, price, missing = records
    assert (bot.external_id, bot.name, bot.label, bot.direction, bot.state) == (
        "a/1",
        "Bot",
        "",
        "inbound",
        "published",
    )
    assert (out.direction, out.state) == ("outbound", "draft")
    assert (callback.external_id, callback.sources) == ("a/1", ("a2", "7"))
    assert (price.agent, price.per_minute, price.currency) == ("a/1", Decimal("0.0855"), "USD")
    assert missing == Fault.NOT_FOUND


def test_an_id_of_dots_asks_for_nothing(vendor, http):
    agents = [{"id": "..", "name": "Climber"}, {"id": "../../admin", "name": "Other"}]
    page = read(vendor, http, page_of(*agents), Ask("agents", "/agents"))
    follow = TALKOVER.follow(Part(Stream.AGENTS, "all"), Ask("agents", "/agents"), page)
    assert [ask.path for ask in follow] == ["/agents/..%2F..%2Fadmin/pricing/summary"]


def test_callback_agents_are_paged_only_if_the_answer_says_so(vendor, http):
    part, ask = Part(Stream.AGENTS, "all"), Ask("callback-agents", "/callback-agents")
    page = read(vendor, http, page_of({"id": "a", "name": "A"}, last_page=2), ask)
    (second,) = TALKOVER.follow(part, ask, page)
    page = read(vendor, http, page_of({"id": "b", "name": "B"}, last_page=2), second)
    assert TALKOVER.follow(part, second, page) == []
    assert [text.split(" ")[1] for text in vendor.requests] == [
        "/api/v1/callback-agents",
        "/api/v1/callback-agents?page=2",
    ]


def test_campaigns_bring_their_totals_and_then_their_calls(vendor, http):
    stats = {"total_calls": 100, "completed_calls": 80, "failed_calls": 20, "success_rate": 80.0}
    campaign = {
        "id": "c1",
        "name": "Sales",
        "status": "active",
        "campaign_type": "sales",
        "agent_id": "a1",
        "stats": stats,
    }
    calls = [{"id": "call-1", "retries": 2}, {"id": "call-2"}, {"to": "+1"}, "call-3", {"id": "call-1", "retries": 3}]
    listed, single = walk(
        vendor,
        http,
        Stream.CAMPAIGNS,
        {
            "/campaigns": {"success": True, "data": [campaign], "pagination": {"total": 1, "per_page": 100}},
            "/campaigns/c1": {"success": True, "data": {**campaign, "calls": calls}},
        },
    )
    assert (listed.external_id, listed.kind, listed.agent, listed.detail) == ("c1", "sales", "a1", False)
    assert (listed.total_calls, listed.completed_calls, listed.failed_calls, listed.success_rate) == (100, 80, 20, 80.0)
    assert listed.calls == ()
    assert (single.detail, single.calls) == (True, (("call-1", 3), ("call-2", 0)))


def test_known_calls_are_only_counted(vendor, http):
    known = {digest(msgspec.json.encode(CALL)): "call-1"}
    vendor.script = reply(page_of(CALL, call(id="call-2")))
    (page,) = TALKOVER.read(TALKOVER.asks(CALLS, {})[0], http, known)
    assert page.keys == ["call-1", "call-2"]
    assert [record.external_id for record in page.records] == ["call-2"]


def test_the_count_of_a_day_is_the_vendors_total(vendor, http):
    vendor.script = reply(page_of(CALL, total=317))
    assert TALKOVER.count(DAY, http) == 317
    assert "/calls?date_from=2026-11-20&date_to=2026-11-20&per_page=1 " in vendor.requests[0]


def test_the_check_asks_what_needs_a_token(vendor, http):
    vendor.script = reply(b'{"success":true,"data":[],"meta":{"total":0}}')
    TALKOVER.check(http)
    assert "GET /api/v1/agents?per_page=1 " in vendor.requests[0]
    vendor.script = reply(b"<html>Welcome</html>")
    with pytest.raises(UpstreamError):
        TALKOVER.check(http)


def test_settings_there_are_none():
    assert TALKOVER.check_settings({}) == {}
    with pytest.raises(ValueError, match="no setting named colour"):
        TALKOVER.check_settings({"colour": "red"})

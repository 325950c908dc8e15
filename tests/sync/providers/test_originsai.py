import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from sync.providers.access import Access
from sync.providers.base import Part
from sync.providers.errors import UpstreamError
from sync.providers.originsai.client import ORIGINSAI
from sync.records import BrokenRecord, CallRecord, UnplacedRecord
from sync.taxonomy import Fault, Stream
from tests.sync.providers.conftest import by_path, reply

EXAMPLE = Path(__file__).parents[2] / "payloads" / "originsai" / "originsai_call_stats.json"
SETTINGS = {"agents": "7:Reception,8:Sales"}
CALL = {
    "call_id": "5b0d7a52-8a53-4d0c-9c0e-2f6a1f7f9a11",
    "call_agent_id": 7,
    "stt_data": [{"latency_ms": 310}, {"latency_ms": 290}],
    "llm_data": [{"latency_ms": 640, "prompt_tokens": 812}],
    "tts_data": [],
    "call_recording_url": "https://recordings.example.com/5b0d7a52.mp3?signature=1",
    "from_number": "+15550100001",
    "to_number": "+15550100002",
    "call_status": "ANSWERED",
    "call_duration": 36,
    "billed_duration": 60.5,
    "initiation_time": "2025-01-15 16:00:00+05:30",
    "answer_time": "2025-01-15 16:00:06+05:30",
    "end_time": "2025-01-15 16:00:42+05:30",
    "hangup_cause_name": "Normal Hangup",
    "hangup_source": "Callee",
    "call_direction": "outbound",
    "org_id": 123,
}


def call(**changes) -> dict:
    return {key: value for key, value in {**CALL, **changes}.items() if value is not ...}


def session(vendor, **settings):
    access = Access(vendor.url, "secret", ORIGINSAI.check_settings({**SETTINGS, **settings}), allow_private=True)
    return ORIGINSAI.session(access)


def pages_of(vendor, body, known=None, **settings) -> list:
    vendor.script = reply(body if isinstance(body, bytes) else msgspec.json.encode(body))
    (ask,) = ORIGINSAI.asks(Part(Stream.CALLS, "agent:7"), SETTINGS)
    with session(vendor, **settings) as http:
        return list(ORIGINSAI.read(ask, http, known or {}))


def record_of(vendor, element, **settings):
    (page,) = pages_of(vendor, [element], **settings)
    (record,) = page.records
    return record


def test_a_call_becomes_a_record(vendor):
    record = record_of(vendor, CALL)
    assert record == CallRecord(
        external_id=CALL["call_id"],
        digest=record.digest,
        raw=msgspec.json.encode(CALL).decode(),
        status="completed",
        direction="outbound",
        started_at=datetime(2025, 1, 15, 10, 30, tzinfo=UTC),
        answered_at=datetime(2025, 1, 15, 10, 30, 6, tzinfo=UTC),
        ended_at=datetime(2025, 1, 15, 10, 30, 42, tzinfo=UTC),
        duration_ms=36_000,
        billed_ms=60_500,
        agent="7",
        agent_name="Reception",
        from_number="+15550100001",
        to_number="+15550100002",
        hangup_cause="Normal Hangup",
        hangup_source="Callee",
        latencies={"stt": [310, 290], "llm": [640]},
    )


def test_the_documented_answer_comes_in_key_by_key(vendor):
    (page,) = pages_of(vendor, EXAMPLE.read_bytes())
    (record,) = page.records
    assert isinstance(record, CallRecord)
    assert [msgspec.json.decode(record.raw)] == msgspec.json.decode(EXAMPLE.read_bytes())
    assert (record.external_id, record.status) == ("3c90c3cc-0d44-4b50-8888-8dd25736052a", "completed")
    assert (record.started_at, record.started_guessed, record.duration_ms) == (None, True, 123_000)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "completed"),
        ({"end_time": None}, "answered"),
        ({"end_time": ""}, "answered"),
        ({"end_time": ...}, "answered"),
        ({"end_time": "some day"}, "completed"),
        ({"call_status": "FAILED"}, "failed"),
        ({"call_status": "INITIATED"}, "initiated"),
        ({"call_status": "QUEUED"}, "queued"),
        ({"call_status": "answered"}, "completed"),
        ({"call_status": "BUSY_HERE"}, "BUSY_HERE"),
        ({"call_status": None}, "initiated"),
        ({"call_status": ...}, "initiated"),
        ({"call_status": {}}, "initiated"),
    ],
)
def test_statuses_are_told_in_our_words(vendor, changes, status):
    assert record_of(vendor, call(**changes)).status == status


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"call_direction": ...}, {"direction": "inbound"}),
        ({"call_direction": None}, {"direction": "inbound"}),
        ({"call_direction": "INBOUND"}, {"direction": "inbound"}),
        ({"call_direction": "internal"}, {"direction": "internal"}),
        (
            {"initiation_time": None},
            {"started_at": datetime(2025, 1, 15, 10, 30, 6, tzinfo=UTC), "started_guessed": True},
        ),
        (
            {"initiation_time": "?", "answer_time": None},
            {"started_at": datetime(2025, 1, 15, 10, 30, 42, tzinfo=UTC), "answered_at": None},
        ),
        ({"initiation_time": "2025-01-15 10:30:00"}, {"started_guessed": True}),
        ({"call_duration": "36.5"}, {"duration_ms": 36_500}),
        ({"call_duration": None, "billed_duration": -1}, {"duration_ms": None, "billed_ms": None}),
        ({"stt_data": None, "llm_data": {}, "tts_data": '[{"ttfb_s":0.2}]'}, {"latencies": {"tts": [200]}}),
        ({"stt_data": "x", "llm_data": 5, "tts_data": [None]}, {"latencies": None}),
        ({"from_number": None, "hangup_source": ["x"]}, {"from_number": "", "hangup_source": ""}),
        ({"call_id": 42}, {"external_id": "42"}),
    ],
)
def test_other_types_than_promised_cost_only_their_own_field(vendor, changes, expected):
    record = record_of(vendor, call(**changes))
    assert {key: getattr(record, key) for key in expected} == expected


@pytest.mark.parametrize("missing", [None, "", ...])
def test_a_call_not_placed_yet_is_held_apart(vendor, missing):
    (page,) = pages_of(vendor, [call(call_id=missing), CALL])
    unplaced, placed = page.records
    assert isinstance(unplaced, UnplacedRecord)
    assert isinstance(placed, CallRecord)
    assert page.keys == [f"?{unplaced.digest.hex()}", CALL["call_id"]]


def test_a_link_signed_anew_and_another_order_of_keys_are_no_change(vendor):
    other = dict(reversed(call(call_recording_url="https://recordings.example.com/5b0d7a52.mp3?signature=2").items()))
    first, second = record_of(vendor, CALL), record_of(vendor, other)
    assert first.digest == second.digest
    assert "signature=2" in second.raw
    moved = call(call_recording_url="https://recordings.example.com/other.mp3?signature=1")
    assert record_of(vendor, moved).digest != first.digest
    assert record_of(vendor, call(call_duration=37)).digest != first.digest


def test_a_known_call_is_only_counted(vendor):
    known = {record_of(vendor, CALL).digest: CALL["call_id"]}
    (page,) = pages_of(vendor, [call(call_recording_url="https://recordings.example.com/5b0d7a52.mp3?s=9")], known)
    assert (page.keys, page.records) == ([CALL["call_id"]], [])


def test_another_organisations_call_is_set_aside_without_its_content(vendor):
    ours, foreign, silent = CALL, call(call_id="theirs", org_id=9), call(call_id="silent", org_id=None)
    (page,) = pages_of(vendor, [ours, foreign, silent], org_id="123")
    first, second, third = page.records
    assert isinstance(first, CallRecord)
    assert isinstance(third, CallRecord)
    assert isinstance(second, BrokenRecord)
    assert (second.external_id, msgspec.json.decode(second.raw)) == ("theirs", {"call_id": "theirs", "org_id": 9})
    assert page.keys == [CALL["call_id"], "theirs", "silent"]
    (page,) = pages_of(vendor, [ours, foreign, silent])
    assert {type(record) for record in page.records} == {CallRecord}


@pytest.mark.parametrize(
    "element", [b'{"call_id":"x","a":NaN}', b'"text"', b"7", b'{"call_id":{"a":1}}', b'{"a":"\xff"}']
)
def test_a_broken_element_leaves_the_others(vendor, element):
    (page,) = pages_of(vendor, b"[" + msgspec.json.encode(CALL) + b"," + element + b"]")
    good, bad = page.records
    assert isinstance(good, CallRecord)
    assert isinstance(bad, BrokenRecord)
    assert bad.kind == "call"
    assert len(set(page.keys)) == 2


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"", Fault.NOT_JSON),
        (b"<html></html>", Fault.NOT_JSON),
        (b"null", Fault.FORM),
        (b'{"detail":"x"}', Fault.FORM),
        (b'[{"call_id":"a"},{"call', Fault.TRUNCATED),
    ],
)
def test_a_bad_document_is_never_no_calls(vendor, body, fault):
    with pytest.raises(UpstreamError) as caught:
        pages_of(vendor, body)
    assert caught.value.fault == fault


def test_an_agent_without_calls_gives_one_empty_page(vendor):
    (page,) = pages_of(vendor, b"[]")
    assert (page.records, page.keys, page.total, page.last_page) == ([], [], None, None)


def test_pages_are_short_and_whole(vendor):
    pages = pages_of(vendor, [call(call_id=f"c{number}") for number in range(1234)])
    assert [len(page.records) for page in pages] == [500, 500, 234]
    assert [key for page in pages for key in page.keys] == [f"c{number}" for number in range(1234)]
    heavy = pages_of(vendor, [call(call_id=f"c{number}", call_context={"x": "y" * 300_000}) for number in range(5)])
    assert [len(page.keys) for page in heavy] == [2, 2, 1]


def test_a_body_over_the_cap_fails(vendor):
    with pytest.raises(UpstreamError) as caught:
        pages_of(vendor, [CALL] * 10, max_bytes="2000")
    assert caught.value.fault == Fault.TOO_LARGE


@pytest.mark.parametrize(
    ("chosen", "header"),
    [
        ({}, "Authorization: Bearer secret"),
        ({"header": "X-Api-Key", "prefix": ""}, "X-Api-Key: secret"),
        ({"prefix": "Token"}, "Authorization: Token secret"),
    ],
)
def test_the_token_travels_in_the_configured_header(vendor, chosen, header):
    pages_of(vendor, b"[]", **chosen)
    assert f"\r\n{header}\r\n" in vendor.requests[0] + "\r\n"
    assert vendor.requests[0].startswith("GET /api/v1/agents/7/call_stats HTTP/1.1")


def test_agents_come_from_the_settings_and_send_nothing(vendor):
    (part,) = ORIGINSAI.parts(Stream.AGENTS, SETTINGS, [])
    (ask,) = ORIGINSAI.asks(part, SETTINGS)
    assert ask.local
    with session(vendor) as http:
        (page,) = ORIGINSAI.read(ask, http)
    assert [(record.external_id, record.name) for record in page.records] == [("7", "Reception"), ("8", "Sales")]
    assert page.keys == ["7", "8"]
    assert vendor.connections == 0


def test_each_agent_is_a_part():
    parts = ORIGINSAI.parts(Stream.CALLS, SETTINGS, [])
    assert [part.key for part in parts] == ["agent:7", "agent:8"]
    assert [ORIGINSAI.asks(part, SETTINGS)[0].path for part in parts] == [
        "/agents/7/call_stats",
        "/agents/8/call_stats",
    ]


def test_the_check_needs_only_the_beginning(vendor):
    vendor.script = reply(b"[" + b",".join([msgspec.json.encode(CALL)] * 5))
    with session(vendor) as http:
        ORIGINSAI.check(http)
        vendor.script = by_path({})
        with pytest.raises(UpstreamError) as caught:
            ORIGINSAI.check(http)
    assert caught.value.fault == Fault.NOT_FOUND


def test_settings_are_filled_in_and_stay_as_they_are():
    filled = ORIGINSAI.check_settings({"agents": " 7 : Reception , 8:Sales: North,"})
    assert filled == {
        "agents": "7:Reception,8:Sales: North",
        "header": "Authorization",
        "prefix": "Bearer",
        "org_id": "",
        "recording_hosts": "",
        "max_bytes": str(512 * 1024 * 1024),
    }
    assert ORIGINSAI.check_settings(filled) == filled


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        ({}, "At least one agent"),
        ({"agents": " , "}, "At least one agent"),
        ({"agents": "Reception"}, "number:name"),
        ({"agents": "7"}, "number:name"),
        ({"agents": "-7:A"}, "number:name"),
        ({"agents": "7:A\x00"}, "number:name"),
        ({"agents": "7:A,07:B"}, "Agent 7 is there twice"),
        ({"header": "X Key"}, "header's name"),
        ({"header": "Host"}, "header's name"),
        ({"prefix": "a\r\nb"}, "prefix"),
        ({"org_id": "acme"}, "organisation"),
        ({"max_bytes": "1 GB"}, "number of bytes"),
        ({"max_bytes": "0"}, "number of bytes"),
        ({"recording_hosts": "https://media.example.com"}, "whole names"),
        ({"recording_hosts": "*.example.com"}, "whole names"),
        ({"recording_hosts": "192.0.2.7"}, "whole names"),
        ({"recording_hosts": "localhost"}, "whole names"),
        ({"recording_hosts": ",".join(f"h{n}.example.com" for n in range(21))}, "whole names"),
        ({"colour": "red"}, "no setting named colour"),
    ],
)
def test_settings_that_cannot_serve_are_refused_in_one_sentence(chosen, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        ORIGINSAI.check_settings(chosen if "agents" in chosen or not chosen else {**SETTINGS, **chosen})
    assert str(caught.value).endswith(".")


ROOT = Path(__file__).parents[3]
RESIDENT = """
import json, resource, socket, sys, threading
from sync.providers.access import Access
from sync.providers.base import Part
from sync.providers.originsai.client import ORIGINSAI
from sync.taxonomy import Stream
turn = {"role": "assistant", "content": "Bom dia, em que posso ajudar? " * 2, "latency_ms": 310}
COUNT = 9000
listener = socket.create_server(("127.0.0.1", 0))
def serve():
    conn, _ = listener.accept()
    conn.recv(65536)
    conn.sendall(b"HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n")
    for number in range(COUNT):
        element = {"call_id": str(number), "call_status": "ANSWERED", "call_transcription": [turn] * 110}
        piece = (b"," if number else b"[") + json.dumps(element).encode()
        conn.sendall(b"%x\\r\\n%s\\r\\n" % (len(piece), piece))
    conn.sendall(b"1\\r\\n]\\r\\n0\\r\\n\\r\\n")
threading.Thread(target=serve, daemon=True).start()
settings = ORIGINSAI.check_settings({"agents": "7:A"})
access = Access(f"http://127.0.0.1:{listener.getsockname()[1]}", "t", settings, allow_private=True)
seen = size = 0
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with ORIGINSAI.session(access) as http:
    for page in ORIGINSAI.read(ORIGINSAI.asks(Part(Stream.CALLS, "agent:7"), settings)[0], http):
        seen += len(page.records)
        size += sum(len(record.raw) for record in page.records)
assert seen == COUNT and size > 100_000_000, (seen, size)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


@pytest.mark.slow
def test_a_history_of_a_hundred_megabytes_is_read_in_little_memory():
    done = subprocess.run([sys.executable, "-c", RESIDENT], capture_output=True, text=True, timeout=120, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 60 * 1024 * 1024

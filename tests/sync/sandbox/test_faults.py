"""Faults do what they say, and the world stays the truth."""

import http.client
import json
import time
from datetime import timedelta
from email.utils import parsedate_to_datetime

import pytest
from django.core.management import CommandError, call_command

from sync.sandbox.faults import FaultError, Faults
from tests.sync.sandbox.conftest import END, fetch, originsai, talkover, walk

BROKEN_OFF = (http.client.IncompleteRead, ConnectionError)


@pytest.mark.parametrize("status", [401, 403, 404, 422, 429, 500, 502, 503])
def test_a_status_instead_of_the_answer(sandbox, status: int) -> None:
    box = sandbox(f"{status}@path=/calls")
    got = talkover(box, "/calls")
    assert (got.status, got.json["success"]) == (status, False)
    assert talkover(box, "/agents").status == 200
    assert fetch(f"{box.talkover_url}/health").status == 200


def test_twice_and_then_well(sandbox) -> None:
    box = sandbox("500@path=/campaigns,times=2")
    assert [talkover(box, "/campaigns").status for _ in range(4)] == [500, 500, 200, 200]
    assert box.active_faults.struck == {"500": 2}


def test_a_day_a_page_and_a_tenant_can_be_named(sandbox) -> None:
    day = END - timedelta(days=1)
    box = sandbox(f"500@day={day}", "503@page=2,path=/agents*", "403@tenant=globex")
    assert talkover(box, "/calls", date_from=day, date_to=day).status == 500
    assert talkover(box, "/calls", date_from=END, date_to=END).status == 200
    assert talkover(box, "/callback-agents/stats", start_date=day, end_date=END).status == 500
    assert [talkover(box, "/agents", page=page).status for page in (1, 2, 3)] == [200, 503, 200]
    assert fetch(f"{box.talkover_url}/calls", box.token("talkover", "globex")).status == 403


def test_rates_are_drawn_from_a_seed(sandbox) -> None:
    def statuses() -> list[int]:
        box = sandbox("429=0.2", "500=0.1")
        return [talkover(box, "/agents").status for _ in range(200)]

    first = statuses()
    assert first == statuses()
    assert 20 < first.count(429) < 60
    assert 5 < first.count(500) < 35


def test_retry_after_has_many_forms(sandbox) -> None:
    box = sandbox("429")
    for form, check in (
        ("30", lambda text: text == "30"),
        ("abc", lambda text: text == "abc"),
        ("missing", lambda text: text is None),
        ("date", lambda text: 0 <= parsedate_to_datetime(text).timestamp() - time.time() <= 2.5),
        ("past", lambda text: parsedate_to_datetime(text).timestamp() < time.time() - 3000),
    ):
        box.set_faults("429", f"retry_after={form}")
        got = talkover(box, "/calls")
        assert (got.status, check(got.headers.get("retry-after"))) == (429, True)


@pytest.mark.parametrize(
    ("kind", "body"), [("empty", b""), ("null", b"null"), ("object", b"{}"), ("html", b"<!doctype html>")]
)
def test_a_document_that_is_no_answer(sandbox, kind: str, body: bytes) -> None:
    got = talkover(sandbox(kind), "/calls")
    assert got.status == 200
    assert got.raw.startswith(body)
    assert ("html" in got.headers["content-type"]) == (kind == "html")


@pytest.mark.parametrize("kind", ["truncated", "cut_chunked", "reset"])
@pytest.mark.parametrize("ask", ["talkover", "originsai"])
def test_an_answer_that_breaks_off(sandbox, kind: str, ask: str) -> None:
    box = sandbox(kind)
    with pytest.raises(BROKEN_OFF):
        talkover(box, "/calls", per_page=100) if ask == "talkover" else originsai(box, 7)


def test_an_answer_cut_without_a_length(sandbox) -> None:
    got = talkover(sandbox("cut"), "/calls")
    assert "content-length" not in got.headers
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        json.loads(got.raw)


def test_slow_drip_and_hang(sandbox) -> None:
    box = sandbox("slow@times=1", "slow_seconds=0.3")
    began = time.monotonic()
    assert talkover(box, "/agents").status == 200
    assert time.monotonic() - began >= 0.3
    for kind in ("drip", "hang"):
        box.set_faults(kind, "drip_seconds=0.05")
        with pytest.raises(TimeoutError):
            fetch(f"{box.talkover_url}/agents", box.talkover_token, timeout=0.02 if kind == "drip" else 0.2)


def test_drift_moves_pages_and_the_world_stays_the_truth(sandbox) -> None:
    box = sandbox("drift", "drift_inserts=3", "drift_changes=2", "drift_drops=2", "drift_limit=40", days=8)
    before = dict(box.world.calls)
    first = walk(box, "/calls", per_page=20)
    keys = [call["id"] for call in first]
    assert len(keys) > len(set(keys))
    assert box.active_faults.drifted == 40
    assert box.world.dropped.keys() & before.keys()
    assert box.world.calls.keys() - before.keys()
    settled = walk(box, "/calls", per_page=20)
    assert {call["id"]: call for call in settled} == box.world.calls
    assert len(settled) == len(box.world.calls)


@pytest.mark.parametrize("kind", ["unknown", "wrong_types"])
def test_odd_words_and_types_stay(sandbox, kind: str) -> None:
    box = sandbox(f"{kind}=0.5")
    before = {key: dict(call) for key, call in box.world.calls.items()}
    walk(box, "/calls", per_page=20)
    box.set_faults()
    served = {call["id"]: call for call in walk(box, "/calls")}
    assert served == box.world.calls
    assert any(call != before[key] for key, call in served.items())


def test_originsai_calls_turn_odd_and_vanish(sandbox) -> None:
    box = sandbox("unknown@times=1", "wrong_types@times=1", originsai_per_day=12)
    served = originsai(box, 7).json
    assert "TRANSFERRED" in {call["call_status"] for call in served}
    assert "12.5" in {call["call_duration"] for call in served}
    assert served == originsai(box, 7).json == box.history.elements(7)
    box.set_faults("vanished")
    assert originsai(box, 7).json == []


@pytest.mark.parametrize("ask", ["talkover", "originsai"])
def test_one_malformed_item(sandbox, ask: str) -> None:
    box = sandbox("malformed@times=1")

    def items() -> list:
        return talkover(box, "/calls", per_page=100).json["data"] if ask == "talkover" else originsai(box, 7).json

    bad, good = items(), items()
    assert len(bad) == len(good)
    assert sum(one != two for one, two in zip(bad, good, strict=True)) == 1


def test_the_same_items_are_spoiled_each_time(sandbox) -> None:
    box = sandbox("malformed", "spoil_items=20")
    first, second = (talkover(box, "/calls", per_page=100).json["data"] for _ in range(2))
    box.set_faults()
    whole = talkover(box, "/calls", per_page=100).json["data"]
    assert first == second
    assert sum(one != two for one, two in zip(first, whole, strict=True)) == 20


@pytest.mark.parametrize("kind", ["nul", "surrogate", "nan", "huge_number", "huge_integer", "deep", "far_year"])
def test_hostile_items(sandbox, kind: str) -> None:
    box = sandbox(f"{kind}@times=1")
    hostile, plain = (talkover(box, "/calls", per_page=5).raw for _ in range(2))
    sign = {
        "nul": rb"\u0000", "surrogate": rb"\ud800", "nan": b"NaN", "huge_number": b"1e999", "huge_integer": b"9" * 5000,
        "deep": b"[" * 100_000, "far_year": b"10001-",
    }[kind]  # fmt: skip
    assert sign in hostile
    assert sign not in plain


def test_an_empty_page_in_the_middle(sandbox) -> None:
    box = sandbox("empty_page")
    total = talkover(box, "/calls").json["pagination"]["total"]
    first, second = (talkover(box, "/calls", page=page).json for page in (1, 2))
    assert (len(first["data"]), second["data"], second["pagination"]["total"]) == (20, [], total)


def test_a_list_that_vanishes(sandbox) -> None:
    got = talkover(sandbox("vanished"), "/calls").json
    assert (got["data"], got["pagination"]["total"], got["pagination"]["last_page"]) == ([], 0, 1)


def test_the_vendors_days_may_be_of_another_zone_or_end_early(sandbox) -> None:
    box = sandbox("day_zone=America/Sao_Paulo")
    got = walk(box, "/calls", date_from=END, date_to=END)
    expected = [key for key, call in box.world.calls.items() if call["created_at"] >= f"{END}T03:00:00Z"]
    assert sorted(call["id"] for call in got) == sorted(expected)
    box.set_faults("exclusive_end=1")
    assert walk(box, "/calls", date_from=END, date_to=END) == []
    yesterday = END - timedelta(days=1)
    got = walk(box, "/calls", date_from=yesterday, date_to=END)
    assert {call["created_at"][:10] for call in got} == {str(yesterday)}


def test_rejected_from_now_on_and_a_new_token(sandbox) -> None:
    box = sandbox("reject_after=2")
    assert [talkover(box, "/agents").status for _ in range(4)] == [200, 200, 401, 401]
    box.set_faults()
    old, new = box.talkover_token, box.rotate("talkover", "acme")
    assert fetch(f"{box.talkover_url}/agents", old).status == 401
    assert fetch(f"{box.talkover_url}/agents", new).status == 200
    assert box.talkover_token == new


def test_the_limit_is_counted_for_each_token(sandbox) -> None:
    box = sandbox(rate_limit=5)
    got = [talkover(box, "/agents") for _ in range(7)]
    assert [one.status for one in got] == [200] * 5 + [429] * 2
    assert got[0].headers["x-ratelimit-remaining"] == "4"
    assert 1 <= int(got[-1].headers["retry-after"]) <= 61
    assert fetch(f"{box.talkover_url}/agents", box.token("talkover", "globex")).status == 200
    assert fetch(f"{box.talkover_url}/health").status == 200


def test_a_huge_answer_is_made_while_it_is_sent(sandbox) -> None:
    box = sandbox(originsai_extra_mb=3, originsai_per_day=30)
    got = originsai(box, 7)
    assert len(got.raw) == int(got.headers["content-length"]) > 3_000_000
    assert [call["call_id"] for call in got.json if call["call_id"]] == box.history.ids(7)
    assert len(set(box.history.ids(7))) == len(box.history.ids(7))
    assert len(originsai(box, 8).raw) < 1_000_000


def test_faults_change_over_http(sandbox) -> None:
    box = sandbox()
    address = f"{box.address}/_sandbox/faults"
    assert fetch(address, method="POST", body={"faults": ["500@times=1"]}).json["faults"] == ["500@times=1"]
    assert [talkover(box, "/agents").status for _ in range(2)] == [500, 200]
    assert fetch(address).json["struck"] == {"500": 1}
    refused = fetch(address, method="POST", body={"faults": ["boredom"]})
    assert (refused.status, "boredom" in refused.json["message"]) == (422, True)
    assert fetch(address).json["faults"] == ["500@times=1"]


@pytest.mark.parametrize("spec", ["boredom", "500=often", "500@phase=2", "500@day=friday", "day_zone=Mars/Base"])
def test_a_fault_that_cannot_be_read_is_told(spec: str) -> None:
    with pytest.raises(FaultError):
        Faults(spec)
    with pytest.raises(CommandError):
        call_command("sandbox", "--fault", spec)


def test_the_journal_tells_who_asked_what(sandbox) -> None:
    box = sandbox("500@times=1", keep_versions=True)
    talkover(box, "/calls", page=1)
    talkover(box, "/calls", page=1)
    fetch(f"{box.talkover_url}/calls", "talq_wrong")
    entries = box.journal.entries
    assert [(entry.tenant, entry.status, entry.fault) for entry in entries] == [
        ("acme", 500, "500"), ("acme", 200, ""), ("", 401, ""),
    ]  # fmt: skip
    assert entries[0].params == {"page": "1"}
    assert not any(box.talkover_token in repr(entry) for entry in entries)
    assert box.journal.busiest_minute() == 3
    shown = next(iter(box.journal.versions))
    box.world.change(shown, is_testing=True)
    talkover(box, "/calls", page=1)
    assert [json.loads(body)["is_testing"] for body in box.journal.versions[shown]][-1] is True
    assert len(box.journal.versions[shown]) == 2


def test_versions_change_once_when_nothing_does(sandbox) -> None:
    box = sandbox(keep_versions=True)
    for _ in range(3):
        talkover(box, "/calls")
    assert {len(bodies) for bodies in box.journal.versions.values()} == {1}


def test_originsai_calls_move_too(sandbox) -> None:
    box = sandbox(originsai_per_day=12)
    added = box.history.insert(7, call_status="FAILED")
    gone = box.history.ids(7)[0]
    box.history.change(added, org_id=999)
    box.history.drop(gone)
    served = {call["call_id"]: call for call in originsai(box, 7).json}
    assert (served[added]["org_id"], served[added]["call_status"]) == (999, "FAILED")
    assert gone not in served
    assert gone in box.history.dropped

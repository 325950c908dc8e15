"""OriginsAI's form: one array of everything an agent ever did, element by element as it came."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from portal.audit.models import Entry
from portal.tenants import wall
from portal.tenants.models.keys import ApiKey
from sync.models.calls import Unplaced
from tests import factories
from tests.reports.api.conftest import make_key, read_days

BASE = "/vendor/originsai/api"
EXAMPLE = Path(__file__).parents[2] / "payloads" / "originsai" / "originsai_call_stats.json"
PERSON = "+5511987654321"


def unplaced(environment, agent, element):
    Unplaced.objects.create(
        tenant_id=environment.tenant_id,
        environment=environment,
        agent_key=agent,
        digest=json.dumps(element).encode()[:16],
        raw=json.dumps(element),
        first_seen_at=factories.TIME_ZERO,
    )


def test_the_documented_answer_comes_out_as_it_went_in(get, acme, care, care_key):
    said = json.loads(EXAMPLE.read_text())
    with wall.tenant(acme):
        agent = factories.agent(care, "123")
        factories.call(care, said[0]["call_id"], raw=json.dumps(said[0]), agent=agent)
    answer = get(f"{BASE}/agents/123/call_stats", care_key)
    assert answer.status_code == 200
    assert answer.data == said
    assert list(answer.data[0]) == list(said[0])


def test_all_of_an_agent_newest_first_then_what_has_no_call_id(get, acme, care, care_key):
    with wall.tenant(acme):
        agent, other = factories.agent(care, "7"), factories.agent(care, "8")
        expected = []
        for number in range(450):
            start = factories.TIME_ZERO - timedelta(minutes=number // 3)
            element = {"call_id": f"id-{number:03d}", "call_duration": 1.50, "filler": "x" * 400}
            factories.call(care, element["call_id"], raw=json.dumps(element), agent=agent, started_at=start)
            expected.append((start, element["call_id"], element))
        factories.call(care, "other", agent=other)
        unplaced(care, "7", {"call_id": None, "task_id": 3})
        unplaced(care, "8", {"call_id": None, "task_id": 4})
    answer = get(f"{BASE}/agents/7/call_stats", care_key)
    assert answer.streaming
    assert answer.data[:-1] == [element for _, _, element in sorted(expected, key=lambda item: item[:2], reverse=True)]
    assert answer.data[-1] == {"call_id": None, "task_id": 3}


def test_an_agent_without_calls_is_an_empty_array(get, acme, care, care_key):
    with wall.tenant(acme):
        factories.agent(care, "7")
    assert get(f"{BASE}/agents/7/call_stats", care_key).body == b"[]"


def test_refusals_have_the_form_of_the_vendors_framework(get, acme, globex, foreign, care, care_key, sales_key):
    with wall.tenant(globex):
        factories.agent(foreign, "9")
    absent, theirs = (get(f"{BASE}/agents/{name}/call_stats", care_key) for name in ("10", "9"))
    assert get(f"{BASE}/agents/-1/call_stats", care_key).body == absent.body
    assert absent.status_code == 404
    assert absent.data == {"detail": "Agent not found"}
    assert (absent.body, dict(absent.headers)) == (theirs.body, dict(theirs.headers))
    for name in ("seven", "7.0", "²", "9" * 30):
        answer = get(f"{BASE}/agents/{name}/call_stats", care_key)
        assert answer.status_code == 422
        assert answer.data["detail"][0]["loc"] == ["path", "agent_id"]
        assert "X-Mirror-Complete" in answer
    for key in (None, "ring_wrong", sales_key, make_key(acme)):
        answer = get(f"{BASE}/agents/10/call_stats", key)
        assert answer.status_code == 401
        assert answer.data == {"detail": "Not authenticated"}
    assert get(f"{BASE}/agents/10/call_stats", care_key, method="POST").status_code == 405
    for path in ("elsewhere", "else%0Awhere"):
        assert get(f"{BASE}/{path}", care_key).data == {"detail": "Not Found"}


def test_headers_speak_of_the_agent_asked_for(get, acme, care, care_key):
    day = date(2026, 7, 8)
    with wall.tenant(acme):
        factories.agent(care, "7")
        factories.agent(care, "8")
        read_days(care, "calls", day, day, part="agent:7", late=timedelta(0))
        read_days(care, "calls", day, day, part="agent:8", state="incomplete", late=timedelta(0))
    answer = get(f"{BASE}/agents/7/call_stats", care_key)
    assert (answer["X-Mirror-Complete"], answer["X-Mirror-As-Of"]) == ("true", "2026-07-09T00:00:00Z")
    assert get(f"{BASE}/agents/8/call_stats", care_key)["X-Mirror-Complete"] == "false"
    assert get(f"{BASE}/agents/99/call_stats", care_key)["X-Mirror-Complete"] == "false"


def test_numbers_are_masked_in_every_part(get, acme, care):
    element = {
        "call_id": "3c90c3cc-0d44-4b50-8888-8dd25736052a",
        "call_agent_id": 7,
        "from_number": "1130001234",
        "to_number": PERSON,
        "call_recording_url": f"https://recordings.example/{PERSON[1:]}/a.mp3",
        "call_transcription": [
            {"role": "user", "content": "Ligue para (11) 98765-4321 ou para 21 99876 5432, dia 2026-07-08 15:00"},
            {"role": "user", "content": "pedido 123-456, protocolo 98-7"},
        ],
        "call_context": {"phone": PERSON, "other": 5521998765432, "nested": [{"n": "+55 21 99876-5432"}]},
        "tool_data": [{"name": "lookup", "arguments": json.dumps({"number": PERSON})}],
        "initiation_time": "2026-07-08 15:00:00+00:00",
        "call_timeline": [{"to": "ANSWERED", "timestamp": "2026-07-08T15:00:06Z"}],
        PERSON: "a key",
    }
    with wall.tenant(acme):
        agent = factories.agent(care, "7")
        factories.call(care, element["call_id"], raw=json.dumps(element), agent=agent, to_number=PERSON)
        unplaced(care, "7", {"call_id": None, "to_number": PERSON})
    blind = make_key(acme, environment=care, numbers=False)
    answer = get(f"{BASE}/agents/7/call_stats", blind)
    assert b"87654321" not in answer.body
    for trace in ("98765-4321", "99876", "30001234", PERSON):
        assert trace.encode() not in answer.body
    shown = answer.data[0]
    for key in ("call_id", "call_agent_id", "initiation_time", "call_timeline"):
        assert shown[key] == element[key]
    assert "2026-07-08 15:00" in shown["call_transcription"][0]["content"]
    assert shown["call_transcription"][1] == element["call_transcription"][1]
    assert get(f"{BASE}/agents/7/call_stats", make_key(acme, environment=care)).data[0] == element


def test_handing_out_transcripts_is_kept_in_the_audit(get, acme, care, care_key):
    """Once an hour for each reader and agent; an agent that is not there leaves nothing."""
    with wall.tenant(acme):
        agent = factories.agent(care, "7")
        factories.call(care, "c1", agent=agent)
    for _ in range(2):
        assert get(f"{BASE}/agents/7/call_stats", care_key).status_code == 200
    assert get(f"{BASE}/agents/8/call_stats", care_key).status_code == 404
    with wall.tenant(acme):
        (entry,) = Entry.objects.filter(action="agent.transcripts_opened")
        key = ApiKey.objects.get()
    assert (entry.about, entry.key_id, entry.address) == ({"agent": str(agent.public_id)}, key.pk, "127.0.0.1")


def test_the_wall_is_shut_while_the_answer_is_on_its_way(client, acme, care, care_key):
    with wall.tenant(acme):
        agent = factories.agent(care, "7")
        for number in range(300):
            start = datetime(2026, 7, 1, tzinfo=UTC) + timedelta(minutes=number)
            factories.call(care, f"c{number}", raw=json.dumps({"x": "y" * 2000}), agent=agent, started_at=start)
    response = client.get(f"{BASE}/agents/7/call_stats", headers={"Authorization": f"Bearer {care_key}"})
    pieces = iter(response.streaming_content)
    next(pieces)
    try:
        wall.current()
    except wall.NoTenant:
        pass
    else:
        raise AssertionError("the wall stayed open between two pieces")
    assert sum(1 for _ in pieces) > 2

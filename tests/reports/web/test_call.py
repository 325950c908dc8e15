"""The page of one call: what it tells, to whom, and what no payload does to it."""

import gzip
import json
import re
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone, translation

from portal.audit.models import Entry
from portal.tenants import wall
from portal.tenants.models.grants import Grant
from portal.tenants.models.people import Role, User
from reports.web.call.words import value_word
from sync.models.agents import Agent
from sync.models.changes import CallChange
from sync.models.connections import Connection
from tests import factories
from tests.conftest import member

ZERO = factories.TIME_ZERO
PERSON = "+5511987654321"
NUMBER = re.compile(r"9\D{0,6}8\D{0,6}7\D{0,6}6\D{0,6}5\D{0,6}4\D{0,6}3\D{0,6}2\D{0,6}1")
OPENED = "call.transcript_opened"


def element(**more):
    return {
        "call_id": "c-1",
        "to_number": PERSON,
        "from_number": "+551130000000",
        "call_transcription": [
            {"role": "assistant", "content": "Bom dia!", "timestamp": "2026-07-08T15:00:06Z"},
            {"role": "user", "content": "Quero remarcar.", "timestamp": "2026-07-08T15:00:12Z"},
            {"role": "assistant", "content": "Claro.", "timestamp": "2026-07-08T15:00:20Z"},
        ],
        "stt_data": [{"latency_ms": 240}],
        "llm_data": [{"latency_ms": 600, "model": "model-b"}, {"latency_ms": 1400, "model": "model-b"}],
        "tts_data": [{"latency_ms": 180}, {"latency_ms": 200}],
        "tool_data": [
            {"name": "find_slot", "arguments": {"day": 1}, "error": "timeout", "timestamp": "2026-07-08T15:00:13Z"}
        ],
        "call_timeline": [{"event": "initiated", "timestamp": "2026-07-08T15:00:00Z"}],
        "call_insights": {"summary": "Remarcou."},
    } | more


@pytest.fixture
def client_of(client):
    def sign_in(user):
        client.force_login(user)
        return client

    return sign_in


def spoken(care, call_id="c-1", **more):
    told = element(**more)
    latencies = {"stt": [240.0], "llm": [600.0, 1400.0], "tts": [180.0, 200.0]}
    fields = {"answered_at": ZERO + timedelta(seconds=5), "ended_at": ZERO + timedelta(seconds=125)}
    agent = factories.agent(care, "7", name="Recepção")
    return factories.call(
        care, call_id, raw=json.dumps(told), to_number=PERSON, latencies=latencies, agent=agent, **fields
    )


def page(client, call, query=""):
    answer = client.get(f"/t/acme/calls/{call.pk}/{query}", headers={"Accept-Language": "en"})
    return answer, " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def test_what_happened_stands_in_order(client_of, acme, care, ana):
    with wall.tenant(acme):
        call = spoken(care)
    answer, text = page(client_of(ana), call)
    assert answer.status_code == 200
    said = ["Recepção", "Bom dia!", "0:06", "Quero remarcar.", "0:12", "find_slot", "failed", "0:13", "Claro.", "0:20"]
    places = [text.index(words, text.index("Transcript")) for words in said]
    assert places == sorted(places)
    for words in (
        "Call to (11) 98765-4321",
        "8 Jul 2026, 12:00:00",
        "8 Jul 2026, 12:00:05",
        "5.0 s",
        "2 answers. The slowest is number 2 with 1,840 ms.",
        "Medians: STT 240 ms, LLM 1,000 ms, TTS 190 ms.",
        "Remarcou.",
        "model-b",
        "none for this call",
        "first mirrored",
    ):
        assert words in text, words


def test_a_vendor_that_tells_little_is_said_to(client_of, acme, sales, ana):
    with wall.tenant(acme):
        call = factories.call(sales, "t-1", is_test=True, missing_since=ZERO, started_guessed=True)
    _answer, text = page(client_of(ana), call)
    assert "Not told by this vendor: pick-up and ring time, end, billed time, who hung up and why, timeline, " in text
    for words in ("Transcript ", "Latency of each answer", "Recording"):
        assert words not in text
    for words in ("test call", "start guessed", "The vendor no longer shows this call since 8 Jul 2026"):
        assert words in text


def test_what_changed_since_it_was_first_seen(client_of, acme, sales, ana):
    with wall.tenant(acme):
        call = factories.call(sales, "t-1", seconds=180, started_at=ZERO + timedelta(seconds=2))
        for minutes, was, now, start in (
            (1, ("initiated", None), ("answered", 0), ZERO),
            (5, ("answered", 0), ("completed", 180_000), ZERO + timedelta(seconds=2)),
        ):
            CallChange.objects.create(
                tenant=acme,
                environment=sales,
                call=call,
                at=ZERO + timedelta(minutes=minutes),
                was_started_at=start,
                was_status=was[0],
                was_duration_ms=was[1],
                now_status=now[0],
                now_duration_ms=now[1],
            )
    _answer, text = page(client_of(ana), call)
    assert "12:01:00 status initiated → answered , duration – → 0:00 , start 8 Jul 2026, 12:00:00 → 8 Jul" in text
    assert "12:05:00 status answered → completed , duration 0:00 → 3:00" in text


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://media.example.com/a.mp3?sig=1", None),
        ("https://MEDIA.example.com:443/a.mp3", None),
        ("http://media.example.com/a.mp3", "its address is not https"),
        ("https://media.example.com.evil.example/a.mp3", "its host is not among those"),
        ("https://media.example.com:8443/a.mp3", "its host is not among those"),
        ("https://media.example.com@evil.example/a.mp3", "is no address"),
        ("https://evil.example\\@media.example.com/a.mp3", "is no address"),
        ("https://media.example.com/a\n.mp3", "is no address"),
        ("javascript:alert(1)", "is no address"),
        ("//media.example.com/a.mp3", "its address is not https"),
        ("https://[::1", "is no address"),
        ({"url": "https://media.example.com/a.mp3"}, "is no address"),
        (None, "none for this call"),
    ],
)
def test_a_recording_is_linked_by_rule(client_of, acme, care, ana, url, words):
    with wall.tenant(acme):
        Connection.objects.create(
            tenant=acme,
            environment=care,
            provider="originsai",
            token="t",
            base_url="https://o.example",
            since=ZERO.date(),
            settings={"agents": "7:A", "recording_hosts": "other.example,media.example.com"},
        )
        call = spoken(care, call_recording_url=url)
    answer, text = page(client_of(ana), call)
    body = answer.content.decode()
    links = re.findall(r'<a href="([^"]+)" rel="noreferrer noopener external">', body)
    assert links == ([url] if words is None else [])
    assert words is None or words in text
    assert not re.search(r"<(audio|video|iframe|embed|source)\b", body)


def test_without_a_list_of_hosts_no_recording_opens(client_of, acme, care, ana):
    with wall.tenant(acme):
        call = spoken(care, call_recording_url="https://media.example.com/a.mp3")
    assert "its host is not among those" in page(client_of(ana), call)[1]


SPOKEN_NUMBERS = {
    "call_transcription": [
        {"role": "user", "content": "Meu número é 11 98765-4321, repito: 9 8 7 6 5 4 3 2 1."},
        {"role": "user", "content": "ou (11) 98765\u20134321, ou ９８７６５４３２１"},
        {f"user {PERSON}": "Oi"},
    ],
    "tool_data": [{"name": "dial", "arguments": {"n": 5511987654321, "to": PERSON}, "result": f"ok {PERSON[1:]}"}],
    "call_context": {"phone": PERSON, "note": "tel 11987654321", PERSON: "x", "deep": {"n": ["11 98765 4321"]}},
    "call_timeline": [{"event": f"dial {PERSON}", "timestamp": "2026-07-08T15:00:00.123456+00:00"}],
    "call_recording_url": f"https://media.example.com/{PERSON[1:]}.mp3",
    "unheard": [{"x": "+55 (11) 98765.4321"}],
}


def test_a_reader_without_numbers_finds_none_anywhere(client_of, acme, care, sales, ana):
    blind = member(acme, "bia@acme.example", Role.VIEWER)
    with wall.tenant(acme):
        call = spoken(care, **SPOKEN_NUMBERS)
        type(call).objects.filter(pk=call.pk).update(
            sid=f"CA{PERSON[1:]}", hangup_cause=f"Rejected by {PERSON}", external_id="x-11987654321"
        )
        factories.call(sales, "t-2", started_at=ZERO - timedelta(hours=3), to_number=PERSON)
    seeing = client_of(ana)
    seeing.post(f"/t/acme/calls/{call.pk}/notes/", {"text": "Retornar para 11 98765-4321 às 10:30"})
    assert NUMBER.search(page(seeing, call)[1])
    client = client_of(blind)
    answer, text = page(client, call)
    assert answer.status_code == 200
    assert "Retornar para" in text
    assert "às 10:30" in text
    assert "a number that you may not see" in text
    payload = client.get(f"/t/acme/calls/{call.pk}/payload.json")
    for body in (answer.content.decode(), payload.content.decode()):
        assert not NUMBER.search(re.sub(r"<[^>]+>", "", body))
        for digits in ("98765", "987654321", "9 8 7 6 5", "９８７６５"):
            assert digits not in body
    assert json.loads(payload.content)["to_number"].endswith("4321")
    assert payload["Content-Disposition"] == f'attachment; filename="call-{call.pk}.json"'


def test_the_download_is_what_the_vendor_sent_byte_for_byte(client_of, acme, care, ana):
    raw = '{"call_id":  "c-9", "big": 12345678901234567890.10, "n": 1e2, "to_number": "+5511987654321"}'
    with wall.tenant(acme):
        call = factories.call(care, "c-9", raw=raw)
    answer = client_of(ana).get(f"/t/acme/calls/{call.pk}/payload.json")
    assert answer.content.decode() == raw
    assert "12345678901234567890.10" in page(client_of(ana), call)[1]


def nested(depth):
    return json.loads("[" * depth + "]" * depth)


HOSTILE = {
    "markup": {"call_transcription": [{"role": "<b>", "content": "<script>alert(1)</script><img src=x onerror=a>"}]},
    "names": {"tool_data": [{"name": "</pre><script>1</script>", "arguments": "<b>", "error": {"<i>": 1}}]},
    "direction": {"call_transcription": [{"role": "user\u202e", "content": "\u202edcba\u2066"}], "x": "\u202e"},
    "emoji": {
        "call_transcription": [{"role": "👩🏽‍🚀", "content": "👨‍👩‍👧‍👦" * 500}],
        "call_quality": {"🎉": "é\u0301" * 99},
    },
    "nul": {"call_transcription": [{"role": "user", "content": "a\x00b\x07c"}], "call_context": {"\x00": "\x00"}},
    "long": {"call_transcription": [{"role": "user", "content": "palavra " * 40} for _ in range(3_300)]},
    "one long turn": {"call_transcription": [{"role": "user", "content": "çã1 " * 260_000}]},
    "deep": {"call_transcription": nested(200), "call_context": {"a": nested(200)}, "x": nested(200)},
    "wide": {"call_context": {f"k{n}": n for n in range(20_000)}, "call_timeline": [{"event": "e"}] * 20_000},
    "huge": {"call_quality": {"mos": 10**300, "j": -(10**4000), "f": 1.7e308}, "stt_data": [{"latency_ms": 1e300}]},
    "strings": {"call_transcription": '[{"role": "user", "content": NaN}]', "call_insights": "NaN", "tool_data": "["},
    "other": {"call_transcription": 7, "call_timeline": {"x": {"y": 1}}, "tool_data": [[1], None], "call_quality": [1]},
    "times": {"call_timeline": [{"event": "x", "timestamp": value} for value in (-1, 1e30, "9" * 50, [], {}, True)]},
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("sees", [True, False])
def test_no_payload_harms_the_page(client_of, acme, care, ana, name, sees):
    reader = ana if sees else member(acme, "bia@acme.example", Role.VIEWER)
    with wall.tenant(acme):
        call = spoken(care, **HOSTILE[name])
    client = client_of(reader)
    answer, _text = page(client, call)
    body = answer.content.decode()
    assert answer.status_code == 200
    assert len(gzip.compress(answer.content)) < 130_000
    assert not re.search(r"<(script>|img|i>)", body)
    assert "\x00" not in body
    assert client.get(f"/t/acme/calls/{call.pk}/payload.json").status_code == 200


def test_what_turns_the_line_is_kept_apart(client_of, acme, care, ana):
    with wall.tenant(acme):
        call = spoken(care, **HOSTILE["direction"])
    body = page(client_of(ana), call)[0].content.decode()
    boxes = re.findall(r'<pre dir="ltr" tabindex="0">(.*?)</pre>', body, re.DOTALL)  # the raw payload last
    assert "\\u202e" in boxes[-1]
    outside = re.sub(r"<bdi>[^<]*</bdi>", "", body)
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", outside)


def test_a_long_transcript_is_cut_and_says_so(client_of, acme, care, ana):
    with wall.tenant(acme):
        call = spoken(care, **HOSTILE["long"])
    _answer, text = page(client_of(ana), call)
    assert "turns are shown, as far as a page bears; all of it is in the raw data" in text
    assert "The first part of what the vendor sent" in text
    whole = client_of(ana).get(f"/t/acme/calls/{call.pk}/payload.json").content
    assert len(json.loads(whole)["call_transcription"]) == 3_300


def test_a_form_not_known_shows_its_data_plainly(client_of, acme, care, ana):
    with wall.tenant(acme):
        call = spoken(care, call_timeline=[{"a": 1}], tool_data=[{"x": 1}])
    _answer, text = page(client_of(ana), call)
    assert "Form not recognised: call_timeline, tool_data." in text
    assert '"x": 1' in text.replace("&quot;", '"')


def test_opening_a_transcript_is_noted_once_an_hour(client_of, acme, care, sales, ana):
    with wall.tenant(acme):
        call, silent = spoken(care), factories.call(sales, "t-1")
    client = client_of(ana)
    client.defaults["REMOTE_ADDR"] = "203.0.113.7"
    for _ in range(2):
        page(client, call)
        page(client, silent)
        client.get(f"/t/acme/calls/{call.pk}/payload.json")
    with wall.tenant(acme):
        (entry,) = Entry.objects.filter(action=OPENED)
    assert (entry.user_id, entry.about, entry.address) == (ana.pk, {"call": str(call.pk)}, "203.0.113.7")
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        client.force_login(ana)
        page(client, call)
    with wall.tenant(acme):
        assert Entry.objects.filter(action=OPENED).count() == 2


def test_the_list_goes_along(client_of, acme, sales, ana):
    with wall.tenant(acme):
        calls = [
            factories.call(sales, f"t-{n}", started_at=ZERO + timedelta(minutes=n // 2), status=status)
            for n, status in enumerate(("failed", "completed", "failed", "busy", "failed", "failed"))
        ]
    client = client_of(ana)

    def steps(call, query):
        body = page(client, call, query)[0].content.decode()
        found = {}
        for rel in ("prev", "next"):
            link = re.search(rf'rel="{rel}" href="[^"]*/calls/([0-9a-f-]+)/([^"]*)"', body)
            found[rel] = (link[1], link[2].replace("&amp;", "&")) if link else None
        return found, body

    failed = sorted((call for call in calls if call.status == "failed"), key=lambda call: (call.started_at, call.pk))
    for ordering, order in (("-started_at", failed[::-1]), ("started_at", failed)):
        query = f"?status=failed&ordering={ordering}"
        for place, call in enumerate(order):
            found, body = steps(call, query)
            assert found["prev"] == ((str(order[place - 1].pk), query) if place else None)
            assert found["next"] == ((str(order[place + 1].pk), query) if place + 1 < len(order) else None)
            assert f'href="/t/acme/calls/?status=failed&amp;ordering={ordering}"' in body
    assert steps(calls[0], "?status=failed&ordering=nonsense")[0] == {"prev": None, "next": None}
    assert steps(calls[0], "?date_from=yesterday")[0] == {"prev": None, "next": None}


def test_the_calls_of_the_contact_and_its_callback(client_of, acme, sales, care, ana, bruno):
    with wall.tenant(acme):
        dials = factories.agent(sales, "agent-1")
        takes = factories.agent(sales, "agent-2", takes_callbacks=True, callback_sources=["agent-1"])
        tried = factories.call(sales, "t-1", agent=dials, status="no-answer", seconds=0, to_number=PERSON)
        back = factories.call(
            sales,
            "t-2",
            agent=takes,
            direction="inbound",
            from_number=PERSON,
            to_number="+551130000000",
            started_at=ZERO + timedelta(hours=2),
        )
        elsewhere = factories.call(care, "c-1", to_number=PERSON, started_at=ZERO + timedelta(hours=5))
        assert Agent.objects.count() == 2
    answer, text = page(client_of(ana), tried)
    body = answer.content.decode()
    assert "Answered by a callback 2:00:00 later." in text
    assert f"/t/acme/calls/{back.pk}/" in body
    assert f"/t/acme/calls/{elsewhere.pk}/" in body
    assert "A callback: it came 2:00:00 after the call it answers." in page(client_of(ana), back)[1]
    # Bruno reads one environment: of the other's call there is no trace.
    body = page(client_of(bruno), tried)[0].content.decode()
    assert f"/t/acme/calls/{back.pk}/" in body
    assert str(elsewhere.pk) not in body


def test_the_page_says_nothing_that_the_policy_forbids(client_of, acme, care, ana):
    with wall.tenant(acme):
        call = spoken(care)
    answer, _text = page(client_of(ana), call)
    body = answer.content.decode()
    assert not re.search(r'\sstyle="|\son[a-z]+="', body)
    assert not re.search(r"<script(?![^>]*\ssrc=)", body)
    assert "default-src 'self'" in answer["Content-Security-Policy"]


def test_keys_and_states_of_a_vendor_are_said_in_words(client_of, acme, care, ana):
    with wall.tenant(acme):
        call = spoken(
            care,
            hangup_source="Caller",
            call_insights={"summary": "Remarcou.", "sentiment": "negative", "outcome": "transferred", "new_key": "raw"},
            call_quality={"mos": 3.94, "jitter_ms": 15.9},
            audio_config={"codec": "PCMU", "sample_rate": 8000, "noise_reduction": True},
            call_timeline=[{"event": "initiated"}, {"event": "ended"}, {"event": "parked"}],
        )
    client = client_of(ana)
    _answer, english = page(client, call)
    for words in ("Sentiment negative", "Jitter (ms) 15.9", "MOS 3.94", "new key raw", "Noise reduction yes", "parked"):
        assert words in english
    client.cookies["django_language"] = "pt-br"
    User.objects.filter(pk=ana.pk).update(language="pt-br")
    answer = client.get(f"/t/acme/calls/{call.pk}/")
    portuguese = " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())
    for words in (
        "Sentimento negativo",
        "Resultado transferida",
        "MOS 3,94",
        "Jitter (ms) 15,9",
        "Taxa de amostragem (Hz) 8000",
        "Redução de ruído sim",
        "iniciada",
        "encerrada",
        "parked",
        "STT",
    ):
        assert words in portuguese


@pytest.mark.parametrize(
    ("value", "said"),
    [(3.94, "3,94"), (0.1, "0,1"), (1e-9, "1e-09"), (1.7e308, "1.7e+308"), (8000, "8000"), (True, "sim")],
)
def test_a_number_is_written_as_the_reader_writes_it(value, said):
    with translation.override("pt-br"):
        assert value_word("mos", value) == said


def test_a_reader_of_one_agent_opens_no_call_of_another(client, acme, sales) -> None:
    """Whose call it is, the page and the API ask alike; a call of the hidden agent is none."""
    with wall.tenant(acme):
        own, hidden = (
            factories.call(sales, name, agent=factories.agent(sales, name)) for name in ("agent-own", "agent-hidden")
        )
        user = member(acme, "one@acme.example", Role.VIEWER, numbers=True)
        Grant.objects.filter(membership__user=user).update(agent_keys=["agent-own"])
    client.force_login(user)
    for path in ("/t/acme/calls/{}/", "/api/v1/calls/{}/"):
        assert client.get(path.format(own.pk)).status_code == 200
        assert client.get(path.format(hidden.pk)).status_code == 404

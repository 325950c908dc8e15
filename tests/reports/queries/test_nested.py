"""Nested parts in every form they may take: nothing is lost, nothing is an error."""

import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.queries.calls.masks import mask_payload
from reports.queries.calls.payload_parts import MAX_ELEMENTS, MAX_TEXT, parts
from reports.queries.calls.payload_times import read_moment
from reports.web.call.latency import answers, waterfall
from reports.web.call.raw import MOST_CHARACTERS, raw
from reports.web.call.talk import talk

NINE = datetime(2026, 7, 8, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-07-08T09:00:00Z", NINE),
        ("2026-07-08 14:30:00+05:30", NINE),
        ("2026-07-08 09:00:00", NINE),
        ("2026-07-08T09:00:00.000000Z", NINE),
        (int(NINE.timestamp()), NINE),
        (str(int(NINE.timestamp() * 1000)), NINE),
        (NINE.timestamp(), NINE),
        ("soon", None),
        ("", None),
        (None, None),
        (True, None),
        ("9" * 40, None),
    ],
)
def test_times_in_any_form(text, moment):
    assert read_moment(text) == moment


@pytest.mark.parametrize("empty", [None, {}, [], "", "[]", "{}"])
def test_an_empty_part_is_recognised(empty):
    found = parts({"call_transcription": empty, "call_timeline": empty, "tool_data": empty, "call_quality": empty})
    assert (found.transcript, found.timeline, found.tools, found.quality.rows) == ([], [], [], {})
    assert found.unrecognised == []


@pytest.mark.parametrize(
    ("item", "speaker", "side", "text"),
    [
        ({"role": "assistant", "content": "Hi"}, "assistant", "agent", "Hi"),
        ({"speaker": "Callee", "transcription": "Hi"}, "Callee", "person", "Hi"),
        ({"participant": "operator 2", "body": "Hi"}, "operator 2", "", "Hi"),
        ({"bot": "Hi"}, "bot", "agent", "Hi"),
        ({"text": "Hi"}, "", "", "Hi"),
        ({"role": "", "name": "user", "content": None, "message": "Hi"}, "user", "person", "Hi"),
        ("Hi", "", "", "Hi"),
        ({"role": "user", "content": {"parts": ["Hi"]}}, "user", "person", '{"parts": ["Hi"]}'),
    ],
)
@pytest.mark.parametrize("wrapped", [lambda item: [item], lambda item: item, lambda item: json.dumps([item])])
def test_turns_of_a_transcript(item, speaker, side, text, wrapped):
    (turn,) = parts({"call_transcription": wrapped(item)}).transcript
    assert (turn.speaker, turn.side, turn.text) == (speaker, side, text)


def test_seconds_of_the_call_count_from_its_beginning():
    element = {
        "call_transcription": [{"role": "user", "content": "a", "start": 1.5}, {"role": "user", "content": "b"}],
        "call_timeline": [
            {"event": "x", "time": "90"},
            {"event": "y", "time": NINE.timestamp()},
            {"event": "z", "at": 1e6},
        ],
        "tool_data": [{"name": "t", "started_at": 3, "duration_ms": 250}],
    }
    found = parts(element, NINE)
    assert [turn.at for turn in found.transcript] == [NINE + timedelta(seconds=1.5), None]
    assert [event.at for event in found.timeline] == [NINE + timedelta(seconds=90), NINE, None]
    assert [(tool.at, tool.milliseconds) for tool in found.tools] == [(NINE + timedelta(seconds=3), 250)]
    assert [turn.at for turn in parts(element).transcript] == [None, None]


def test_a_stage_names_its_makers_and_adds_up_its_tokens():
    element = {
        "llm_data": [
            {"model": "m-1", "prompt_tokens": 10, "completion_tokens": 2, "latency_ms": 7},
            {"model": "m-1", "prompt_tokens": 5, "token_rate": "x", "cached_tokens": True},
            "stray",
        ],
        "stt_data": {},
        "tts_data": None,
    }
    stages = parts(element).stages
    assert list(stages) == ["llm"]
    assert (stages["llm"].turns, stages["llm"].makers) == (3, ["m-1"])
    assert stages["llm"].tokens == {"prompt_tokens": 15, "completion_tokens": 2}


def test_events_fall_back_to_the_changes_of_state():
    changes = [{"new_state": "RINGING", "ts": 1783501200}, {"to": "ANSWERED"}, {"unknown": 1}]
    names = [event.name for event in parts({"call_timeline": [{}], "call_state_changes": changes}).timeline]
    assert names == ["RINGING", "ANSWERED"]
    assert parts({"call_timeline": [{"event": "end"}], "call_state_changes": changes}).timeline[0].name == "end"


def test_tools_with_their_outcome():
    found = parts(
        {
            "tool_data": [
                {"tool_name": "book", "args": '{"day": 1}', "response": {"ok": True}},
                {"function_name": "call", "success": False},
                {"name": "look", "error": "none"},
            ]
        }
    ).tools
    assert [(tool.name, tool.input, tool.output, tool.failed) for tool in found] == [
        ("book", {"day": 1}, {"ok": True}, False),
        ("call", None, None, True),
        ("look", None, "none", True),
    ]


def test_a_form_not_known_is_named_and_kept():
    found = parts({"call_timeline": [{"a": 1}], "call_insights": [1, 2], "tool_data": [{"x": 1}]})
    assert sorted(found.unrecognised) == ["call_insights", "call_timeline", "tool_data"]
    assert found.insights.rest == {"call_insights": [1, 2]}


def test_depth_number_and_length_are_bounded():
    deep: object = "end"
    for _ in range(50):
        deep = {"in": deep}
    found = parts(
        {
            "call_quality": {"deep": deep, "long": "x" * 100_000},
            "call_transcription": [{"role": "user", "content": "x" * 100_000}] * 3_000,
        }
    )
    assert len(json.dumps(found.quality.rest)) < 200
    assert len(found.quality.rows["long"]) == MAX_TEXT
    assert len(found.transcript) == MAX_ELEMENTS


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
keys = st.sampled_from(
    [
        "call_transcription",
        "call_timeline",
        "call_state_changes",
        "tool_data",
        "call_quality",
        "call_insights",
        "audio_config",
        "stt_data",
        "llm_data",
        "to",
    ]
)


records = st.dictionaries(
    st.sampled_from(["role", "content", "timestamp", "start", "name", "arguments", "error", "latency_ms", "x_tokens"]),
    json_values,
    max_size=5,
)


@given(st.dictionaries(keys, json_values | st.lists(records, max_size=5)) | json_values)
def test_nothing_is_an_error(payload):
    for shown in (payload, mask_payload(payload)):
        found = parts(shown, NINE)
        msgspec.json.encode(found)
        given = answers(found, {"stt": [1.0], "llm": [2.0, 3.0]})
        talked = talk(found, NINE, given)
        waterfall(found, {"stt": [1.0], "llm": [2.0, 3.0]}, NINE, shown=talked.shown)
        assert talked.shown <= talked.turns == len(found.transcript)


@given(st.text() | json_values.map(lambda value: json.dumps(value)))
def test_any_text_is_shown_as_lines(text):
    assert len(raw(text).text) <= MOST_CHARACTERS * 6


@given(json_values.map(lambda value: json.dumps(value, ensure_ascii=False)))
def test_lines_say_the_same_as_the_text(text):
    assert json.dumps(json.loads(raw(text).text)) == json.dumps(json.loads(text))

"""Nested parts in every form they may take: nothing is lost, nothing is an error."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.queries.masks import hide_numbers
from reports.queries.nested import MAX_ELEMENTS, MAX_TEXT, parts, read_moment

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
    ["call_transcription", "call_timeline", "call_state_changes", "tool_data", "call_quality", "call_insights", "to"]
)


@given(st.dictionaries(keys, json_values) | json_values)
def test_nothing_is_an_error(payload):
    parts(payload)
    parts(hide_numbers(payload))

"""The quick reader of promised calls makes the records that the tolerant one makes, and leaves it all others."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sync.providers.talkover import normalise, promised
from sync.providers.tolerant import Unreadable, digest, split_list
from tests.sync.providers.test_talkover import CALL, PAYLOADS

CHARACTERS = st.characters(exclude_categories=["Cs"]) | st.sampled_from('\x00\x01\x7f \n\t\u00a0\u3000\\"/é🙂')
TEXTS = st.text(CHARACTERS, max_size=8) | st.sampled_from(["", " ", "\x00", "\u3000", "x" * 41, "x" * 81, "x" * 201])
TIMES = st.sampled_from(
    [
        "2026-11-20T12:00:00Z", "2026-11-20T12:00:00.9999999Z", "2026-11-20T12:00:00.123456789Z",
        "2026-11-20T12:00:00,5Z", "2026-11-20T09:00:00-03:00", "2026-11-20T23:30:00-03", "2026-11-20T12:00:00+99:00",
        "2026-11-20 12:00:00", " 2026-11-20T12:00:00Z ", "2026-11-20t12:00:00z", "2026-11-20T12:00Z", "2026-11-20",
        "2026-02-30T12:00:00Z", "2026-11-20T24:00:00Z", "2026-11-20T23:59:60Z", "0000-01-01T00:00:00Z",
        "1969-12-31T23:59:59Z", "2201-01-01T00:00:00Z", "2200-12-31T23:59:59Z", "9999-12-31T23:59:59.9999999Z",
        "10001-01-01T00:00:00Z", "1763640000", "1763640000000.5", "soon", "0",
    ]
)  # fmt: skip
WORDS = st.sampled_from(["completed", "COMPLETED", " busy ", "no-answer", "outbound", "voicemail", "İ"])
NUMBERS = (
    st.integers(-5, 2**70) | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([2678400, 2678401])
)
VALUES = st.none() | st.booleans() | NUMBERS | TEXTS | TIMES | WORDS
AGENTS = st.dictionaries(st.sampled_from(["id", "name", "label", "more"]), VALUES, max_size=4)
# What no encoder writes: unsound or strange pieces of text in the place of a value.
PIECES = st.sampled_from(
    ["NaN", "1e999", "-0", "1.20e2", "120.0", "01", '"\\ud800"', '"\\udc00"', '"\\u0000"',
     '"\\u0032026-11-20T12:00:00Z"', "9" * 400, "[" * 2000 + "]" * 2000, '"\x01"', "tru", "{}", "[]",
     '{"id":"a","id":"b"}']
)  # fmt: skip
KEYS = [*CALL, "to_formatted", "from_formatted", "agent_id", "more"]


@st.composite
def elements(draw) -> bytes:
    """An element's text: the promised one with some keys changed, left out, doubled or added."""
    ascii_only = draw(st.booleans())
    pieces = {key: json.dumps(value) for key, value in CALL.items()}
    for key in draw(st.lists(st.sampled_from(KEYS), unique=True, max_size=4)):
        pieces.pop(key, None)
        if draw(st.booleans()):
            value = draw(VALUES | AGENTS if key == "agent" else VALUES)
            pieces[key] = draw(PIECES) if draw(st.integers(0, 9)) == 0 else json.dumps(value, ensure_ascii=ascii_only)
    members = list(pieces.items())
    if members and draw(st.booleans()):
        members.append((draw(st.sampled_from(members))[0], json.dumps(draw(VALUES))))
    text = ",".join(f'"{key}":{piece}' for key, piece in members)
    body = f"{{{text}}}".encode("utf-8", "surrogatepass")
    return body.replace(b"completed", b"complet\xff") if draw(st.integers(0, 19)) == 0 else body


def read(reader, raw: bytes) -> object:
    try:
        return reader(raw, digest(raw))
    except Unreadable as error:
        return str(error)


@given(elements())
@example(json.dumps(CALL).encode())
@example(json.dumps(CALL | {"id": " "}).encode())
@example(json.dumps(CALL | {"agent": {"id": "\u3000", "name": "Blank"}}).encode())
@example(json.dumps(CALL | {"sid": "a\x00b"}).encode())
@example(json.dumps(CALL | {"created_at": "2026-11-20T12:00:59.9999999Z"}).encode())
@example(json.dumps(CALL | {"sid": 10**400}).encode())
def test_both_readers_make_the_same_of_any_element(raw):
    tolerant = read(normalise.call, raw)
    assert read(promised.call, raw) == tolerant
    assert promised.promised(raw, digest(raw)) in (None, tolerant)


@pytest.mark.parametrize("name", ["talkover_calls", "talkover_agent_calls"])
def test_documented_calls_are_read_the_quick_way(name):
    elements = split_list(json.dumps(json.loads((PAYLOADS / f"{name}.json").read_bytes())["data"]).encode())
    assert all(promised.promised(raw, digest(raw)) for raw in elements)

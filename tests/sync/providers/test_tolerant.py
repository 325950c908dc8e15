import itertools
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.providers import limits
from sync.providers.errors import UpstreamError
from sync.providers.tolerant import (
    Unreadable,
    _Splitter,
    broken,
    elements,
    read_element,
    set_apart,
    split_list,
    split_object,
)
from sync.taxonomy import Fault

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.sampled_from(['"', "\\", '\\"', "[", "]", "{", "}", ",", "[{", '"],"']),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
    max_leaves=25,
)
BAD = {
    "NaN": b'{"id":"bad","x":NaN}',
    "1e999": b'{"id":"bad","x":1e999}',
    "digits": b'{"id":"bad","x":' + b"9" * 5000 + b"}",
    "surrogate": b'{"id":"bad","x":"\\ud800"}',
    "raw NUL": b'{"id":"bad","x":"\x00"}',
    "UTF-8": b'{"id":"bad","x":"\xff\xfe"}',
    "depth": b'{"id":"bad","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "escape": b'{"id":"bad","x":"\\q"}',
    "comma": b'{"id":"bad",}',
    "word": b'{"id":"bad","x":undefined}',
    "kind": b'["id","bad"]',
}


ENDS = {None, Fault.TRUNCATED, Fault.NOT_JSON, Fault.FORM}


def pieces(text: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return [text[start:end] for start, end in itertools.pairwise(edges)]


def outcome(chunks: list[bytes]) -> tuple[list[bytes], Fault | None]:
    """The elements that came, and what came instead of the end."""
    found: list[bytes] = []
    return found, fault_in(lambda: found.extend(elements(chunks)))


def fault_in(act: Callable[[], object]) -> Fault | None:
    try:
        act()
    except UpstreamError as error:
        return error.fault
    return None


@given(
    st.lists(JSON, max_size=8),
    st.lists(st.integers(0, 10_000), max_size=30),
    st.sampled_from([None, 1, 3]),
    st.booleans(),
)
def test_any_array_in_any_pieces_is_cut_as_a_decoder_reads_it(values, cuts, indent, ascii_only):
    text = json.dumps(values, indent=indent, ensure_ascii=ascii_only).encode()
    found = list(elements(pieces(text, cuts)))
    assert [json.loads(piece) for piece in found] == values
    assert [json.loads(bytes(piece)) for piece in split_list(text)] == values


@given(st.lists(JSON, min_size=1, max_size=5), st.data())
def test_an_array_that_ends_early_gives_what_came_before(values, data):
    text = json.dumps(values).encode()
    cut = data.draw(st.integers(1, len(text) - 1))
    found, fault = outcome([text[:cut]])
    assert fault == Fault.TRUNCATED
    assert [json.loads(piece) for piece in found] == values[: len(found)]
    assert outcome(pieces(text[:cut], [5, 11])) == (found, fault)


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=5))
def test_no_bytes_whatever_are_more_than_an_error_with_a_name(text, cuts):
    assert outcome(pieces(text, cuts))[1] in ENDS
    for cut in (split_object, split_list):
        assert fault_in(lambda cut=cut: cut(text)) in ENDS
    broken("call", text, "why")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (b"", Fault.NOT_JSON),
        (b"  \n", Fault.NOT_JSON),
        (b"<html>", Fault.NOT_JSON),
        (b"oops", Fault.NOT_JSON),
        (b"null", Fault.FORM),
        (b"{}", Fault.FORM),
        (b'"text"', Fault.FORM),
        (b"7", Fault.FORM),
        (b"[", Fault.TRUNCATED),
        (b'[{"a":"', Fault.TRUNCATED),
        (b"[1] x", Fault.NOT_JSON),
        (b"[1][2]", Fault.NOT_JSON),
        (b"[1,,2]", Fault.NOT_JSON),
        (b"[1,]", Fault.NOT_JSON),
        (b"[,1]", Fault.NOT_JSON),
    ],
)
def test_a_document_that_is_no_array_is_never_an_empty_one(text, fault):
    with pytest.raises(UpstreamError) as caught:
        list(elements([text]))
    assert caught.value.fault == fault


def test_an_empty_array_and_a_byte_order_mark_are_well():
    assert list(elements([b" [ ] \n"])) == []
    assert list(elements([b"\xef\xbb", b"\xbf[1]"])) == [b"1"]


@pytest.mark.parametrize("name", BAD)
def test_one_bad_element_harms_no_other(name):
    good = [json.dumps({"id": str(number), "text": 'a "[{,}]" b'}).encode() for number in range(99)]
    body = b'{"success":true,"data":[' + b",".join([*good[:50], BAD[name], *good[50:]]) + b'],"meta":{"total":100}}'
    members = split_object(body)
    assert json.loads(bytes(members["meta"])) == {"total": 100}
    found = split_list(members["data"])
    assert [bytes(raw) for raw in found] == [*good[:50], BAD[name], *good[50:]]
    with pytest.raises(Unreadable):
        read_element(found[50])
    record = broken("call", found[50], "why")
    assert record.external_id == ("bad" if name != "kind" else "")
    assert "\x00" not in record.raw
    record.raw.encode()
    assert list(elements([b"[" + b",".join([*good, BAD[name]]) + b"]"])) == [*good, BAD[name]]


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"", Fault.NOT_JSON),
        (b"<!doctype html><html></html>", Fault.NOT_JSON),
        (b"null", Fault.FORM),
        (b"[]", Fault.FORM),
        (b'{"data":[1,2', Fault.TRUNCATED),
        (b'{"data":[1,2]', Fault.TRUNCATED),
        (b"{data:[]}", Fault.NOT_JSON),
    ],
)
def test_a_document_that_is_no_object_is_an_error(body, fault):
    with pytest.raises(UpstreamError) as caught:
        split_object(body)
    assert caught.value.fault == fault


@pytest.mark.parametrize(
    "text",
    [
        b'["' + b"a\\n" * 7_000_000 + b'"]',
        b"[[" + b",".join([b'{"a":"b"}'] * 2_000_000) + b"]]",
    ],
    ids=["one long text", "one long list"],
)
@pytest.mark.slow
def test_an_element_of_twenty_megabytes_takes_no_more_than_its_share(text, monkeypatch):
    monkeypatch.setattr(limits, "ELEMENT_BYTES", len(text))
    found = list(elements(text[at : at + 16_384] for at in range(0, len(text), 16_384)))
    assert [len(piece) for piece in found] == [len(text) - 2]


@pytest.mark.slow
def test_a_million_tiny_elements_take_no_more_than_their_share():
    text = b"[" + b",".join([b"1"] * 1_000_000) + b"]"
    assert sum(1 for _ in elements(text[at : at + 65_536] for at in range(0, len(text), 65_536))) == 1_000_000


@pytest.mark.parametrize("blanks", [b"", b" \n  "])
@pytest.mark.parametrize("size", [7, 100, 10_000])
def test_an_element_that_is_too_long_is_set_aside_with_its_head_and_harms_no_other(monkeypatch, size, blanks):
    """However the text comes in, it is one and the same broken element, whose id can still be made out."""
    monkeypatch.setattr(limits, "ELEMENT_BYTES", 2000)
    monkeypatch.setattr(limits, "SMALL_ELEMENT_BYTES", 1000)
    long = b'{"id":"long","text":"' + b"a," * 20_000 + b'"}'
    text = b"[" + b",".join(blanks + one for one in (b'{"id":"a"}', long, b'{"id":"b"}')) + b"]"
    found = list(elements(text[at : at + size] for at in range(0, len(text), size)))
    assert found == [b'{"id":"a"}', long[:2001], b'{"id":"b"}']
    with pytest.raises(Unreadable, match="longer than 2,000 bytes"):
        read_element(found[1])
    assert broken("call", found[1], "why").external_id == "long"


def test_what_is_held_of_a_text_without_end_is_one_element(monkeypatch):
    """A string, blanks or brackets that never end: no more is held than an element may have, and a chunk."""
    monkeypatch.setattr(limits, "ELEMENT_BYTES", 1000)
    for opening, more in (
        (b'["', b"a" * 10_000),
        (b"[", b" " * 10_000),
        (b"[", b"[" * 9_000),
        (b"[1]", b"\n" * 10_000),
    ):
        splitter = _Splitter(b"[", 1000)
        list(splitter.feed(opening))
        for _ in range(20):
            assert list(splitter.feed(more)) == []
            assert splitter.held <= 1001


COSTLY = {
    "nothing but opening brackets": b"[",
    "objects in objects": b'{"a":',
    "short lists": b"[[]],",
    "lists in lists": b"[[[[]]]],",
    "small objects": b'{"a":{"b":{"c":1}}},',
}


@pytest.mark.parametrize("name", COSTLY)
def test_a_text_that_is_little_else_than_brackets_is_refused_after_a_bounded_part_of_it(name):
    """Each bracket costs as much time as a line of prose: however long the text goes on, no more of it is looked at."""
    chunk = COSTLY[name] * (262_144 // len(COSTLY[name]))
    taken = 0

    def endless():
        nonlocal taken
        yield b'[{"x":['
        while True:
            taken += len(chunk)
            yield chunk

    with pytest.raises(UpstreamError) as caught:
        list(elements(endless()))
    assert caught.value.fault == Fault.TOO_LARGE
    assert taken <= 16 * limits.MIB


def test_a_page_that_is_little_else_than_brackets_is_refused_as_well(monkeypatch):
    monkeypatch.setattr(limits, "STEPS", 10_000)
    monkeypatch.setattr(limits, "DEPTH", 10_000)
    for text in (b'{"data":' + b"[" * 100_000, b'{"data":[' + b"[[[]]]," * 20_000 + b"1]}"):
        with pytest.raises(UpstreamError) as caught:
            split_object(text)
        assert caught.value.fault == Fault.TOO_LARGE


@pytest.mark.parametrize("values", [b"[" + b"0," * 4000 + b"0]", b"[" + b"{}," * 2000 + b"{}]"])
def test_an_element_of_too_many_values_is_not_taken_apart(monkeypatch, values):
    monkeypatch.setattr(limits, "ELEMENT_VALUES", 3000)
    monkeypatch.setattr(limits, "SMALL_ELEMENT_BYTES", 1000)
    with pytest.raises(Unreadable, match="more than 3,000 values"):
        read_element(b'{"id":"x","values":' + values + b"}")


@pytest.mark.parametrize("commas", [10, 10_000], ids=["cut by commas", "decoded at once"])
def test_a_document_of_more_elements_than_a_page_holds_is_refused_whole(monkeypatch, commas):
    monkeypatch.setattr(limits, "PAGE_ELEMENTS", 50)
    monkeypatch.setattr(limits, "COMMAS", commas)
    assert len(split_list(b"[" + b"{}," * 49 + b"{}]")) == 50
    assert len(split_object(b"{" + b",".join(b'"%d":1' % number for number in range(50)) + b"}")) == 50
    with pytest.raises(UpstreamError, match="more than 50 elements") as caught:
        split_list(b"[" + b"{}," * 50 + b"{}]")
    assert caught.value.fault == Fault.TOO_LARGE


def test_no_more_members_are_held_than_a_page_has_elements(monkeypatch):
    monkeypatch.setattr(limits, "PAGE_ELEMENTS", 50)
    monkeypatch.setattr(limits, "COMMAS", 10)
    with pytest.raises(UpstreamError, match="more than 50 elements"):
        split_object(b"{" + b",".join(b'"%d":1' % number for number in range(51)) + b"}")


def test_one_long_list_is_set_apart_from_an_element():
    rest, pieces = set_apart(b'{"id":"7", "calls": [{"id":1}, 2 ,{}], "name":"x"}', "calls")
    assert json.loads(rest) == {"id": "7", "name": "x"}
    assert list(pieces) == [b'{"id":1}', b"2", b"{}"]
    rest, pieces = set_apart(b'{"id":"7","calls":"[1]"}', "calls")
    assert (json.loads(rest), list(pieces)) == ({"id": "7", "calls": "[1]"}, [])
    with pytest.raises(Unreadable):
        set_apart(b'{"id":', "calls")


ROOT = Path(__file__).parents[3]
RESIDENT = """
import resource, sys
from sync.providers.tolerant import elements
turn = b'{"role":"assistant","content":"Good morning, how may I help you?"}'
call = b'{"call_id":"x","call_transcription":[' + b",".join([turn] * 150) + b"]}"
def chunks():
    yield b"["
    for number in range(10_000):
        yield (b"," if number else b"") + call
    yield b"]"
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
total = sum(len(piece) for piece in elements(chunks()))
assert total > 100_000_000, total
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


@pytest.mark.slow
def test_a_long_array_is_held_one_element_at_a_time():
    done = subprocess.run(
        [sys.executable, "-c", RESIDENT], capture_output=True, text=True, check=True, timeout=120, cwd=ROOT
    )
    assert int(done.stdout) < 60 * 1024 * 1024

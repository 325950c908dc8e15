"""Numbers hidden from readers without numbers: in any script and spelling, at a cost that the text's length bounds."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.lib import phones
from reports.queries.calls.masks import DEPTH, hide_in, hide_numbers

PERSON = "+5511987654321"


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("fale no 11 98765-4321 já", "fale no •• •••••-4321 já"),
        ("tel:98765-4321", "tel:•••••-4321"),
        ("9 8 7 6 5 4 3 2 1", "• • • • • 4 3 2 1"),
        ("９８７６５４３２１", "•••••４３２１"),
        ("٩٨٧٦٥٤٣٢١", "•••••٤٣٢١"),
        ("98765\u20134321", "•••••\u20134321"),
        ("9876\u200b54321", "••••\u200b•4321"),
        ("in 2026-07-08 14:30:00.123456-03:00 on", "in 2026-07-08 14:30:00.123456-03:00 on"),
        ("2026-07-08T14:30:00.123456Z", "2026-07-08T14:30:00.123456Z"),
        ("3c90c3cc-0d44-4b50-8888-8dd25736052a", "3c90c3cc-0d44-4b50-8888-8dd25736052a"),
        ("pedido-12345678", "pedido-12345678"),
        ("R$ 1.234,56 em 3 vezes", "R$ 1.234,56 em 3 vezes"),
    ],
)
def test_what_is_hidden_in_free_text(text, hidden):
    assert hide_in(text, [PERSON], free=True) == hidden


def test_elsewhere_only_the_calls_own_numbers_are_hidden():
    assert hide_in("order 5521912345678 of 5511987654321", [PERSON]) == "order 5521912345678 of •••••••••4321"


@pytest.mark.parametrize("number", ["4004", "190123", "40041234"])
def test_a_number_too_short_to_be_known_elsewhere_is_hidden_where_it_stands(number):
    told = hide_numbers({"from_number": number, "steps": [{"to_number": number}], "order": number})
    assert number not in (told["from_number"], told["steps"][0]["to_number"])
    assert not told["from_number"].startswith(number[:4])


separators = st.sampled_from(["", " ", "-", ". ", "(", ") ", "\u2013", "\u00a0", "\u200b", " - "])


@given(
    st.lists(separators, min_size=8, max_size=8),
    st.sampled_from(["{}", "n° {}!", "+55 11 {}", "a{}b", "00{}", "{} {}"]),
)
def test_a_known_number_is_hidden_however_it_is_spelt(between, frame):
    spelt = "".join(digit + sign for digit, sign in zip("987654321", [*between, ""], strict=True))
    shown = json.dumps(hide_numbers({"to": PERSON, "x": {"y": [frame.format(spelt, spelt)]}}))
    assert "98765432" not in phones.digits(json.loads(shown)["x"]["y"][0])
    assert not re.search("9[^0-9]{0,8}8[^0-9]{0,8}7[^0-9]{0,8}6[^0-9]{0,8}5", json.loads(shown)["x"]["y"][0])


@pytest.mark.parametrize(
    "text",
    ["1- " * 100_000, "1" * 300_000, ("1" + " " * 5) * 60_000, "1:12345678 " * 30_000, "2026-07-08 " * 30_000],
    ids=["failing", "digits", "blanks", "times", "days"],
)
def test_a_long_text_is_read_to_its_end(text):
    hidden = hide_numbers({"to": PERSON, "call_transcription": f"{text} {PERSON}"})
    assert PERSON not in str(hidden)


def test_what_is_nested_too_deep_is_not_shown():
    deep: object = PERSON
    for _ in range(DEPTH + 300):
        deep = [deep]
    shown = json.dumps(hide_numbers({"to": PERSON, "x": deep}))
    assert "87654321" not in shown
    assert "\\u2026" in shown

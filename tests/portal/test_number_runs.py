"""One definition of "this text contains this number": every way of writing it is found, and nothing else is."""

import pytest

from portal.lib import number_runs

CONTACT = "5511987654321"
FOUND = [
    "+5511987654321", "005511987654321", "(011) 98765-4321", "11987654321", "0 11 98765 4321", "+55/11/98765/4321",
    "55.11.98765.4321", "11, 98765, 4321", "11_98765_4321", "11      98765     4321", "11\t98765\n4321",
    "11\u00a098765\u20114321", "11\u202f98765\u20134321", "11\u200b98765\u22124321", "１１９８７６５４３２１",
    "٥٥١١٩٨٧٦٥٤٣٢١", "（11）９8765－4321", "⑪ 1①987654321", "1️⃣1️⃣9️⃣8️⃣7️⃣6️⃣5️⃣4️⃣3️⃣2️⃣1️⃣", "x5511987654321y", "tel-5511987654321@host",
    r"11 98765\u20114321", r"11\u202f98765-4321", r"\uff11\uff1198765-4321", r"11\/98765-4321", r"11\n98765\n4321",
    "number=%2B55+11+98765-4321", "11%2098765%E2%80%914321", "11&nbsp;98765&#8209;4321", "11&#x2011;98765-4321",
]  # fmt: skip
NOT_FOUND = ["", "98765-4321", "5511987654322", "11 98765 4322", "119876x54321", "1" * 40, "11987654x321" * 9]


@pytest.mark.parametrize("text", FOUND)
def test_a_number_is_found_however_it_is_written(text):
    assert number_runs.contains(text, CONTACT)
    clean = number_runs.rewrite(text, lambda run: [(place, "9") for place in range(len(run.digits))])
    assert not number_runs.contains(clean, CONTACT)


@pytest.mark.parametrize("text", NOT_FOUND)
def test_other_digits_are_another_number(text):
    assert not number_runs.contains(text, CONTACT)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("+1 (212) 555-0100", ["1 (212) 555-0100"]),
        ("21988887777, 2133334444", ["21988887777", "2133334444"]),
        ("tel21988887777", ["21988887777"]),
        ("a2133334444b", []),
        ("2026-07-08 14:30:00 12345678 1751980800123", []),
        ("%2B5521988887777", ["5521988887777"]),
    ],
)
def test_what_looks_like_a_number_is_told_from_other_digits(text, parts):
    found = [
        text[run.spans[first][0] : run.spans[last - 1][1]]
        for run in number_runs.runs(text)
        for first, last in number_runs.dialled(run)
    ]
    assert list(dict.fromkeys(found)) == parts


@pytest.mark.parametrize("text", ["1- " * 200_000, "1" * 500_000, "\\" * 500_000, "%1" * 300_000, "&#1" * 200_000])
def test_a_long_text_is_read_once_from_end_to_end(text):
    assert not number_runs.contains(text, CONTACT)


@pytest.mark.parametrize(
    ("digits", "valid"),
    [
        ("52998224725", True),
        ("52998224726", False),
        ("11222333000181", True),
        ("11222333000180", False),
        ("11111111111", False),
        ("1", False),
    ],
)
def test_a_document_is_told_by_its_check_digits(digits, valid):
    assert number_runs.is_document(digits) is valid

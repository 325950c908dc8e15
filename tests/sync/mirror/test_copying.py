"""What goes in as COPY's text comes out of PostgreSQL as it was."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from portal.tenants.row_security import as_owner
from sync.mirror.copying import BLOCK, BLOCK_BYTES, copy_text

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
ROWS = st.lists(
    st.tuples(
        TEXT,
        st.none() | TEXT,
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.booleans(),
        st.none() | st.binary(max_size=16),
        st.none() | st.datetimes(datetime(1971, 1, 1), datetime(2199, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
        st.none() | st.dates(date(1971, 1, 1)),
        st.none() | st.floats(allow_nan=False),
    ),
    max_size=30,
)


def columns_of(rows):
    return list(zip(*rows, strict=True)) or [()]


def read_back(text: str) -> list[list[str | None]]:
    """An independent reading of the format, value by value."""
    back = {"\\": "\\", "t": "\t", "n": "\n", "r": "\r", "x": "\\x"}

    def value(cell: str) -> str | None:
        if cell == "\\N":
            return None
        out, chars = [], iter(cell)
        for char in chars:
            out.append(back[next(chars)] if char == "\\" else char)
        return "".join(out)

    return [[value(cell) for cell in line.split("\t")] for line in text.removesuffix("\n").split("\n")]


@given(ROWS)
def test_every_value_survives(rows):
    lines = [line for text in copy_text(columns_of(rows)) for line in read_back(text)]
    assert len(lines) == len(rows)
    for line, row in zip(lines, rows, strict=True):
        assert line[0] == row[0]
        assert line[1] == row[1]
        assert line[2] == (None if row[2] is None else str(row[2]))
        assert line[3] == ("t" if row[3] else "f")
        assert line[4] == (None if row[4] is None else f"\\x{row[4].hex()}")
        assert (line[5] and datetime.fromisoformat(line[5])) == row[5]


def test_many_rows_come_in_blocks():
    rows = [(number, f"row {number}") for number in range(2 * BLOCK + 1)]
    blocks = list(copy_text(columns_of(rows)))
    assert [text.count("\n") for text in blocks] == [BLOCK, BLOCK, 1]


def test_long_texts_come_in_smaller_blocks():
    """A page of long transcripts stands in memory a piece at a time while it is written."""
    rows = [(number, "é" * 10_000, None) for number in range(1_000)] + [(1_000, "é" * 2 * BLOCK_BYTES, None)]
    blocks = list(copy_text(columns_of(rows)))
    assert max(map(len, blocks[:-1])) <= 1.1 * BLOCK_BYTES
    lines = [line for text in blocks for line in text.removesuffix("\n").split("\n")]
    assert lines == [f"{number}\t{text}\t\\N" for number, text, _ in rows]


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgresql
def test_postgresql_reads_it_back():
    zone = timezone(timedelta(hours=5, minutes=45))
    rows = [
        (
            "tab\t, new\nline, \\back, 'quote', \"q\" \\N",
            None,
            -1,
            True,
            b"\x00\\\n",
            datetime(2026, 7, 8, 1, 2, 3, 4, UTC),
        ),
        ("ç🙂\r", "", 2**40, False, b"", datetime(2026, 7, 8, 1, 2, 3, tzinfo=zone)),
    ]
    with as_owner(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE t (a text, b text, c bigint, d bool, e bytea, f timestamptz) ON COMMIT DROP")
        with cursor.copy("COPY t FROM STDIN") as copy:
            for text in copy_text(columns_of(rows)):
                copy.write(text)
        cursor.execute("SELECT * FROM t")
        assert [(*row[:4], bytes(row[4]), row[5]) for row in cursor.fetchall()] == rows

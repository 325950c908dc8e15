"""Columns made by SQL say what the Python functions and the mirror say, whatever texts a vendor sends."""

import random
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from portal.lib.phones import AREA_CODES, area_code
from reports.columns import files, refresh
from reports.columns.models import ColumnFile
from reports.columns.schema import CONTACT_DIGITS, bare_number, contact_code
from reports.definitions.ended_by import KEYWORDS, side_of
from sync.models.calls import Call
from tests import factories
from tests.reports.columns.conftest import NOW, assert_right
from tests.reports.world import outcome

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("behind_acme")]

TEXTS = (
    "", '"', '""', '"quoted"', "'", ",", ",,", "a,b", "line\nbreak", "carriage\r\nreturn", "\r", "\n", "tab\t", "\\N",
    "\\", '\\"', "NULL", "null", " blank ", "\u00a0", "ünïcode", "🙂" * 20, "\u202eright to left", "\ufeffmark", "%s",
    "{}", "'; DROP TABLE calls; --", "=1+1", "x" * 80, '"' * 79, "\u2028", "\x01", "\x7f", "0", "-1", "1e5",
)  # fmt: skip
CONTACTS = (
    "", "0", "00", "007", "5511987654321", "551133334444", "0055", "9" * 18, "9" * 19, "1" * 30, "0" * 19, "55209",
    "5500912345678", "55" + "1" * 11, "١٢٣", "12a", "+55", "²³", " 11", "11\n",
)  # fmt: skip
NUMBERS = (
    "",
    "+55 (11) 3000-0000",
    "0800 123.45/67",
    "11\u00a03000",
    "sip:agent@host",
    "anonymous",
    "+",
    "﹢55",
    "1,2",
)


def rows_of(environment, columns: str) -> list[tuple]:
    refresh.refresh(environment)
    paths = [str(files.local(row)) for row in ColumnFile.objects.filter(environment=environment)]
    return duckdb.execute(
        f"SELECT {columns} FROM read_parquet(?, hive_partitioning = false) ORDER BY started_us, place", [paths]
    ).fetchall()


def microseconds(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def expected(call: Call) -> tuple:
    line = call.from_number if call.direction == "outbound" else call.to_number
    return (
        microseconds(call.started_at), call.status, call.direction, call.hangup_cause, call.duration_ms, call.is_test,
        contact_code(call.contact), call.contact, area_code(call.contact), bare_number(line),
        str(side_of(call.hangup_cause, call.status)),
    )  # fmt: skip


COLUMNS = "started_us, status, direction, cause, duration_ms, is_test, contact, "
COLUMNS += f"{CONTACT_DIGITS} AS digits, area_code, line, side"


def random_calls(environment, count: int, seed: int) -> None:
    dice = random.Random(seed)
    words = [word for _side, keywords in KEYWORDS for word in keywords]
    with factories.at_once():
        for n in range(count):
            word = dice.choice(words)
            cause = dice.choice([dice.choice(TEXTS), word.upper().replace(" ", "_"), word])
            code = dice.choice([*sorted(AREA_CODES), "20", "00"])
            brazilian = f"55{code}{dice.randrange(10**9):0{dice.choice((7, 8, 9))}}"
            factories.call(
                environment,
                f"call-{n}",
                started_at=NOW - timedelta(microseconds=dice.randrange(10**13)),
                status=dice.choice((*TEXTS[1:], "completed", "no-answer", "answered", "queued", "voicemail")),
                direction=dice.choice(("inbound", "outbound", "outbound", 'odd, "way"')),
                contact=dice.choice((*CONTACTS, brazilian, brazilian)),
                from_number=dice.choice(NUMBERS),
                to_number=dice.choice(NUMBERS),
                hangup_cause=cause,
                seconds=dice.choice((None, 0, 0.001, 3_000_000)),
                is_test=dice.random() < 0.2,
            )


def test_every_text_comes_through_as_it_is(sales):
    with factories.at_once():
        for n, text in enumerate(TEXTS):
            for name in ("status", "hangup_cause", "direction"):
                fields = {"status": "completed"} | {name: text[:40] if name == "direction" else text}
                at = NOW - timedelta(seconds=n, microseconds=len(name))
                factories.call(sales, f"{name}-{n}", started_at=at, **fields)
        for n, contact in enumerate(CONTACTS):
            factories.call(sales, f"contact-{n}", started_at=NOW - timedelta(hours=1, seconds=n), contact=contact)
    calls = list(Call.objects.order_by("started_at", "pk"))
    assert len(calls) == 3 * len(TEXTS) + len(CONTACTS)
    assert rows_of(sales, COLUMNS) == [expected(call) for call in calls]
    assert_right(sales)


@pytest.mark.parametrize("seed", range(3))
def test_columns_equal_the_functions_for_random_calls(sales, care, seed):
    for environment in (sales, care):
        random_calls(environment, 300, seed)
        calls = list(Call.objects.filter(environment=environment).order_by("started_at", "pk"))
        assert rows_of(environment, COLUMNS) == [expected(call) for call in calls]


@pytest.mark.parametrize("provider", ["talkover", "originsai"])
def test_the_outcome_is_the_one_of_the_call(provider, sales, care):
    environment = {"talkover": sales, "originsai": care}[provider]
    with factories.at_once():
        for n, status in enumerate(("completed", "answered", "queued", "ringing", "busy", "odd")):
            for hours in (0.5, 1.99, 2.01, 47.99, 48.01, 400):
                at = NOW - timedelta(hours=hours, microseconds=n)
                for ended in (None, at):
                    factories.call(
                        environment, f"{status}-{hours}-{ended}", started_at=at, status=status, ended_at=ended
                    )
    calls = list(Call.objects.filter(environment=environment).order_by("started_at", "pk"))
    over = f"CASE WHEN open_hours > 0 AND started_us + open_hours::BIGINT * 3600000000 > {microseconds(NOW)}"
    rows = rows_of(environment, f"{over} THEN 'open' ELSE settled END")
    assert [row[0] for row in rows] == [outcome(call, provider, NOW) for call in calls]


def test_microseconds_and_latencies_are_kept(care):
    starts = [
        datetime(2026, 7, 8, 18, 14, 59, 999_999, tzinfo=UTC),
        datetime(2026, 7, 8, 18, 15, tzinfo=UTC),
        datetime(1999, 12, 31, 23, 59, 59, 1, tzinfo=UTC),
    ]
    turns = {"stt": [1.25, 1e-9, 1e12], "llm": [], "tts": [0]}
    for n, at in enumerate(starts):
        late = at + timedelta(microseconds=7)
        factories.call(care, f"call-{n}", started_at=at, answered_at=late, latencies=turns if n else None)
    rows = rows_of(care, "started_us, pickup_us, stt_ms, llm_ms, tts_ms")
    assert [row[:2] for row in rows] == [(microseconds(at), 7) for at in sorted(starts)]
    kept = ([1.25, 1e-9, 1e12], [], [0.0])
    assert [row[2:] for row in rows] == [kept, (None, None, None), kept]


def test_calls_of_one_microsecond_have_places_in_the_order_of_their_ids(sales):
    for n in range(5):
        factories.call(sales, f"call-{n}", started_at=NOW - timedelta(days=9), seconds=n)
    calls = Call.objects.order_by("pk").values_list("duration_ms", flat=True)
    assert rows_of(sales, "place, duration_ms") == list(enumerate(calls))

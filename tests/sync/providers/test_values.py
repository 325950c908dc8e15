from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.providers.values import (
    as_list,
    clean,
    identifier,
    read_count,
    read_latencies,
    read_ms,
    read_number,
    read_time,
)

NOON = datetime(2025, 1, 15, 10, 30, tzinfo=UTC)
OFFSETS = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@pytest.mark.parametrize(
    "text",
    [
        "2025-01-15T10:30:00Z",
        "2025-01-15T10:30:00.000Z",
        "2025-01-15T10:30:00.000000000Z",
        "2025-01-15t10:30:00z",
        "2025-01-15 10:30:00Z",
        "2025-01-15T10:30Z",
        "2025-01-15 16:00:00+05:30",
        "2025-01-15 16:00:00 +05:30",
        "2025-01-15T16:00:00+0530",
        "2025-01-15T07:30:00-03",
        " 2025-01-15T10:30:00Z ",
        "1736937000",
        "1736937000000",
        "1736937000.0",
        1736937000,
        1736937000000,
        1736937000.0,
    ],
)
def test_a_time_is_read_in_every_form(text):
    assert read_time(text) == (NOON, False)


@pytest.mark.parametrize("text", ["2025-01-15T10:30:00", "2025-01-15 10:30:00", "2025-01-15 10:30:00.0"])
def test_a_time_without_a_zone_is_utc_and_guessed(text):
    assert read_time(text) == (NOON, True)


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "<string>",
        "tomorrow",
        "2025-01-15",
        "2025-13-15T10:30:00Z",
        "2025-01-15T25:30:00Z",
        "2025-01-15T10:30:00+24:00",
        "1969-12-31T23:59:59Z",
        "2201-01-01T00:00:00Z",
        "9999-12-31T23:59:59-23:00",
        "10001-01-01T00:00:00Z",
        "٢٠٢٥-01-15T10:30:00Z",
        "0000-00-00T00:00:00Z",
        0,
        -1,
        1e300,
        float("nan"),
        True,
        {},
        [],
        "9" * 40,
    ],
)
def test_what_is_no_time_is_none(value):
    assert read_time(value) == (None, False)


@given(
    st.datetimes(datetime(1970, 1, 3), datetime(2200, 12, 29), timezones=OFFSETS),  # noqa: DTZ001
    st.sampled_from("T "),
    st.integers(0, 9),
)
def test_any_time_in_any_zone_comes_back(moment, blank, digits):
    text = moment.strftime(f"%Y-%m-%d{blank}%H:%M:%S")
    kept = 0
    if digits:
        fraction = f"{moment.microsecond:06d}000"[:digits]
        text += f".{fraction}"
        kept = int(fraction[:6].ljust(6, "0"))
    found, guessed = read_time(text + moment.strftime("%z"))
    assert found == moment.replace(microsecond=kept)
    assert not guessed


@given(st.datetimes(datetime(1970, 4, 1), datetime(2200, 12, 31), timezones=st.just(UTC)), st.booleans())  # noqa: DTZ001
def test_unix_time_is_told_from_milliseconds(moment, milliseconds):
    seconds = int(moment.timestamp())
    expected = datetime.fromtimestamp(seconds, UTC)
    assert read_time(seconds * 1000 if milliseconds else seconds) == (expected, False)
    assert read_time(str(seconds * 1000 if milliseconds else seconds)) == (expected, False)


@given(st.one_of(st.text(), st.integers(), st.floats(), st.none(), st.binary()))
def test_no_value_whatever_is_an_error(value):
    found, _ = read_time(value)
    assert found is None or found.tzinfo is UTC
    for reader in (read_number, read_count, read_ms, identifier, as_list):
        reader(value)
    assert "\x00" not in clean(value, 10)
    clean(value, 10).encode()


@pytest.mark.parametrize(
    ("value", "ms"),
    [
        (120, 120_000),
        (120.0, 120_000),
        ("120", 120_000),
        (" 120.5 ", 120_500),
        ("1.2e2", 120_000),
        (0, 0),
        (36.0005, 36_000),
        (None, None),
        ("", None),
        ("two", None),
        (-1, None),
        (float("nan"), None),
        (float("inf"), None),
        (1e300, None),
        (32 * 86400, None),
        (True, None),
        ([120], None),
        ("9" * 5000, None),
        ("1_000", None),
    ],
)
def test_seconds_become_whole_milliseconds(value, ms):
    assert read_ms(value) == ms


@pytest.mark.parametrize(
    ("value", "count"), [(7, 7), ("7", 7), (7.0, 7), (7.5, None), (-7, None), (2**31, None), (True, None), (None, None)]
)
def test_counts_are_whole_and_fit_the_database(value, count):
    assert read_count(value) == count


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a\x00b", "ab"),
        ("a\ud800b", "ab"),
        ("é" * 30, "é" * 20),
        (55, "55"),
        (10**400, "1" + "0" * 19),
        (5.5, "5.5"),
        (float("nan"), ""),
        (True, ""),
        (None, ""),
        ({"a": 1}, ""),
    ],
)
def test_text_is_cleaned(value, text):
    assert clean(value, 20) == text


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ("call-uuid-1", "call-uuid-1"),
        (123, "123"),
        ("", None),
        ("  ", None),
        (None, None),
        ("a\x00", None),
        ("x" * 201, None),
        (True, None),
        (1.5, None),
        ({}, None),
    ],
)
def test_an_id_is_kept_whole_or_not_at_all(value, key):
    assert identifier(value) == key


@pytest.mark.parametrize(
    ("value", "turns"),
    [
        ([{"latency_ms": 310}], [310]),
        ([{"latency_s": 0.31}, {"latency_seconds": "0.2"}], [310, 200]),
        ([{"ttfb_ms": 90, "audio_ms": 900}], [90]),
        ([{"ttfb_ms": 90, "total_latency_ms": 300}], [300]),
        ([{"audio_secs": 1.5}], [1500]),
        ([{"audio_ms": 1, "wait_ms": 2}], None),
        ([{"latency": 310}, {"ms": 3}, {"items": 3}], None),
        ([{"prompt_tokens": 812, "tokens_per_s": 60, "latency_sec": 1}], [1000]),
        ([{"latency_ms": None}, {"latency_ms": "x"}, {"latency_ms": -1}, {"latency_ms": 1e15}, "text", None], None),
        ([{"start_ms": 1705314600000}], None),
        ({"latency_ms": 5}, [5]),
        ('[{"latency_ms": 5}]', [5]),
        ("not json", None),
        ({}, None),
        ([], None),
        (None, None),
        (7, None),
        ([{"latency_ms": 1}] * 1500, [1] * 1000),
    ],
)
def test_latencies_are_numbers_whose_key_names_the_unit(value, turns):
    assert read_latencies({"stt": value, "llm": None}) == (None if turns is None else {"stt": turns})

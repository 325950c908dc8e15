"""Days and moments as text."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from portal.lib.times import parse_day, parse_moment, rfc3339


def test_a_day() -> None:
    assert parse_day("2028-02-29") == date(2028, 2, 29)


@pytest.mark.parametrize(
    "text", ["", "2026-7-1", "20260701", "2026-02-30", "2026-W01-1", "２０２６-07-01", "2026-07-01 ", "today"]
)
def test_no_day(text) -> None:
    with pytest.raises(ValueError, match="2026-07-13"):
        parse_day(text)


def test_a_moment_comes_out_as_utc() -> None:
    assert parse_moment("2026-07-13T08:00:00-03:00") == datetime(2026, 7, 13, 11, tzinfo=UTC)
    assert parse_moment("2026-07-13T11:00:00Z").tzinfo is UTC


@pytest.mark.parametrize("text", ["", "2026-07-13", "2026-07-13T11:00:00", "11:00Z", "0001-01-01T00:00:00+23:59"])
def test_no_moment(text) -> None:
    with pytest.raises(ValueError, match="11:00:00Z"):
        parse_moment(text)


def test_rfc3339() -> None:
    there = timezone(timedelta(hours=5, minutes=45))

    assert rfc3339(datetime(2026, 7, 13, 5, 45, tzinfo=there)) == "2026-07-13T00:00:00Z"
    assert rfc3339(datetime(2026, 7, 13, 11, 0, 0, 250_000, tzinfo=UTC)) == "2026-07-13T11:00:00.250000Z"
    with pytest.raises(ValueError, match="zone"):
        rfc3339(datetime(2026, 7, 13))  # noqa: DTZ001

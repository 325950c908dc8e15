"""Days, stretches and aligned periods, against the zones' own rules."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.definitions.periods import (
    Period,
    day_number,
    day_start,
    elapsed_part,
    last_days,
    local_date,
    month_first,
    month_number,
    number_day,
    previous,
    stretches,
    week_monday,
    week_number,
)

ZONES = (
    "America/Sao_Paulo",
    "America/New_York",
    "America/St_Johns",
    "America/Havana",
    "America/Asuncion",
    "America/Santiago",
    "America/Nuuk",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Tehran",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Europe/London",
    "Europe/Lisbon",
    "Atlantic/Azores",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
    "UTC",
)


@pytest.mark.parametrize("zone", ZONES)
def test_days_begin_at_their_first_instant_and_leave_no_time_out(zone):
    rules = ZoneInfo(zone)
    day = date(2016, 1, 1)
    while day < date(2026, 12, 31):
        start, end = day_start(day, zone), day_start(day + timedelta(days=1), zone)
        assert start.astimezone(rules).date() == day
        assert (start - timedelta(microseconds=1)).astimezone(rules).date() < day
        assert timedelta(hours=22) <= end - start <= timedelta(hours=26)
        day += timedelta(days=1)


def test_days_without_midnight_and_days_that_never_were():
    assert day_start(date(2018, 11, 4), "America/Sao_Paulo") == datetime(2018, 11, 4, 3, tzinfo=UTC)  # 01:00 there
    assert day_start(date(2018, 2, 18), "America/Sao_Paulo") == datetime(2018, 2, 18, 3, tzinfo=UTC)  # after the fold
    skipped = day_start(date(2011, 12, 30), "Pacific/Apia")
    assert skipped == day_start(date(2011, 12, 31), "Pacific/Apia")


@pytest.mark.parametrize("zone", ZONES)
def test_stretches_tell_the_offset_of_every_instant(zone):
    start, end = day_start(date(2024, 1, 1), zone), day_start(date(2026, 3, 10), zone)
    found = stretches(start, end, zone)
    assert (found[0].start, found[-1].end) == (start, end)
    assert all(a.end == b.start and a.offset != b.offset for a, b in pairwise(found))
    for stretch in found:
        for at in (
            stretch.start,
            stretch.start + (stretch.end - stretch.start) / 2,
            stretch.end - timedelta(seconds=1),
        ):
            assert at.astimezone(ZoneInfo(zone)).utcoffset() == timedelta(seconds=stretch.offset)


@given(st.dates(date(1971, 1, 1), date(2099, 1, 1)))
def test_numbers_of_days_weeks_and_months_count_on_and_turn_back(day):
    assert number_day(day_number(day)) == day
    assert week_monday(week_number(day)) == day - timedelta(days=day.weekday())
    assert month_first(month_number(day)) == day.replace(day=1)


@given(st.dates(date(2015, 1, 1), date(2030, 1, 1)), st.integers(1, 400))
def test_the_period_before_ends_by_the_start_and_keeps_weekdays_or_the_month(start, days):
    period = Period(start, start + timedelta(days=days), "UTC")
    before = previous(period)
    assert before.end <= period.start
    if period.months:
        assert before.months == period.months
        assert before.end == period.start
    else:
        assert before.days == period.days
        assert before.start.weekday() == period.start.weekday()
        assert period.start - before.end < timedelta(days=7)


@settings(max_examples=200)
@given(
    st.sampled_from(ZONES),
    st.integers(1_704_067_200, 1_796_083_200).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    st.integers(1, 40),
    st.integers(0, 10),
)
def test_an_unfinished_period_is_compared_with_the_same_time_of_the_one_before(zone, now, days, into):
    start = local_date(now, zone) - timedelta(days=into)
    period = Period(start, start + timedelta(days=days), zone)
    before = previous(period)
    until = elapsed_part(period, before, now)
    assert before.starts_at <= until <= before.ends_at
    if not period.holds(now):
        assert until == before.ends_at
    elif not period.months or until < before.ends_at:  # a longer month has days that the one before lacks
        assert abs((until - before.starts_at) - (now - period.starts_at)) <= timedelta(hours=2)  # clocks may change


def test_the_last_days_end_with_yesterday():
    period = last_days(7, date(2026, 7, 13), "UTC")
    assert (period.start, period.last_day) == (date(2026, 7, 6), date(2026, 7, 12))


def test_a_midnight_belongs_to_the_day_that_it_begins():
    day = Period(date(2026, 7, 8), date(2026, 7, 9), "America/Sao_Paulo")
    least = timedelta(microseconds=1)
    assert [day.holds(at) for at in (day.starts_at - least, day.starts_at)] == [False, True]
    assert [day.holds(at) for at in (day.ends_at - least, day.ends_at)] == [True, False]

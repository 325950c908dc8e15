"""When mails are due, over every zone and ten years."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reports.definitions.periods import Period
from reports.mail.due import Kind, Rhythm, baseline, latest_due, next_due, period_of

ZONES = sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith(("posix", "right")))
rhythms = st.builds(
    Rhythm,
    kind=st.sampled_from(Kind),
    zone=st.sampled_from(ZONES),
    hour=st.integers(0, 23),
    minute=st.sampled_from((0, 15, 30, 45)),
    weekday=st.integers(0, 6),
)
moments = st.integers(0, 20 * 365 * 24 * 60).map(
    lambda minutes: datetime(2009, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


@settings(max_examples=150, deadline=None)
@given(rhythm=rhythms, start=moments)
@example(rhythm=Rhythm(Kind.DAILY, "America/St_Johns", 0), start=datetime(2009, 10, 20, tzinfo=UTC))  # set back at 0:01
def test_consecutive_periods_join_without_gap_or_overlap(rhythm, start):
    due = next_due(rhythm, start)
    for _ in range(60):
        following = next_due(rhythm, due)
        this, that = period_of(rhythm, due), period_of(rhythm, following)
        assert following > due
        assert this.ends_at <= due
        assert this.ends_at == that.starts_at
        due = following


@pytest.mark.parametrize("zone", ["America/Sao_Paulo", "America/New_York", "Asia/Kathmandu", "Pacific/Kiritimati"])
@pytest.mark.parametrize("kind", list(Kind))
def test_ten_years_are_reported_day_by_day_once(zone, kind):
    rhythm = Rhythm(kind, zone, hour=2, minute=30, weekday=6)
    due = next_due(rhythm, datetime(2014, 1, 1, tzinfo=UTC))
    reported = period_of(rhythm, due).starts_at
    end = due + timedelta(days=3653)
    while due < end:
        period = period_of(rhythm, due)
        assert period.starts_at == reported
        reported = period.ends_at
        due = next_due(rhythm, due)


@settings(max_examples=150, deadline=None)
@given(rhythm=rhythms, start=moments, silence=st.timedeltas(timedelta(0), timedelta(days=900)))
def test_after_silence_the_latest_due_instant_is_the_last_of_the_chain(rhythm, start, silence):
    first = next_due(rhythm, start)
    at = first + silence
    latest = latest_due(rhythm, first, at)
    assert first <= latest <= at < next_due(rhythm, latest)


@settings(max_examples=100, deadline=None)
@given(rhythm=rhythms, start=moments)
def test_a_due_instant_has_the_hour_asked_for_unless_the_clock_jumps(rhythm, start):
    due = next_due(rhythm, start)
    local = due.astimezone(ZoneInfo(rhythm.zone))
    noon = timedelta(hours=30)
    jumps = len({(due + shift).astimezone(local.tzinfo).utcoffset() for shift in (-noon, timedelta(0), noon)}) > 1
    assert jumps or (local.hour, local.minute) == (rhythm.hour, rhythm.minute)


def test_an_hour_in_the_gap_comes_after_it_and_one_in_the_fold_comes_once():
    at_half_past_two = Rhythm(Kind.DAILY, "America/New_York", hour=2, minute=30)
    assert next_due(at_half_past_two, datetime(2026, 3, 8, 5, tzinfo=UTC)) == datetime(2026, 3, 8, 7, 30, tzinfo=UTC)
    at_half_past_one = Rhythm(Kind.DAILY, "America/New_York", hour=1, minute=30)
    first = next_due(at_half_past_one, datetime(2026, 11, 1, 4, tzinfo=UTC))
    assert first == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    assert next_due(at_half_past_one, first) == datetime(2026, 11, 2, 6, 30, tzinfo=UTC)


def test_a_day_without_midnight_and_a_day_that_was_left_out():
    midnight = Rhythm(Kind.DAILY, "America/Sao_Paulo", hour=0)
    due = next_due(midnight, datetime(2018, 11, 3, 12, tzinfo=UTC))
    assert due == datetime(2018, 11, 4, 3, tzinfo=UTC)
    assert period_of(midnight, due) == Period(date(2018, 11, 3), date(2018, 11, 4), "America/Sao_Paulo")
    samoa = Rhythm(Kind.DAILY, "Pacific/Apia", hour=8)
    due = next_due(samoa, datetime(2011, 12, 29, 20, tzinfo=UTC))
    assert due.astimezone(ZoneInfo("Pacific/Apia")).date() == date(2011, 12, 31)
    assert period_of(samoa, due).start == date(2011, 12, 29)


def test_periods_of_each_kind():
    monday = datetime(2026, 7, 13, 11, tzinfo=UTC)  # 8 h in Sao Paulo
    zone = "America/Sao_Paulo"
    week = period_of(Rhythm(Kind.WEEKLY, zone, hour=8), monday)
    assert (week.start, week.last_day) == (date(2026, 7, 6), date(2026, 7, 12))
    assert baseline(Kind.WEEKLY, week) == (Period(date(2026, 6, 8), date(2026, 7, 6), zone), 4)
    day = period_of(Rhythm(Kind.DAILY, zone, hour=8), monday)
    assert (day.start, day.days) == (date(2026, 7, 12), 1)
    month = period_of(Rhythm(Kind.MONTHLY, zone, hour=8), datetime(2026, 8, 1, 11, tzinfo=UTC))
    assert (month.start, month.end) == (date(2026, 7, 1), date(2026, 8, 1))
    assert baseline(Kind.MONTHLY, month) == (Period(date(2026, 4, 1), date(2026, 7, 1), zone), 3)

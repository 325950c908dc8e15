"""Which days are due: recent ones again and again, old ones once they settled, failed ones after a pause."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.windows import DAILY, OVERLAP, WEEKLY, Seen, again, day_again, due_days, is_due, is_mass_absence, next_attempt

NOW = datetime(2026, 7, 31, 12, 0, tzinfo=UTC)
TODAY = NOW.date()


def read(day: date, at: datetime) -> Seen:
    """A day that was read whole."""
    return Seen(True, day_again(day, at))


def due(ledger, **manner):
    return due_days(date(2026, 6, 1), NOW, ledger, **manner)


def everything_read(ago: timedelta) -> dict[date, Seen]:
    every = (TODAY - timedelta(days=back) for back in range(61))
    return {day: read(day, NOW - ago) for day in every}


def test_what_was_never_read_is_due_newest_first():
    assert due({}) == [TODAY - timedelta(days=back) for back in range(61)]


def test_nothing_is_due_right_after_reading():
    assert due(everything_read(timedelta(minutes=1))) == []


def test_the_last_days_are_read_again_every_quarter_hour():
    assert due(everything_read(timedelta(minutes=15))) == [TODAY - timedelta(days=back) for back in range(3)]


def test_a_person_gets_recent_days_at_once():
    assert due(everything_read(timedelta(seconds=1)), fresh=True) == [TODAY - timedelta(days=back) for back in range(3)]


def test_a_week_is_read_daily_and_a_month_weekly():
    assert len(due(everything_read(timedelta(hours=25)))) == 8
    assert len(due(everything_read(timedelta(days=8)))) == 32  # one was due when it was a month old, and stays so


def test_each_day_is_read_once_more_after_it_settled():
    day = TODAY - timedelta(days=40)
    end = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
    ledger = everything_read(timedelta(minutes=1))
    assert due(ledger | {day: read(day, end + timedelta(hours=47))}) == [day]
    assert due(ledger | {day: read(day, end + timedelta(days=24))}) == []


def test_a_failed_day_waits_for_its_pause_but_not_for_a_person():
    ledger = everything_read(timedelta(minutes=1))
    day = TODAY - timedelta(days=9)
    ledger[day] = Seen(False, NOW + timedelta(minutes=5))
    assert due(ledger) == []
    assert day in due(ledger, fresh=True)
    ledger[day] = Seen(False, NOW)
    assert due(ledger) == [day]


def test_a_day_somebody_asked_for_is_due_although_it_was_read():
    ledger = everything_read(timedelta(minutes=1))
    day = TODAY - timedelta(days=9)
    ledger[day] = Seen(True, NOW)
    assert due(ledger) == [day]


def test_lists_have_their_own_rhythm():
    def list_is_due(stream: str, ago: timedelta) -> bool:
        return is_due(Seen(True, again(stream, None, NOW - ago)), NOW)

    assert is_due(None, NOW)
    assert not list_is_due("agents", timedelta(minutes=59))
    assert list_is_due("agents", timedelta(minutes=60))
    assert list_is_due("calls", timedelta(minutes=5))


def asked_at(day: date, read_at: datetime, now: datetime) -> bool:
    """The rule in words: two days back every quarter of an hour, once when settled, a week daily, a month weekly."""
    age, back = now - read_at, (now.date() - day).days
    if back <= OVERLAP[0]:
        return age >= OVERLAP[1]
    settled = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1 + OVERLAP[0])
    return read_at < settled or any(back <= selector and age >= pause for selector, pause in (DAILY, WEEKLY))


@given(back=st.integers(0, 60), read=st.integers(0, 86_400 * 60), later=st.integers(0, 86_400 * 40))
def test_the_moment_that_is_noted_is_when_the_rule_first_holds(back, read, later):
    """From it on the day is due by the rule, and never before it, as long as the day is within reach."""
    day = TODAY - timedelta(days=back)
    read_at = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=read)
    noted, now = day_again(day, read_at), read_at + timedelta(seconds=later)
    if noted is None or now < noted:
        assert not asked_at(day, read_at, now)
    else:
        assert asked_at(day, read_at, noted)


@pytest.mark.parametrize("known", [Seen(False, None), None])
def test_what_nobody_knows_anything_of_is_due(known):
    assert is_due(known, NOW)


def test_pauses_grow_to_an_hour_and_keep_the_vendors_wish():
    assert next_attempt(NOW, 0, None) == NOW + timedelta(minutes=1)
    assert next_attempt(NOW, 3, None) == NOW + timedelta(minutes=8)
    assert next_attempt(NOW, 50, None) == NOW + timedelta(hours=1)
    assert next_attempt(NOW, 0, NOW + timedelta(hours=2)) == NOW + timedelta(hours=2)


@pytest.mark.parametrize(
    ("had", "gone", "doubted"),
    [
        (0, 0, False),
        (1, 1, True),  # nothing would be left
        (3, 3, True),
        (9, 8, False),  # people delete a few
        (20, 10, False),
        (20, 11, True),
        (18, 10, True),
        (1000, 500, False),
        (1000, 501, True),
    ],
)
def test_more_than_half_gone_at_once_is_doubted(had, gone, doubted):
    assert is_mass_absence(had, gone) is doubted

"""Which days are due: recent ones again and again, old ones once they settled, failed ones after a pause."""

from datetime import UTC, date, datetime, timedelta

from sync.windows import Seen, due_days, list_is_due, next_attempt

NOW = datetime(2026, 7, 31, 12, 0, tzinfo=UTC)
TODAY = NOW.date()


def read(ago: timedelta) -> Seen:
    return Seen(True, NOW - ago)


def due(ledger, **manner):
    return due_days(date(2026, 6, 1), NOW, ledger, **manner)


def everything_read(ago: timedelta) -> dict[date, Seen]:
    return {TODAY - timedelta(days=back): read(ago) for back in range(61)}


def test_what_was_never_read_is_due_newest_first():
    assert due({}) == [TODAY - timedelta(days=back) for back in range(61)]


def test_nothing_is_due_right_after_reading():
    assert due(everything_read(timedelta(minutes=1))) == []


def test_the_last_days_are_read_again_every_quarter_hour():
    assert due(everything_read(timedelta(minutes=15))) == [TODAY - timedelta(days=back) for back in range(3)]


def test_a_person_gets_recent_days_at_once():
    assert due(everything_read(timedelta(seconds=1)), fresh=timedelta(0)) == [
        TODAY - timedelta(days=back) for back in range(3)
    ]


def test_a_week_is_read_daily_and_a_month_weekly():
    assert len(due(everything_read(timedelta(hours=25)))) == 8
    assert len(due(everything_read(timedelta(days=8)))) == 31


def test_each_day_is_read_once_more_after_it_settled():
    day = TODAY - timedelta(days=40)
    end = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
    ledger = everything_read(timedelta(minutes=1))
    assert due(ledger | {day: Seen(True, end + timedelta(hours=47))}) == [day]
    assert due(ledger | {day: Seen(True, end + timedelta(hours=49))}) == []


def test_a_failed_day_waits_for_its_pause_but_not_for_a_person():
    ledger = everything_read(timedelta(minutes=1))
    day = TODAY - timedelta(days=9)
    ledger[day] = Seen(False, None, NOW + timedelta(minutes=5))
    assert due(ledger) == []
    assert day in due(ledger, fresh=timedelta(0))
    ledger[day] = Seen(False, None, NOW)
    assert due(ledger) == [day]


def test_a_day_somebody_asked_for_is_due_although_it_was_read():
    ledger = everything_read(timedelta(minutes=1))
    day = TODAY - timedelta(days=9)
    ledger[day] = Seen(True, NOW - timedelta(minutes=1), NOW)
    assert due(ledger) == [day]


def test_lists_have_their_own_rhythm():
    assert list_is_due("agents", None, NOW)
    assert not list_is_due("agents", read(timedelta(minutes=59)), NOW)
    assert list_is_due("agents", read(timedelta(minutes=60)), NOW)
    assert list_is_due("calls", read(timedelta(minutes=5)), NOW)


def test_pauses_grow_to_an_hour_and_keep_the_vendors_wish():
    assert next_attempt(NOW, 0, None) == NOW + timedelta(minutes=1)
    assert next_attempt(NOW, 3, None) == NOW + timedelta(minutes=8)
    assert next_attempt(NOW, 50, None) == NOW + timedelta(hours=1)
    assert next_attempt(NOW, 0, NOW + timedelta(hours=2)) == NOW + timedelta(hours=2)

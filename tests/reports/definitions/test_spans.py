"""Periods by name against each other: what is longer by its name holds what is shorter."""

from datetime import date, timedelta

import pytest

from reports.alerts.looking import OVERS
from reports.alerts.words import OVERS as ALERT_WORDS
from reports.definitions.spans import SPANS, span_period
from reports.handover.rows import ENDED
from reports.handover.words import SPANS as SCHEDULE_WORDS
from reports.web.shared.spans import SPANS as PAGE_WORDS

ROLLING = ("yesterday", "last_7_days", "last_30_days", "last_90_days", "last_12_months")
ZONE = "America/Sao_Paulo"


def test_no_longer_period_up_to_yesterday_holds_fewer_days_than_a_shorter_one() -> None:
    """On each day of five years, so on every weekday, every end of a month and on 29 February too."""
    for today in (date(2024, 1, 1) + timedelta(days=n) for n in range(5 * 366)):
        periods = [span_period(span, today, ZONE) for span in ROLLING]
        assert {period.end for period in periods} == {today}
        starts = [period.start for period in periods]
        assert starts == sorted(starts, reverse=True)
        assert 365 <= periods[-1].days <= 366


@pytest.mark.parametrize(
    ("today", "first"),
    [
        (date(2026, 7, 13), date(2025, 7, 13)),
        (date(2026, 7, 1), date(2025, 7, 1)),
        (date(2028, 2, 29), date(2027, 3, 1)),  # of which there is none a year before
        (date(2028, 3, 1), date(2027, 3, 1)),
    ],
)
def test_twelve_months_end_with_yesterday_and_full_ones_with_the_last_whole_month(today: date, first: date) -> None:
    rolling, full = (span_period(span, today, ZONE) for span in ("last_12_months", "last_12_full_months"))
    assert (rolling.start, rolling.last_day) == (first, today - timedelta(days=1))
    assert (full.months, full.end) == (12, today.replace(day=1))


def test_every_named_period_has_its_words_wherever_it_can_be_chosen() -> None:
    assert set(OVERS) <= set(ALERT_WORDS)
    assert set(ENDED) <= set(SCHEDULE_WORDS)
    assert set(SPANS) <= set(PAGE_WORDS)
    assert "last_12_full_months" in ENDED

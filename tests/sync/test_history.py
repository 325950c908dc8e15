"""How far back a mirror goes: bounds, what it will ask, and what raising and lowering it changes."""

from datetime import timedelta

import pytest
from django.utils import translation

from sync.history import MOST_DAYS, WrongDay, check_day, days_to_read, estimate, today
from sync.models.runs import Window
from sync.providers import registry
from tests.sync.conftest import make_connection

DAY = timedelta(days=1)
AGENTS = {"agents": "7:Reception,8:Sales"}


@pytest.mark.django_db
def test_a_first_day_lies_between_ten_years_ago_and_today():
    check_day(today())
    check_day(today() - timedelta(days=MOST_DAYS))
    with pytest.raises(WrongDay, match="lies in the future"):
        check_day(today() + DAY)
    with pytest.raises(WrongDay, match="too long ago: the first day may be"):
        check_day(today().replace(year=1926))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("days", "rate", "words"),
    [
        (46_000, 90, "at least 92,003 requests, 17 hours at 90 a minute"),
        (365, 90, "at least 733 requests, 8 minutes at 90 a minute"),
        (3_650, 1, "at least 7,303 requests, 5 days at 1 a minute"),
        (1, 1_000_000, "at least 5 requests, 1 minute at 1,000,000 a minute"),
    ],
)
def test_an_estimate_counts_windows_of_days_and_says_that_pages_are_unknown(days, rate, words):
    needed = estimate(registry.get("talkover"), {}, rate, days)
    assert str(needed) == words
    assert needed.is_long == (needed.requests / rate > 15)


@pytest.mark.django_db
def test_a_vendor_read_by_agent_is_asked_once_for_each():
    provider = registry.get("originsai")
    needed = estimate(provider, provider.check_settings(AGENTS), 90, 3_650)
    assert str(needed) == "2 requests, 1 minute at 90 a minute"
    with translation.override("pt-br"):
        assert str(needed) == "2 requisições, 1 minuto a 90 por minuto"


def test_only_days_that_were_never_read_are_estimated(behind_acme, sales):
    connection = make_connection(sales, since=today() - 9 * DAY)
    assert days_to_read(today() - 9 * DAY) == 10
    for stream in ("calls", "callbacks"):
        for back in range(4):
            day = today() - back * DAY
            Window.objects.create(
                tenant_id=sales.tenant_id, environment=sales, stream=stream, part=day.isoformat(), day=day
            )
    assert days_to_read(today() - 9 * DAY, connection) == 6
    assert days_to_read(today(), connection) == 0

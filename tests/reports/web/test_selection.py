"""What an address asks for, and the address of what is asked."""

from datetime import date
from uuid import uuid4

import pytest
from django.http import QueryDict

from reports.web.selection import SPANS, UnknownId, read_selection

MONDAY = date(2026, 7, 13)
ZONE = "America/Sao_Paulo"


def read(query: str = "", today: date = MONDAY):
    return read_selection(QueryDict(query.removeprefix("?")).dict(), ZONE, today=today)


@pytest.mark.parametrize(
    ("span", "first", "last"),
    [
        ("last_7_days", date(2026, 7, 6), date(2026, 7, 12)),
        ("this_week", date(2026, 7, 13), date(2026, 7, 19)),
        ("last_week", date(2026, 7, 6), date(2026, 7, 12)),
        ("this_month", date(2026, 7, 1), date(2026, 7, 31)),
        ("last_month", date(2026, 6, 1), date(2026, 6, 30)),
        ("last_30_days", date(2026, 6, 13), date(2026, 7, 12)),
        ("last_90_days", date(2026, 4, 14), date(2026, 7, 12)),
    ],
)
def test_named_spans(span, first, last) -> None:
    chosen = read(f"?period={span}")
    assert (chosen.first, chosen.last, chosen.errors) == (first, last, ())


@pytest.mark.parametrize("span", SPANS)
def test_an_address_reproduces_what_it_was_made_from(span) -> None:
    query = f"?period={span}&date_from=2026-05-02&date_to=2026-05-09&environment={uuid4()}&agent={uuid4()}&sort=agent"
    chosen = read(query)
    assert read(chosen.query) == chosen


def test_the_default_needs_no_address() -> None:
    assert read().query == "?"


def test_days_in_the_wrong_order_are_turned_round() -> None:
    chosen = read("?date_from=2026-05-09&date_to=2026-05-02")
    assert (chosen.span, chosen.first, chosen.last) == ("custom", date(2026, 5, 2), date(2026, 5, 9))


@pytest.mark.parametrize(
    "query",
    ["?period=fortnight", "?date_from=yesterday", "?date_from=0001-01-01&date_to=9999-12-31", "?date_from=1999-01-01"],
)
def test_what_cannot_be_read_is_said_and_the_default_shown(query) -> None:
    chosen = read(query)
    assert len(chosen.errors) == 1
    assert (chosen.span, chosen.first) == ("last_7_days", date(2026, 7, 6))


def test_an_id_that_is_none_is_told_apart_from_nothing() -> None:
    with pytest.raises(UnknownId):
        read("?agent=7")


def test_steps_keep_the_length_and_whole_months_stay_whole() -> None:
    assert read("?period=last_week").moved(-1).query == "?period=custom&date_from=2026-06-29&date_to=2026-07-05"
    march = read("?date_from=2026-03-01&date_to=2026-03-31")
    assert march.moved(-1).last == date(2026, 2, 28)
    assert march.moved(1).last == date(2026, 4, 30)
    assert read("?period=this_week").later == ""
    assert read("?period=last_week").later != ""

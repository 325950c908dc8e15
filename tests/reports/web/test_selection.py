"""What an address asks for, and the address of what is asked."""

from datetime import date
from uuid import uuid4

import pytest
from django.http import QueryDict

from reports.web.shared.selection import SPANS, UnknownId, read_selection
from reports.web.shared.spans import TO_DATE

MONDAY = date(2026, 7, 13)
ZONE = "America/Sao_Paulo"


OPTIONS = {"sort": ("-attempts", "agent", "-agent"), "map": ("attempts", "connect_rate")}


def read(query: str = "", today: date = MONDAY, grains: tuple[str, ...] = ("hour", "day", "week", "month")):
    return read_selection(QueryDict(query.removeprefix("?")), ZONE, today=today, options=OPTIONS, grains=grains)


@pytest.mark.parametrize(
    ("span", "first", "last"),
    [
        ("today", MONDAY, MONDAY),
        ("yesterday", date(2026, 7, 12), date(2026, 7, 12)),
        ("last_7_days", date(2026, 7, 6), date(2026, 7, 12)),
        ("this_week", date(2026, 7, 13), date(2026, 7, 19)),
        ("last_week", date(2026, 7, 6), date(2026, 7, 12)),
        ("this_month", date(2026, 7, 1), date(2026, 7, 31)),
        ("last_month", date(2026, 6, 1), date(2026, 6, 30)),
        ("last_30_days", date(2026, 6, 13), date(2026, 7, 12)),
        ("last_90_days", date(2026, 4, 14), date(2026, 7, 12)),
        ("last_12_months", date(2025, 7, 13), date(2026, 7, 12)),
        ("last_12_full_months", date(2025, 7, 1), date(2026, 6, 30)),
    ],
)
def test_named_spans(span, first, last) -> None:
    chosen = read(f"?period={span}")
    assert (chosen.first, chosen.last, chosen.errors) == (first, last, ())


@pytest.mark.parametrize("span", SPANS)
def test_an_address_reproduces_what_it_was_made_from(span) -> None:
    query = f"?period={span}&date_from=2026-05-02&date_to=2026-05-09&environment={uuid4()},{uuid4()}&agent={uuid4()}"
    chosen = read(f"{query}&agent={uuid4()}&sort=agent&grain=week&compare=none")
    assert (len(chosen.environments), len(chosen.agents), chosen["sort"], chosen.compare) == (2, 2, "agent", False)
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
    year = read("?period=last_12_full_months").moved(-1)
    assert (year.first, year.last) == (date(2024, 7, 1), date(2025, 6, 30))


def test_a_list_of_calls_is_narrowed_by_any_filter() -> None:
    agent, other, home = uuid4(), uuid4(), uuid4()
    chosen = read(f"?period=last_week&environment={home}&agent={agent},{other}")
    days = "date_from=2026-07-06&date_to=2026-07-12"
    assert chosen.calls_query() == f"?{days}&environment={home}&agent={agent},{other}"
    busy = chosen.calls_query(date(2026, 7, 7), date(2026, 7, 7), agent=other, status=("busy", "failed"), hour=0)
    assert (
        busy == f"?date_from=2026-07-07&date_to=2026-07-07&environment={home}&agent={other}&status=busy,failed&hour=0"
    )


@pytest.mark.parametrize(
    ("query", "grain"),
    [
        ("?period=yesterday", "hour"),
        ("?period=last_7_days", "day"),
        ("?period=last_7_days&grain=hour", "hour"),
        ("?period=last_30_days&grain=hour", "day"),
        ("?period=last_30_days&grain=week", "week"),
        ("?period=last_12_months", "week"),
        ("?period=last_12_months&grain=month", "month"),
        ("?period=last_12_months&grain=century", "week"),
    ],
)
def test_rows_of_time_fit_the_period(query, grain) -> None:
    assert read(query).grain == grain


def test_a_page_without_hours_shows_none() -> None:
    assert read("?period=yesterday&grain=hour", grains=()).grain == "day"


def test_one_is_narrowed_to_and_given_up() -> None:
    agent = uuid4()
    assert read().change(agent=str(agent)).query == f"?agent={agent}"
    assert read(f"?agent={agent},{uuid4()}").change(agent=None).query == "?"
    assert read("?sort=agent").change(sort="-attempts", map="connect_rate").query == "?map=connect_rate"


@pytest.mark.parametrize(
    ("query", "versus"),
    [
        ("?compare=year", (date(2025, 7, 7), date(2025, 7, 14))),
        ("?period=last_month&compare=year", (date(2025, 6, 1), date(2025, 7, 1))),
        ("?compare=custom&compare_from=2026-03-09&compare_to=2026-03-02", (date(2026, 3, 2), date(2026, 3, 10))),
        ("?compare_from=2026-03-02&compare_to=2026-03-09", (date(2026, 3, 2), date(2026, 3, 10))),
        ("?compare=&compare_from=2026-03-02&compare_to=2026-03-09", None),
        ("?compare=none&compare_from=2026-03-02&compare_to=2026-03-09", None),
    ],
)
def test_another_period_may_be_compared_with(query, versus) -> None:
    chosen = read(query)
    assert (chosen.versus and (chosen.versus.start, chosen.versus.end)) == versus
    assert chosen.errors == ()
    assert read(chosen.query) == chosen


@pytest.mark.parametrize(
    "days", ["compare_from=soon&compare_to=2026-03-02", "compare_from=2020-01-01&compare_to=2026-01-01"]
)
def test_days_that_cannot_be_compared_with_are_said_to_be(days) -> None:
    chosen = read(f"?compare=custom&{days}")
    assert (chosen.versus, chosen.compare, len(chosen.errors)) == (None, True, 1)


def test_a_page_of_running_totals_shows_them_as_of_now_until_days_are_chosen() -> None:
    def running(query: str):
        return read_selection(QueryDict(query), ZONE, today=MONDAY, usual=TO_DATE)

    usual = running("")
    assert (usual.dated, usual.query, usual.elsewhere(), usual.calls_query()) == (False, "?", "?", "?")
    chosen = running("period=last_7_days")
    assert (chosen.dated, chosen.query, chosen.elsewhere()) == (True, "?period=last_7_days", "?")
    assert running("period=last_30_days").elsewhere() == "?period=last_30_days"
    assert chosen.earlier.startswith("?period=custom&date_from=")
    assert running("period=to_date").errors == ()
    assert len(read("?period=to_date").errors) == 1  # which other pages cannot show

"""Figures as text in both languages."""

from datetime import UTC, date, datetime

import pytest
from django.utils import translation

from portal.formats import figures

NB = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("amount", "unit", "english", "portuguese"),
    [
        (1211, "count", "1,211", "1.211"),
        (2.135, "count", "2.14", "2,14"),
        (43.14, "percent", f"43.1{NB}%", f"43,1{NB}%"),
        (0.05, "percent", f"0.1{NB}%", f"0,1{NB}%"),
        (97.4, "seconds", "1:37", "1:37"),
        (6.42, "seconds", f"6.4{NB}s", f"6,4{NB}s"),
        (0, "seconds", f"0{NB}s", f"0{NB}s"),
        (9.96, "seconds", "0:10", "0:10"),
        (3725.5, "seconds", "1:02:06", "1:02:06"),
        (1276.4, "minutes", f"1,276{NB}min", f"1.276{NB}min"),
        (412.5, "ms", f"413{NB}ms", f"413{NB}ms"),
        (None, "percent", "–", "–"),
    ],
)
def test_each_unit_is_written_as_its_language_does(amount, unit, english, portuguese) -> None:
    with translation.override("en"):
        assert figures.value(amount, unit) == english
    with translation.override("pt-br"):
        assert figures.value(amount, unit) == portuguese


def test_money_names_its_currency_where_it_is_known() -> None:
    with translation.override("pt-br"):
        assert figures.value(2791.935, "money", currency="BRL") == f"R${NB}2.791,94"
        assert figures.value(10, "money", currency="CHF") == f"CHF{NB}10,00"
        assert figures.value(10, "money") == "10,00"


def test_a_change_between_rates_is_in_points() -> None:
    with translation.override("en"):
        assert figures.change(-2.44, "percent") == f"2.4{NB}pp"
        assert figures.change(-2.44, "count") == f"2.4{NB}%"
        assert figures.change(1041.2, "count") == f"1,041{NB}%"


@pytest.mark.parametrize(
    ("first", "last", "english", "portuguese"),
    [
        (date(2026, 7, 6), date(2026, 7, 12), "6–12 Jul 2026", "6–12 jul 2026"),
        (date(2026, 6, 29), date(2026, 7, 5), "29 Jun – 5 Jul 2026", "29 jun – 5 jul 2026"),
        (date(2025, 12, 29), date(2026, 1, 4), "29 Dec 2025 – 4 Jan 2026", "29 dez 2025 – 4 jan 2026"),
        (date(2026, 7, 6), date(2026, 7, 6), "Mon 6 Jul 2026", "Seg 6 jul 2026"),
    ],
)
def test_a_span_of_days_says_once_what_its_ends_share(first, last, english, portuguese) -> None:
    with translation.override("en"):
        assert figures.days(first, last) == english
    with translation.override("pt-br"):
        assert figures.days(first, last) == portuguese


def test_a_row_over_time_is_named_by_what_it_covers() -> None:
    with translation.override("en"):
        assert figures.stretch("day", date(2026, 7, 6), date(2026, 7, 6)) == "Mon 6 Jul"
        assert figures.stretch("week", date(2026, 7, 8), date(2026, 7, 12)) == "8–12 Jul"
        assert figures.stretch("month", date(2026, 2, 1), date(2026, 2, 28)) == "February 2026"
        assert figures.stretch("month", date(2026, 2, 1), date(2026, 2, 27)) == "1–27 Feb"


def test_a_moment_has_its_date_unless_it_is_todays_in_the_zone() -> None:
    now = datetime(2026, 7, 13, 1, 30, tzinfo=UTC)  # still the 12th in Sao Paulo
    with translation.override("en"):
        assert figures.moment(datetime(2026, 7, 12, 17, 5, tzinfo=UTC), "America/Sao_Paulo", now=now) == "14:05"
        assert figures.moment(datetime(2026, 7, 12, 17, 5, tzinfo=UTC), "UTC", now=now) == "12 Jul, 17:05"
        at = datetime(2026, 7, 12, 17, 5, tzinfo=UTC)
        assert figures.dated_moment(at, "America/Sao_Paulo", now=now) == "12 Jul, 14:05"


@pytest.mark.parametrize(
    ("zone", "place"),
    [
        ("America/Sao_Paulo", "São Paulo"),
        ("America/Belem", "Belém"),
        ("America/Noronha", "Fernando de Noronha"),
        ("America/Argentina/Buenos_Aires", "Buenos Aires"),
        ("Europe/Lisbon", "Lisbon"),
        ("UTC", "UTC"),
        ("US/Eastern", "US/Eastern"),
    ],
)
def test_a_zone_is_named_by_its_place(zone, place) -> None:
    assert figures.zone_name(zone) == place


def test_saturday_has_its_accent() -> None:
    with translation.override("pt-br"):
        assert figures.weekday(date(2026, 7, 11)) == "Sáb 11 jul"

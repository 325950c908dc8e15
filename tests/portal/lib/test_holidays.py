"""Holidays of Brazil, against the official lists of two years."""

from datetime import date
from pathlib import Path

import tzdata

from portal.lib.holidays import BRAZILIAN_ZONES, holidays_of, keeps_holidays


def test_the_days_of_a_year_by_name() -> None:
    assert holidays_of(date(2026, 1, 1), date(2026, 12, 31), "pt-br") == {
        date(2026, 1, 1): "Confraternização Universal",
        date(2026, 2, 16): "Carnaval",
        date(2026, 2, 17): "Carnaval",
        date(2026, 2, 18): "Quarta-feira de Cinzas",
        date(2026, 4, 3): "Sexta-feira Santa",
        date(2026, 4, 21): "Tiradentes",
        date(2026, 5, 1): "Dia do Trabalhador",
        date(2026, 6, 4): "Corpus Christi",
        date(2026, 9, 7): "Independência do Brasil",
        date(2026, 10, 12): "Nossa Senhora Aparecida",
        date(2026, 11, 2): "Finados",
        date(2026, 11, 15): "Proclamação da República",
        date(2026, 11, 20): "Dia Nacional de Zumbi e da Consciência Negra",
        date(2026, 12, 25): "Natal",
    }


def test_both_ends_count_and_years_are_crossed() -> None:
    turn = holidays_of(date(2025, 12, 25), date(2026, 1, 1), "en")
    assert turn == {date(2025, 12, 25): "Christmas Day", date(2026, 1, 1): "Universal Fraternization Day"}
    assert holidays_of(date(2026, 1, 2), date(2026, 2, 15), "en") == {}


def test_the_day_of_black_awareness_is_national_since_2024() -> None:
    assert [holidays_of(date(year, 11, 20), date(year, 11, 20), "en") != {} for year in (2023, 2024)] == [False, True]


def test_every_brazilian_zone_keeps_them_and_no_other() -> None:
    table = (Path(tzdata.__file__).parent / "zoneinfo" / "zone.tab").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in table.splitlines() if line and not line.startswith("#")]
    brazilian = {zone for code, _place, zone, *_ in rows if code == "BR"}
    assert brazilian <= BRAZILIAN_ZONES
    assert not any(keeps_holidays(zone) for code, _place, zone, *_ in rows if code != "BR")
    assert not keeps_holidays("Asia/Kathmandu")

"""Holidays of Brazil, by day, to be marked on what runs over time: those of the whole country, not those of a state."""

from datetime import date
from functools import cache
from importlib import import_module
from typing import Any

# The zones of zone.tab that belong to Brazil, and the older names that still lead to them.
BRAZILIAN_ZONES = frozenset(
    {
        "America/Araguaina",
        "America/Bahia",
        "America/Belem",
        "America/Boa_Vista",
        "America/Campo_Grande",
        "America/Cuiaba",
        "America/Eirunepe",
        "America/Fortaleza",
        "America/Maceio",
        "America/Manaus",
        "America/Noronha",
        "America/Porto_Acre",
        "America/Porto_Velho",
        "America/Recife",
        "America/Rio_Branco",
        "America/Santarem",
        "America/Sao_Paulo",
        "Brazil/Acre",
        "Brazil/DeNoronha",
        "Brazil/East",
        "Brazil/West",
    }
)
_LAST_EASTER_FEAST = 6  # the month of Corpus Christi at the latest


def keeps_holidays(zone: str) -> bool:
    """Whether people who live by this zone keep the days that :func:`holidays_of` names."""
    return zone in BRAZILIAN_ZONES


def holidays_of(first: date, last: date, language: str) -> dict[date, str]:
    """The holidays from ``first`` to ``last``, both included, in order; named in Portuguese or in English."""
    portuguese = language.lower().startswith("pt")
    names: dict[date, str] = {}
    for year in range(first.year, last.year + 1):
        names |= {day: name for day, name in _of_year(year, portuguese).items() if first <= day <= last}
    return names


@cache
def _of_year(year: int, portuguese: bool) -> dict[date, str]:
    """Carnival, Ash Wednesday and Corpus Christi are days off by custom, so they count; eves and the day of civil
    servants, which the law calls optional too, are days on which business goes on.
    """
    # Half a second to import, for what most processes never ask.
    brazil: Any = import_module("holidays.countries.brazil").Brazil
    language = "pt_BR" if portuguese else "en_US"
    customary = brazil(years=year, language=language, categories=("optional",))
    feasts = {day: str(name) for day, name in customary.items() if day.month <= _LAST_EASTER_FEAST}
    legal = {day: str(name) for day, name in brazil(years=year, language=language).items()}
    return dict(sorted((feasts | legal).items()))

"""Brazil as a caller sees it: area codes in lifelike shares, numbers, first names and the hours people answer.

São Paulo has kept UTC−3 the year round since 2019, so local time here is a fixed offset.
"""

from bisect import bisect
from datetime import date, timedelta
from itertools import accumulate
from math import pi, sin
from random import Random

OFFSET = timedelta(hours=-3)

# Area code: rough share of the country's mobile lines.
AREA_CODES = {
    "11": 22, "21": 12, "31": 7, "19": 6, "41": 5, "51": 5, "71": 5, "81": 4, "85": 4, "62": 4, "61": 4, "47": 3,
    "27": 3, "13": 2, "12": 2, "16": 2, "48": 2, "91": 2, "92": 2, "67": 1, "65": 1, "84": 1, "98": 1, "79": 1,
}  # fmt: skip
_CODES = list(AREA_CODES)
_CODE_EDGES = list(accumulate(AREA_CODES.values()))

FIRST_NAMES = (
    "Adriana", "Alice", "Amanda", "Ana", "André", "Antônio", "Beatriz", "Bianca", "Bruna", "Caio", "Camila", "Carlos",
    "Cecília", "Daniel", "Débora", "Diego", "Eduardo", "Elisa", "Fábio", "Felipe", "Fernanda", "Gabriel", "Giovana",
    "Gustavo", "Heitor", "Helena", "Igor", "Isabela", "João", "Juliana", "Larissa", "Leandro", "Letícia", "Luana",
    "Lucas", "Luísa", "Marcelo", "Marcos", "Mariana", "Mateus", "Natália", "Nina", "Otávio", "Patrícia", "Paulo",
    "Rafael", "Raquel", "Renata", "Ricardo", "Rodrigo", "Sabrina", "Sérgio", "Sofia", "Tatiana", "Thiago", "Valéria",
    "Vinícius", "Vitória", "Yasmin",
)  # fmt: skip
LAST_NAMES = (
    "Almeida", "Alves", "Andrade", "Araújo", "Barbosa", "Barros", "Batista", "Borges", "Campos", "Cardoso",
    "Carvalho", "Castro", "Costa", "Dias", "Duarte", "Fernandes", "Ferreira", "Freitas", "Gomes", "Lima", "Lopes",
    "Machado", "Martins", "Melo", "Mendes", "Monteiro", "Moraes", "Moreira", "Nunes", "Oliveira", "Pereira", "Pinto",
    "Ramos", "Ribeiro", "Rocha", "Santana", "Santos", "Silva", "Soares", "Souza", "Teixeira", "Vieira",
)  # fmt: skip

# Half hours from midnight, local time. A team dials in office hours and eats at noon; people ring later than that.
DIALLING = [0] * 16 + [3, 6, 9, 10, 10, 10, 9, 7, 4, 3, 6, 9, 10, 10, 10, 9, 8, 7, 5, 3, 2, 1] + [0] * 10
RINGING = [0] * 12 + [
    1, 1, 2, 4, 6, 8, 9, 9, 9, 8, 7, 6, 5, 6, 7, 8, 9, 9, 8, 8, 7, 6, 5, 4, 4, 3, 3, 2, 2, 1, 1, 1, 0, 0, 0, 0,
]  # fmt: skip
_WEEK = (1.30, 1.40, 1.38, 1.34, 1.22, 0.46, 0.06)  # Monday first; the mean over a week is close to one
_HOLIDAYS = {(1, 1), (4, 21), (5, 1), (9, 7), (10, 12), (11, 2), (11, 15), (12, 25)}


def mobile(rng: Random, index: int) -> str:
    """A mobile number in E.164, a different one for each index below ten million.

    Its 90 block is one no operator is known to hand out; Brazil reserves none for fiction.
    """
    code = _CODES[_pick(rng, _CODE_EDGES)]
    return f"+55{code}90{(index * 6_364_137 + 2_718_281) % 10_000_000:07d}"


def formatted(number: str) -> str:
    """``+5511901234567`` as ``(11) 90123-4567``; other numbers as they are."""
    if not number.startswith("+55") or len(number) < 13:
        return number
    return f"({number[3:5]}) {number[5:-4]}-{number[-4:]}"


def person(rng: Random) -> str:
    return f"{rng.choice(FIRST_NAMES)} {rng.choice(LAST_NAMES)}"


def volume(day: date) -> float:
    """How busy a day is against the mean one: the week's rhythm, holidays, and a slow swell over half a year."""
    if (day.month, day.day) in _HOLIDAYS:
        return 0.06
    return _WEEK[day.weekday()] * (1 + 0.12 * sin(2 * pi * day.toordinal() / 180))


def is_bad(day: date) -> bool:
    """True in one working week of five, when lines fail and fewer people answer: something for a report to tell."""
    return day.toordinal() // 7 % 5 == 3 and day.weekday() < 5


def office_day(day: date) -> date:
    """The day itself, or the next on which a team dials."""
    while day.weekday() == 6 or (day.month, day.day) in _HOLIDAYS:
        day += timedelta(days=1)
    return day


class Hours:
    """Draws seconds since local midnight by half-hour weights."""

    def __init__(self, weights: list[int]) -> None:
        self._edges = list(accumulate(weights))

    def draw(self, rng: Random) -> int:
        return _pick(rng, self._edges) * 1800 + int(rng.random() * 1800)


def _pick(rng: Random, edges: list[int]) -> int:
    """The index of the first cumulative weight above a drawn point."""
    return bisect(edges, rng.random() * edges[-1])

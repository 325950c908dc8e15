"""Conditions on the columns of calls, as SQL whose values are bound: what a reader wrote is never part of the text."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on calls, with the values of its ``?``."""

    sql: str
    params: tuple[object, ...] = ()


ANY = Condition("true")
NEVER = Condition("false")


def among(column: str, words: Collection[object]) -> Condition:
    """That a column has one of some values."""
    return Condition(f"{column} IN ({', '.join('?' * len(words))})", tuple(words)) if words else NEVER


def numbers_among(column: str, numbers: Iterable[int]) -> Condition:
    """As :func:`among`, of keys of ours, which stand in the text."""
    listed = ", ".join(str(int(number)) for number in sorted(numbers))
    return Condition(f"{column} IN ({listed})") if listed else NEVER


def together(conditions: Iterable[Condition]) -> Condition:
    """That all of them hold."""
    parts = list(conditions)
    if not parts:
        return ANY
    return Condition(
        " AND ".join(f"({part.sql})" for part in parts), tuple(value for part in parts for value in part.params)
    )

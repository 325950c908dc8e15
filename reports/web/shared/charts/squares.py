"""A map of two parts of time, weekdays by hours: shaded squares that are links and say their number."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Square:
    """``level`` is a shade from 0 to 5; ``small`` hatches the square: too few calls for a rate."""

    level: int
    text: str = ""
    title: str = ""
    href: str = ""
    small: bool = False


@dataclass(frozen=True, slots=True)
class SquareMap:
    """``caption`` names the table to a screen reader; ``sentence`` says what the map shows."""

    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Square, ...]], ...]
    sentence: str = ""

    @property
    def has_small(self) -> bool:
        return any(square.small for _name, squares in self.rows for square in squares)

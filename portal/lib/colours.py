"""Colours as six hex digits: how far apart they look (WCAG 2), and mixtures of two."""

import re
from collections.abc import Iterable

TEXT = 4.5  # the contrast that WCAG's level AA asks of a text
_HEX = re.compile(r"#[0-9a-f]{6}")


def is_colour(text: str) -> bool:
    """Whether it is written ``#0b6b62``."""
    return _HEX.fullmatch(text) is not None


def contrast(one: str, other: str) -> float:
    """From 1, for the same colour, to 21, for black on white."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def mixed(one: str, other: str, share: float) -> str:
    """``one`` with a share of the other in it."""
    parts = zip(_parts(one), _parts(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in parts)


def readable(colour: str, grounds: Iterable[str], towards: str) -> str:
    """The colour, moved towards black or white no further than it takes to be read on each of the grounds."""
    grounds = tuple(grounds)
    steps = (mixed(colour, towards, step / 50) for step in range(51))
    return next((each for each in steps if all(contrast(each, ground) >= TEXT for ground in grounds)), towards)


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(part / 255) for part in _parts(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)

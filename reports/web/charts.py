"""Calls over time as a drawing: numbers in, places on a canvas out. The template writes the SVG.

Widths are percentages and heights are pixels, so one drawing fits every width while its text keeps its size and no
inline style is needed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil, floor, log10

HEIGHT = 190  # of the plot, without the line of labels under it


@dataclass(frozen=True, slots=True)
class Column:
    """One day, week or month to draw."""

    label: str  # under the column
    note: str  # a second line under it, or ""
    title: str  # the whole of it in one sentence
    href: str
    connected: float
    unreached: float
    open: float
    before: float | None = None  # attempts of the aligned column of the previous period
    unfinished: bool = False

    @property
    def total(self) -> float:
        return self.connected + self.unreached + self.open


@dataclass(frozen=True, slots=True)
class Part:
    kind: str  # connected, unreached or open: a class of the style sheet
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    width: float
    hit_x: float
    hit_width: float
    middle: float
    top: float
    height: float
    parts: tuple[Part, ...]
    label: str
    note: str
    minor: bool  # its label is left out on narrow screens
    title: str
    href: str
    unfinished: bool


@dataclass(frozen=True, slots=True)
class Line:
    y: float
    value: int


@dataclass(frozen=True, slots=True)
class Chart:
    height: int
    bars: tuple[Bar, ...]
    lines: tuple[Line, ...]
    before: str  # points of the previous period's line, x in columns and y in pixels; "" without one
    columns: int

    @property
    def label_y(self) -> int:
        return self.height + 18

    @property
    def full_height(self) -> int:
        return self.height + (40 if any(bar.note for bar in self.bars) else 26)


def draw(columns: Sequence[Column]) -> Chart:
    """Stacked bars for the columns, the previous period as a line over them."""
    highest = max([1.0, *(column.total for column in columns), *(column.before or 0 for column in columns)])
    step = round_step(highest)
    top = step * -(-highest // step)
    slot = 100 / max(1, len(columns))
    wide_every = label_step(len(columns), 16)
    narrow_every = wide_every * -(-len(columns) // (wide_every * 7))  # a part of the wide ones, so that both are even
    bars = []
    for place, column in enumerate(columns):
        last_first = len(columns) - 1 - place  # labels count from the newest column, which always has one
        bars.append(
            _bar(
                column,
                place=place,
                slot=slot,
                top=top,
                labels=(last_first % wide_every == 0, last_first % narrow_every == 0),
            )
        )
    lines = tuple(Line(round(HEIGHT * (1 - k * step / top), 2), int(k * step)) for k in range(int(top // step) + 1))
    points = [
        f"{place + 0.5:g},{HEIGHT * (1 - column.before / top):.2f}"
        for place, column in enumerate(columns)
        if column.before is not None
    ]
    return Chart(HEIGHT, tuple(bars), lines, " ".join(points) if len(points) > 1 else "", len(columns))


def _bar(column: Column, *, place: int, slot: float, top: float, labels: tuple[bool, bool]) -> Bar:
    wide, narrow = labels
    gap = 0.5 if slot > 9 else 0.28 if slot > 2 else 0.16
    parts = []
    y = float(HEIGHT)
    for kind, amount in (("connected", column.connected), ("unreached", column.unreached), ("open", column.open)):
        height = HEIGHT * amount / top
        if height > 0:
            y -= height
            parts.append(Part(kind, round(y, 2), round(height, 2)))
    return Bar(
        x=round(slot * (place + gap / 2), 2),
        width=round(slot * (1 - gap), 2),
        hit_x=round(slot * place, 2),
        hit_width=round(slot, 2),
        middle=round(slot * (place + 0.5), 2),
        top=round(y, 2),
        height=round(HEIGHT - y, 2),
        parts=tuple(parts),
        label=column.label if wide or narrow else "",
        note=column.note if wide or narrow else "",
        minor=wide and not narrow,
        title=column.title,
        href=column.href,
        unfinished=column.unfinished,
    )


def round_step(highest: float) -> int:
    """The distance of the lines: 1, 2 or 5 times a power of ten, whole calls, two to six lines, little room lost."""
    power = int(10 ** floor(log10(max(1.0, highest))))
    steps = [round(part * power / 10) for part in (1, 2, 5, 10, 20) if part * power >= 10]
    fitting = [step for step in steps if ceil(highest / step) <= 6]
    return min(fitting, key=lambda step: (step * ceil(highest / step), step))


def label_step(columns: int, room: int) -> int:
    """Every how many columns there is room for a label; whole weeks where days are many."""
    if columns <= room:
        return 1
    step = -(-columns // room)
    return step if step < 4 else -(-step // 7) * 7


def level(amount: float | None, lowest: float, highest: float) -> int:
    """The shade of a map's cell, from 1 (close to the lowest) to 5 (close to the highest); 0 for nothing."""
    if not amount:
        return 0
    return 3 if highest <= lowest else min(5, 1 + int(5 * (amount - lowest) / (highest - lowest)))


def as_date(text: str | None) -> date | None:
    """A row's key as the first day of its day, week or month."""
    return date.fromisoformat(text) if text else None


def last_of(grain: str, first: date) -> date:
    """The last day of the day, week or month that begins with ``first``."""
    if grain == "week":
        return first + timedelta(days=6)
    if grain == "month":
        return (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return first

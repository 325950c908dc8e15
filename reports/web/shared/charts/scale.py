"""Round numbers for axes, room for labels, shades for maps, and where days, weeks and months end."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil, floor, log10

from django.utils.formats import date_format

from portal.formats import figures

_CLOCK = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 18000, 36000)  # seconds a clock counts in


@dataclass(frozen=True, slots=True)
class Scale:
    """From zero to ``top`` in lines ``step`` apart, in a metric's unit."""

    top: float
    step: float
    unit: str

    @classmethod
    def for_values(cls, values: Iterable[float | None], unit: str) -> "Scale":
        """Room for the highest of the values, and for one call, percent, second or millisecond at least."""
        highest = max((value for value in values if value is not None), default=0.0) or 1.0
        step = clock_step(highest) if unit == "seconds" else round_step(highest, fine=unit in ("percent", "money"))
        return cls(max(step, step * ceil(highest / step - 1e-9)), step, unit)

    @property
    def ticks(self) -> list[float]:
        return [self.step * k for k in range(round(self.top / self.step) + 1)]

    def text(self, tick: float) -> str:
        places = 0 if self.step >= 1 else 1 if self.step >= 0.1 else 2
        if self.unit == "percent":
            return f"{figures.decimal(tick, places)}{figures.SPACE}%"
        if self.unit == "seconds":  # one form for all lines of an axis
            return figures.duration(tick) if self.top > 10 else figures.seconds(tick)
        if self.unit == "money":
            return figures.decimal(tick, places)
        return figures.value(tick, self.unit)


def round_step(highest: float, *, fine: bool = False) -> float:
    """The distance of the lines: 1, 2 or 5 times a power of ten, two to six lines, little room lost.

    Whole numbers unless ``fine``.
    """
    least = 0.01 if fine else 1.0
    power = 10.0 ** floor(log10(max(least, highest)))
    steps = [part * power / 10 for part in (1, 2, 5, 10, 20) if part * power / 10 >= least - 1e-9]
    fitting = [step for step in steps if ceil(highest / step - 1e-9) <= 6]
    best = min(fitting, key=lambda step: (step * ceil(highest / step - 1e-9), step))
    return best if fine else round(best)


def clock_step(highest: float) -> float:
    """As :func:`round_step` for seconds: halves and quarters of minutes and hours."""
    return next((step for step in _CLOCK if highest / step <= 5), 36000 * ceil(highest / 180_000))


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


def dates_under(days: Sequence[date]) -> list[str]:
    """The dates under columns of days: the month is said of the outer ones and of the first day of each."""
    with_month = {*days[:1], *days[-1:]}
    return [date_format(day, "MONTH_DAY_FORMAT") if day in with_month or day.day == 1 else str(day.day) for day in days]


def last_of(grain: str, first: date) -> date:
    """The last day of the day, week or month that begins with ``first``."""
    if grain == "week":
        return first + timedelta(days=6)
    if grain == "month":
        return (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return first


def number(value: float) -> str:
    """A coordinate: two places at most, with a point in every language."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def percent(value: float) -> str:
    return f"{number(value)}%"

"""An answer: typed cells with what they rest on, and how complete the data behind them are.

Page, API, mail and file each turn the same Answer into their own form, so they cannot disagree. Values are unrounded,
in the metric's unit (percent 0-100, seconds, minutes, milliseconds, count); rounding is the reader's.
"""

from dataclasses import dataclass
from datetime import date, datetime

from reports.metrics import Metric
from reports.periods import Period
from reports.queries.question import Question


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure. ``value`` is None when there is no base for it, never 0 in its place.

    ``n`` is the size of the base. ``change`` is against ``previous``: relative in percent, or in percentage points for
    a rate; None when there is nothing to compare with (previous None, or 0 for a relative change).
    """

    value: float | None
    n: int | None = None
    previous: float | None = None
    change: float | None = None
    small: bool = False  # n is under the metric's minimum: show "n too small" rather than the value


@dataclass(frozen=True, slots=True)
class Row:
    """``key`` has one element for each of ``question.by``, as the API gives it; ``labels`` say it to a person."""

    key: tuple[str | None, ...]
    labels: tuple[str, ...]
    cells: dict[str, Cell]
    unfinished: bool = False  # a time row whose end is still to come


@dataclass(frozen=True, slots=True)
class GapNote:
    environment: str  # public id
    environment_name: str
    stream: str
    part: str
    day: date | None
    fault: str
    since: datetime
    quarantined: int = 0  # elements that could not be read, where that is the fault


@dataclass(frozen=True, slots=True)
class Completeness:
    """What stands under every figure. ``complete``: every window of the period was read whole and all in it understood,
    today's as of ``as_of``.

    ``mirrored``, ``quarantined`` and ``accepted`` make up the vendor's total of a period read whole. ``as_of`` is the
    oldest of the last whole readings the period rests on, None when nothing was read yet.
    """

    as_of: datetime | None
    complete: bool
    mirrored: int
    vendor_total: int | None
    gaps: tuple[GapNote, ...] = ()
    corrections: int = 0  # calls of the period whose figures changed after the day was first counted
    quarantined: int = 0  # calls that the vendor showed and that could not be read
    accepted: int = 0  # such that a person took for no call; they make nothing incomplete


@dataclass(frozen=True, slots=True)
class Answer:
    question: Question
    columns: tuple[Metric, ...]
    rows: tuple[Row, ...]
    totals: dict[str, Cell]
    period: Period
    previous_period: Period | None
    completeness: Completeness
    previous_complete: bool = True  # whether the period that changes are measured against is mirrored whole

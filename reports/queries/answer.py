"""An answer: typed cells with what they rest on, and how complete the data behind them are.

Page, API, mail and file each turn the same Answer into their own form, so they cannot disagree. Values are unrounded,
in the metric's unit (percent 0-100, seconds, minutes, milliseconds, count); rounding is the reader's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from reports.definitions.dimensions import Key, Names
from reports.definitions.metrics import Metric
from reports.definitions.periods import Period
from reports.queries.question import Question


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure. ``value`` is None when there is no base for it, never 0 in its place.

    ``n`` is the size of the base, ``previous_n`` that of the period before. ``change`` is against ``previous``:
    relative in percent, or in percentage points for a rate; None when there is nothing to compare with (previous None,
    or 0 for a relative change). Where either base is too small it is arithmetic and no news: see ``moved``.
    """

    value: float | None
    n: int | None = None
    previous: float | None = None
    change: float | None = None
    small: bool = False  # n is under the metric's minimum: show "n too small" rather than the value
    previous_n: int | None = None
    previous_small: bool = False  # as small, of the period before
    significant: bool = False  # the change, by the rule of reports.queries.significance

    @property
    def moved(self) -> float | None:
        """The change, where both bases are large enough to speak of one."""
        return None if self.small or self.previous_small else self.change


@dataclass(frozen=True, slots=True)
class Row:
    """``key`` has one element for each of ``question.by``, as the API gives it; ``labels`` say it to a person, in the
    language in which was asked. ``group`` is what both were made of, a number that is told masked among it: it is shown
    to nobody.
    """

    key: tuple[str | None, ...]
    labels: tuple[str, ...]
    cells: dict[str, Cell]
    unfinished: bool = False  # a time row whose end is still to come
    group: tuple[Key, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class KeyedRow:
    """A row whose keys and labels are named by what the answer is grouped by."""

    key: dict[str, str | None]
    labels: dict[str, str]
    cells: dict[str, Cell]
    unfinished: bool


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
    days: tuple[date, date] | None = None  # both included, where they are too many to be told one by one


@dataclass(frozen=True, slots=True)
class Completeness:
    """What stands under every figure. ``complete``: every window of the period was read whole and all in it understood,
    today's as of ``as_of``.

    ``mirrored``, ``quarantined`` and ``accepted`` make up the vendor's total of a period read whole: calls of whole UTC
    days, test calls among them. ``counted`` are the calls that the figures beside it are made of, where some are.
    ``as_of`` is the oldest of the last whole readings the period rests on, None when nothing was read yet. A period
    that has not ``begun`` is not complete, whatever was read.
    """

    as_of: datetime | None
    complete: bool
    mirrored: int
    vendor_total: int | None
    gaps: tuple[GapNote, ...] = ()
    corrections: int = 0  # calls of the period whose figures changed after the day was first counted
    quarantined: int = 0  # calls that the vendor showed and that could not be read
    accepted: int = 0  # such that a person took for no call; they make nothing incomplete
    counted: int | None = None
    begun: bool = True
    environments: int = 0  # how many it speaks of
    incomplete: tuple[str, ...] = ()  # names of those that are not complete

    @property
    def is_partly_complete(self) -> bool:
        """Whether some environments are complete and others are not."""
        return 0 < len(self.incomplete) < self.environments

    @property
    def lacks_calls(self) -> bool:
        """Whether the vendor shows more calls than are mirrored."""
        return self.vendor_total is not None and self.mirrored < self.vendor_total

    @property
    def is_unread(self) -> bool:
        """Whether nothing at all is known of the period, so that its zeros would be made up."""
        return self.as_of is None and not self.mirrored


@dataclass(frozen=True, slots=True)
class Answer:
    question: Question
    columns: tuple[Metric, ...]
    rows: tuple[Row, ...]
    totals: dict[str, Cell]
    period: Period
    previous_period: Period | None
    completeness: Completeness
    previous_completeness: Completeness | None = None  # of the period that changes are measured against
    # By the key of a metric, the environments that are not in it, because their vendor does not tell it.
    left_out: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    names: Names | None = field(default=None, repr=False, compare=False)  # of what the rows are grouped by

    @property
    def previous_complete(self) -> bool:
        """Whether the period that changes are measured against, where there is one, is mirrored whole."""
        return self.previous_completeness is None or self.previous_completeness.complete

    @property
    def keyed_rows(self) -> list[KeyedRow]:
        by = self.question.by
        return [
            KeyedRow(
                dict(zip(by, row.key, strict=True)),
                dict(zip(by, row.labels, strict=True)),
                row.cells,
                row.unfinished,
            )
            for row in self.rows
        ]

    @property
    def definitions(self) -> dict[str, Metric]:
        """The metrics of the columns by their keys."""
        return {column.key: column for column in self.columns}


def only_known(answer: Answer) -> Answer:
    """The answer with nothing in the place of zeros, where nothing of its period was read."""
    if not answer.completeness.is_unread:
        return answer
    rows = tuple(replace(row, cells=_without_zeros(row.cells)) for row in answer.rows)
    return replace(answer, rows=rows, totals=_without_zeros(answer.totals))


def _without_zeros(cells: Mapping[str, Cell]) -> dict[str, Cell]:
    return {
        key: cell if cell.n else replace(cell, value=None, change=None, significant=False)
        for key, cell in cells.items()
    }

"""Whether a change is significant: the one rule for sentences, colours, mails and Help.

A change is significant when chance alone makes one as large less than once in 100 comparisons, by the test of its kind,
and when it is material.

- Shares: a two-proportion test.
- Counts and sums: Poisson with overdispersion, which is measured on the same weekdays of the eight weeks before.
- Means: by their spread between days, measured on the same days.
- Where these days are not known, as for the rows of a table, a count is taken for plain Poisson, and the spread of
  durations for one and a half times their mean. Percentiles always. As this is no measurement, it takes ten percent.

See portal/decisions/0071-significant-changes.md.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from math import sqrt
from statistics import NormalDist

from reports.definitions.measures import Distinct, Overlap, Percentile, Sums, VendorTotal
from reports.definitions.metrics import METRICS, Metric
from reports.queries.answer import Cell

RISK = 0.01  # that chance alone makes a change that is called significant
ENOUGH = 30  # calls on both sides; of counts together
FEWEST = 5  # expected on both sides of a share, and of both its answers, for a normal approximation
MATERIAL, MATERIAL_UNMEASURED = 5.0, 10.0  # percent
MATERIAL_POINTS = 1.0  # of a share, if not MATERIAL percent of it
SPREAD = 1.5  # of single durations against their mean, where it is not measured: above that of most kinds of calls

WEEKS, FEWEST_DAYS = 8, 28


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a change is judged by. ``ratio`` is the length of the period against that of the one before; sums of periods
    that are not ``whole`` are compared with nothing. ``spreads`` are those that :func:`spread` measured, by metric.
    """

    ratio: float = 1.0
    whole: bool = True
    spreads: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Day:
    """A figure of one day; ``n`` is its base."""

    weekday: int
    value: float
    n: int


@lru_cache
def sure(looked_at: int = 1) -> float:
    """The standard errors from which on a change is more than chance; the more are looked at, the more it takes."""
    return NormalDist().inv_cdf(1 - RISK / 2 / max(1, looked_at))


def adds_up(metric: Metric) -> bool:
    """Whether it grows with each call, so that a missing day reads as a fall."""
    of_one = len(metric.measures) == 1 and not isinstance(metric.measures[0], Overlap | Percentile)
    return metric.unit == "money" or (metric.unit == "count" and of_one) or _is_talk_time(metric)


def _is_talk_time(metric: Metric) -> bool:
    return metric.unit == "minutes" and not any(isinstance(measure, Percentile) for measure in metric.measures)


def measured_by(metric: Metric) -> Metric | None:
    """The figure whose spread between days is taken for that of ``metric``: its own where it is a sum over calls or the
    vendor's callbacks, or a quotient of these. Contacts take that of attempts, with which they vary: to count them by
    day would be slow. None of others.
    """
    if metric.unit == "percent":
        return None
    if adds_up(metric) and isinstance(metric.measures[0], Distinct):
        return METRICS["attempts"]
    by_day = all(
        isinstance(measure, Sums) or (isinstance(measure, VendorTotal) and measure.source == "callbacks")
        for measure in metric.measures
    )
    return metric if by_day else None


def standard_errors(cell: Cell) -> float:
    """How many standard errors a share moved between its two bases; 0 where either is too small to say."""
    base_before = cell.previous_n or 0
    if cell.value is None or cell.previous is None or not cell.n or min(cell.n, base_before) < ENOUGH:
        return 0.0
    now, before = cell.value / 100, cell.previous / 100
    pooled = (now * cell.n + before * base_before) / (cell.n + base_before)
    if min(pooled, 1 - pooled) * min(cell.n, base_before) < FEWEST:
        return 0.0
    return (now - before) / sqrt(pooled * (1 - pooled) * (1 / cell.n + 1 / base_before))


def is_significant(cell: Cell, metric: Metric, evidence: Evidence) -> bool:
    """Whether the change of a cell is; a cell of an answer has it as ``significant``."""
    if cell.moved is None or not evidence.ratio > 0:
        return False
    if metric.unit == "percent":
        return abs(standard_errors(cell)) >= sure() and _is_material_share(cell)
    if any(isinstance(measure, Overlap) for measure in metric.measures) or (adds_up(metric) and not evidence.whole):
        return False
    measured = evidence.spreads.get(metric.key)
    least = MATERIAL if measured is not None else MATERIAL_UNMEASURED
    return abs(cell.moved) >= least and abs(_deviation(cell, metric, evidence.ratio, measured)) >= sure()


def _is_material_share(cell: Cell) -> bool:
    points = abs(cell.moved or 0)
    return points >= MATERIAL_POINTS or points >= MATERIAL / 100 * (cell.previous or 0)


def _deviation(cell: Cell, metric: Metric, ratio: float, measured: float | None) -> float:
    """By how many standard errors a count, a sum or a mean differs from what the period before lets expect."""
    now, before = cell.value or 0.0, cell.previous or 0.0
    bases = cell.n or 0, cell.previous_n or 0
    if adds_up(metric):
        expected = before * ratio
        if sum(bases) < 2 * ENOUGH:
            return 0.0
        unit = measured
        if unit is None:  # of a sum of durations each call brings its own
            unit = 1.0 if metric.unit == "count" else (1 + SPREAD**2) * (now + before) / sum(bases)
        variance = unit * (now + before) * ratio
    else:
        if min(bases) < ENOUGH:
            return 0.0
        expected = before
        single = measured if measured is not None else (SPREAD * (now + before) / 2) ** 2
        variance = single * (1 / bases[0] + 1 / bases[1])
    return (now - expected) / sqrt(variance) if variance > 0 else 0.0


def spread(metric: Metric, days: Iterable[Day]) -> float | None:
    """How much single days differ from the usual of their weekday: of what adds up, the variance against the mean; of a
    mean, the variance that one call would have. None of fewer than four weeks.
    """
    by_weekday: dict[int, list[Day]] = defaultdict(list)
    for day in days:
        by_weekday[day.weekday].append(day)
    number = sum(map(len, by_weekday.values()))
    if number < FEWEST_DAYS:
        return None
    freedom = number - len(by_weekday)
    squares = sum(_squares(alike, adds_up(metric)) for alike in by_weekday.values())
    found = squares / freedom * _caution(freedom)
    return max(found, 1.0) if metric.unit == "count" and adds_up(metric) else found


def _squares(days: list[Day], sums: bool) -> float:
    if sums:
        mean = sum(day.value for day in days) / len(days)
        return sum((day.value - mean) ** 2 for day in days) / mean if mean else 0.0
    calls = sum(day.n for day in days)
    mean = sum(day.value * day.n for day in days) / calls if calls else 0.0
    return sum(day.n * (day.value - mean) ** 2 for day in days)


def _caution(freedom: int) -> float:
    """By how much a measured variance is enlarged, as it is measured on few days itself (Student's t)."""
    normal = sure()
    return (1 + (normal**2 + 1) / (4 * freedom)) ** 2

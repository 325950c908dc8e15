"""What a metric is, and the formulas they are computed by: last, after merging.

A formula gives the value and ``n``, the size of its base; without a base the value is None.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from reports.definitions import measures as m
from reports.definitions.labels import Words
from sync.providers import registry
from sync.taxonomy import Fact

Result = tuple[float | None, int]
RATE_MINIMUM = 10


@dataclass(frozen=True, slots=True)
class Metric:
    """``unit`` is count, percent, seconds, minutes, money or ms; ``better`` up, down or "" where neither is better.

    Where ``n`` is under ``minimum_n`` a reader is told so. Of vendors that do not tell what it ``needs`` it is None,
    not 0.
    """

    key: str
    label: Words
    definition: Words
    formula: Words
    unit: str
    better: str
    minimum_n: int
    group: str  # of METRIC_GROUPS
    needs: frozenset[Fact]
    measures: tuple[m.Measure, ...]
    compute: Callable[[Sequence[Any]], Result] = field(repr=False, compare=False)

    @property
    def vendors(self) -> tuple[str, ...]:
        """The keys of the vendors whose calls it can be measured of."""
        return registry.telling(self.needs)

    @property
    def of_loop(self) -> bool:
        """Whether it is about the callback loop, where the agent is the one that the contact rang."""
        return all(map(m.is_of_loop, self.measures))

    @property
    def of_returns(self) -> bool:
        """Whether it is about attempts and the calls that answer them, and about nothing else."""
        return all(map(m.is_of_returns, self.measures))


def metric(  # noqa: PLR0913 - a declaration, not a call
    key: str,
    label: Words,
    definition: Words,
    formula: Words,
    how: tuple[tuple[m.Measure, ...], Callable[[Sequence[Any]], Result]],
    *,
    unit: str = "count",
    better: str = "",
    group: str,
    needs: frozenset[Fact] = frozenset(),
    minimum_n: int | None = None,
) -> Metric:
    least = (RATE_MINIMUM if unit == "percent" else 0) if minimum_n is None else minimum_n
    return Metric(key, label, definition, formula, unit, better, least, group, needs, *how)


def count(measure: m.Measure) -> tuple[tuple[m.Measure, ...], Callable[[Sequence[Any]], Result]]:
    def compute(values: Sequence[Any]) -> Result:
        return (None, 0) if values[0] is None else (values[0], values[0])

    return (measure,), compute


def quotient(
    part: m.Measure, whole: m.Measure, scale: float = 1
) -> tuple[tuple[m.Measure, ...], Callable[[Sequence[Any]], Result]]:
    def compute(values: Sequence[Any]) -> Result:
        top, base = values
        return (None, base or 0) if top is None or not base else (top * scale / base, base)

    return (part, whole), compute


def share(part: m.Measure, whole: m.Measure) -> tuple[tuple[m.Measure, ...], Callable[[Sequence[Any]], Result]]:
    return quotient(part, whole, 100)


def timely(
    quick: m.Measure, timed: m.Measure, answered: m.Measure, final: m.Measure
) -> tuple[tuple[m.Measure, ...], Callable[[Sequence[Any]], Result]]:
    """Nothing, where calls were answered and of none it is known how soon."""

    def compute(values: Sequence[Any]) -> Result:
        soon, known, connected, base = (value or 0 for value in values)
        return (None, base) if not base or (connected and not known) else (soon * 100 / base, base)

    return (quick, timed, answered, final), compute


def minutes(total_ms: m.Measure, calls: m.Measure) -> tuple[tuple[m.Measure, ...], Callable[[Sequence[Any]], Result]]:
    def compute(values: Sequence[Any]) -> Result:
        return (None, 0) if values[0] is None else (values[0] / 60_000, values[1])

    return (total_ms, calls), compute


def percentile(
    source: str, share: float, scale: float = 1
) -> tuple[tuple[m.Measure, ...], Callable[[Sequence[Any]], Result]]:
    def compute(values: Sequence[Any]) -> Result:
        value, n = values[0] or (None, 0)
        return (None, 0) if value is None else (value * scale, n)

    return (m.Percentile(source, share),), compute


def pair(measure: m.Measure) -> tuple[tuple[m.Measure, ...], Callable[[Sequence[Any]], Result]]:
    def compute(values: Sequence[Any]) -> Result:
        return (None, 0) if values[0] is None else values[0]

    return (measure,), compute

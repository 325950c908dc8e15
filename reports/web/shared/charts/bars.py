"""Stripes in the rows of a table: a bar for each row, or several parts of one, or spans on a common time line."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.functional import Promise

from reports.web.shared.charts.scale import percent


@dataclass(frozen=True, slots=True)
class Stripe:
    """``kind`` as of ``plots.KINDS``; ``start`` and ``length`` in the unit of the whole."""

    kind: str
    start: float
    length: float
    title: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True)
class BarRow:
    """``cells`` stand right of the stripes: the value, the share, whatever the headings say."""

    label: str
    stripes: tuple[Stripe, ...]
    cells: tuple[str, ...]
    href: str = ""
    note: str = ""  # a quiet word under the label


@dataclass(frozen=True, slots=True)
class _Drawn:
    kind: str
    x: str
    width: str
    title: str
    href: str

    @property
    def fill(self) -> str:
        return f"url(#{self.kind})"


@dataclass(frozen=True, slots=True)
class DrawnRow:
    row: BarRow
    stripes: tuple[_Drawn, ...]


@dataclass(frozen=True, slots=True)
class Bars:
    """A table with a drawing in it; so it needs no other table beside it."""

    headings: tuple[str | Promise, ...]
    rows: tuple[DrawnRow, ...]


def bars(rows: Sequence[BarRow], headings: Sequence[str | Promise], *, whole: float | None = None) -> Bars:
    """``headings`` name the rows and then the cells. Stripes are as long as their part of ``whole``, by default the
    furthest end of any; a length above nothing stays visible.
    """
    ends = (stripe.start + stripe.length for row in rows for stripe in row.stripes)
    whole = whole or max(ends, default=0.0) or 1.0

    def drawn(stripe: Stripe) -> _Drawn:
        width = max(100 * stripe.length / whole, 0.4) if stripe.length else 0.0
        return _Drawn(stripe.kind, percent(100 * stripe.start / whole), percent(width), stripe.title, stripe.href)

    return Bars(tuple(headings), tuple(DrawnRow(row, tuple(map(drawn, row.stripes))) for row in rows))

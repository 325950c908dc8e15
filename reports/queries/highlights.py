"""What stands out, by rule: the change that is more than chance, the agent that fell most surely. Never a cause.

Mail and overview open with the same sentence.
"""

from collections.abc import Callable, Iterable, Mapping
from math import sqrt

from django.utils.translation import gettext as _

from portal.formats import figures
from reports.definitions.metrics import Metric
from reports.queries.answer import Cell, Row

SURE = 1.96  # standard errors: one in twenty such changes would be chance
ENOUGH = 30  # calls, on both sides, before a share is compared
NOTEWORTHY = 10.0  # percent, for counts, which have no base to tell chance by


def standard_errors(cell: Cell) -> float:
    """How many standard errors a share moved between its two bases; 0 where either is too small to say."""
    base_before = cell.previous_n or 0
    if cell.value is None or cell.previous is None or not cell.n or min(cell.n, base_before) < ENOUGH:
        return 0.0
    now, before = cell.value / 100, cell.previous / 100
    pooled = (now * cell.n + before * base_before) / (cell.n + base_before)
    spread = sqrt(pooled * (1 - pooled) * (1 / cell.n + 1 / base_before))
    return (now - before) / spread if spread else 0.0


def stands_out(cell: Cell, metric: Metric) -> bool:
    """Whether a change is news, by the rule of its unit: a share by more than chance, anything else by ten percent,
    each from enough on both sides. Only such a change has a colour.
    """
    if cell.moved is None:
        return False
    if metric.unit == "percent":
        return abs(standard_errors(cell)) >= SURE
    bases = cell.n or 0, cell.previous_n or 0
    enough = sum(bases) >= 2 * ENOUGH if metric.unit == "count" else min(bases) >= ENOUGH
    return enough and abs(cell.moved) >= NOTEWORTHY


def tone(cell: Cell, metric: Metric) -> str:
    """``better`` or ``worse`` where the metric has a better side and its change is news; else empty."""
    if not metric.better or not stands_out(cell, metric):
        return ""
    return "better" if (metric.better == "up") == ((cell.change or 0) > 0) else "worse"


def rate_moved(row: Row) -> float:
    """Standard errors by which a row's connect rate moved."""
    return standard_errors(row.cells["connect_rate"])


def weakest(agents: Iterable[Row]) -> Row | None:
    """The agent whose connect rate fell most surely."""
    falling = [row for row in agents if rate_moved(row) <= -SURE]
    return min(falling, key=rate_moved, default=None)


def highlight(
    totals: Mapping[str, Cell], agents: Iterable[Row], *, streak: str = "", name: Callable[[str], str] = str
) -> str:
    """One sentence in the active language. ``totals`` have attempts and connect_rate, ``agents`` the latter; ``streak``
    is a part that only the caller knows, ``name`` makes an agent's name fit to stand in the sentence.
    """
    attempts = totals["attempts"]
    if attempts.value is None:
        return _("Nothing of this period was read from the vendor yet.")
    if not attempts.value:
        return _("There were no calls.")
    parts = [part for part in (_rate(totals["connect_rate"]), _agent(weakest(agents), name), streak) if part]
    if not parts and attempts.previous is None:
        return _("There is nothing known before to compare with.")
    if not parts:
        parts = [_count(attempts) or _("no figure moved by more than chance would explain")]
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _percent(value: float | None) -> str:
    return figures.value(value, "percent")


def _rate(rate: Cell) -> str:
    if abs(standard_errors(rate)) < SURE:
        return ""
    values = {
        "now": _percent(rate.value),
        "change": figures.decimal(abs(rate.change or 0), 1),
        "n": figures.decimal(rate.n or 0),
    }
    if (rate.change or 0) > 0:
        return _("the connect rate rose %(change)s pp to %(now)s (n = %(n)s)") % values
    return _("the connect rate fell %(change)s pp to %(now)s (n = %(n)s)") % values


def _agent(row: Row | None, name: Callable[[str], str]) -> str:
    if row is None:
        return ""
    rate = row.cells["connect_rate"]
    return _("%(agent)s fell most, from %(before)s to %(now)s (n = %(n)s)") % {
        "agent": name(row.labels[0]),
        "before": _percent(rate.previous),
        "now": _percent(rate.value),
        "n": figures.decimal(rate.n or 0),
    }


def _count(cell: Cell) -> str:
    if cell.change is None or abs(cell.change) < NOTEWORTHY or (cell.value or 0) + (cell.previous or 0) < 2 * ENOUGH:
        return ""
    values = {
        "change": figures.decimal(abs(cell.change), 1),
        "now": figures.decimal(cell.value or 0),
        "before": figures.decimal(cell.previous or 0),
    }
    if cell.change > 0:
        return _("%(change)s %% more calls than before: %(now)s after %(before)s") % values
    return _("%(change)s %% fewer calls than before: %(now)s after %(before)s") % values

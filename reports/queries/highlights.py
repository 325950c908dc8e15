"""What stands out, by rule: changes that are more than chance, best and worst, those that weigh most first. Never a
cause.

Mail and overview open with the same sentences. A change weighs as many calls as it makes a difference of.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import sqrt
from statistics import NormalDist

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.formats import figures
from reports.definitions.metrics import Metric
from reports.definitions.periods import DAY, Period, month_first, month_number
from reports.queries.answer import Answer, Cell, Row

CHANCE = 0.05  # one in twenty such changes, among all that are looked at together, would be chance
ENOUGH = 30  # calls, on both sides, before a share is compared
NOTEWORTHY = 10.0  # percent, for counts, which have no base to tell chance by
STREAK, STREAK_OVER = 3, 6  # periods in a row worth telling, and how many are looked at


@dataclass(frozen=True, slots=True)
class Streak:
    length: int
    rising: bool


def standard_errors(cell: Cell) -> float:
    """How many standard errors a share moved between its two bases; 0 where either is too small to say."""
    base_before = cell.previous_n or 0
    if cell.value is None or cell.previous is None or not cell.n or min(cell.n, base_before) < ENOUGH:
        return 0.0
    now, before = cell.value / 100, cell.previous / 100
    pooled = (now * cell.n + before * base_before) / (cell.n + base_before)
    spread = sqrt(pooled * (1 - pooled) * (1 / cell.n + 1 / base_before))
    return (now - before) / spread if spread else 0.0


@lru_cache
def sure(looked_at: int = 1) -> float:
    """The standard errors from which on a change is more than chance; the more are looked at, the more it takes."""
    return NormalDist().inv_cdf(1 - CHANCE / 2 / max(1, looked_at))


def stands_out(cell: Cell, metric: Metric) -> bool:
    """Whether a change is news, by the rule of its unit: a share by more than chance, a count by that and ten
    percent, anything else by ten percent, each from enough on both sides. Only such a change has a colour.
    """
    if cell.moved is None:
        return False
    if metric.unit == "percent":
        return abs(standard_errors(cell)) >= sure()
    bases = cell.n or 0, cell.previous_n or 0
    if metric.unit == "count":  # of which chance makes the square root of what there was
        now, before = cell.value or 0, cell.previous or 0
        told = sum(bases) >= 2 * ENOUGH and abs(now - before) >= sure() * sqrt(now + before)
    else:
        told = min(bases) >= ENOUGH
    return told and abs(cell.moved) >= NOTEWORTHY


def tone(cell: Cell, metric: Metric) -> str:
    """``better`` or ``worse`` where the metric has a better side and its change is news; else empty."""
    if not metric.better or not stands_out(cell, metric):
        return ""
    return "better" if (metric.better == "up") == ((cell.change or 0) > 0) else "worse"


def worth(rate: Cell) -> float | None:
    """How many calls the move of a share makes: its change times the calls it rests on. So a point of many calls stands
    before ten points of a few. None where it rests on too few on either side.
    """
    return None if rate.moved is None else rate.moved / 100 * (rate.n or 0)


def worth_of(row: Row) -> float:
    """Of a row's connect rate; 0 where it says nothing."""
    return worth(row.cells["connect_rate"]) or 0.0


def standing_out(agents: Iterable[Row]) -> tuple[Row | None, Row | None]:
    """The agents whose connect rate surely fell, and surely rose, by the most calls."""
    compared = [(row, standard_errors(row.cells["connect_rate"])) for row in agents]
    compared = [(row, errors) for row, errors in compared if errors]
    least = sure(len(compared))
    falling = [row for row, errors in compared if errors <= -least]
    rising = [row for row, errors in compared if errors >= least]
    return min(falling, key=worth_of, default=None), max(rising, key=worth_of, default=None)


def highlights(
    totals: Mapping[str, Cell],
    agents: Sequence[Row],
    *,
    streak: str = "",
    name: Callable[[str], str] = str,
    whole: bool = True,
) -> tuple[str, ...]:
    """Sentences in the active language. ``totals`` have attempts and connect_rate, ``agents`` these two as well;
    ``streak`` is a sentence of :func:`streak_of`, ``name`` makes an agent's name fit to stand in one. Counts of a
    period that is not ``whole`` are compared with nothing.
    """
    attempts, rate = totals["attempts"], totals["connect_rate"]
    if attempts.value is None:
        return (_("Nothing of this period was read from the vendor yet."),)
    if not attempts.value:
        return (_("There were no calls."),)
    found = [(abs(worth(rate) or 0), _rate(rate))]
    if whole:
        found.append((abs(attempts.value - (attempts.previous or 0)), _count(attempts)))
    if sum(1 for row in agents if row.cells["attempts"].value) > 1:  # of one alone the rate of all tells
        fallen, risen = standing_out(agents)
        found += [(abs(worth_of(row)), _agent(row, name)) for row in (fallen, risen) if row is not None]
    told = [text for _weight, text in sorted(found, key=lambda each: -each[0]) if text]
    told += [streak] if streak else []
    if told:
        return tuple(told)
    if attempts.previous is None:
        return (_("There is nothing known before to compare with."),)
    if not whole:
        return (
            _("The connect rate did not move by more than chance would explain."),
            _("Whether there were more or fewer calls than before cannot be told yet: data are missing."),
        )
    return (_("No figure moved by more than chance would explain."),)


def streak_over(period: Period) -> tuple[Period, str] | None:
    """The periods, this one last, among which a streak is looked for, and their grain: of a day, a week from its Monday
    and a whole month. Others have none.
    """
    if period.days == 1:
        return Period(period.end - STREAK_OVER * DAY, period.end, period.zone), "day"
    if period.days == 7 and period.start.weekday() == 0:
        return Period(period.end - 7 * STREAK_OVER * DAY, period.end, period.zone), "week"
    if period.start.day == 1 and period.end == month_first(month_number(period.start) + 1):
        first = month_first(month_number(period.start) - (STREAK_OVER - 1))
        return Period(first, period.end, period.zone), "month"
    return None


def streak(rows: Sequence[Row]) -> Streak | None:
    """How many periods in a row the connect rate has risen, or fallen, up to and including the last."""
    rates = [row.cells["connect_rate"] for row in rows]
    values = [None if cell.value is None or (cell.n or 0) < ENOUGH else cell.value for cell in rates]
    length, rising = 0, False
    for now, before in zip(values[:0:-1], values[-2::-1], strict=True):
        if now is None or before is None or now == before or (length and (now > before) != rising):
            break
        length, rising = length + 1, now > before
    return Streak(length, rising) if length >= STREAK else None


def streak_of(trend: Answer) -> str:
    """The streak of an answer by day, week or month as a sentence; empty without one, and while its last row runs."""
    run = None if not trend.rows or trend.rows[-1].unfinished else streak(trend.rows)
    if run is None:
        return ""
    text = {
        ("day", True): _("The connect rate rose %(count)s days in a row."),
        ("day", False): _("The connect rate fell %(count)s days in a row."),
        ("week", True): _("The connect rate rose %(count)s weeks in a row."),
        ("week", False): _("The connect rate fell %(count)s weeks in a row."),
        ("month", True): _("The connect rate rose %(count)s months in a row."),
        ("month", False): _("The connect rate fell %(count)s months in a row."),
    }[trend.question.by[0], run.rising]
    return text % {"count": run.length}


def _percent(value: float | None) -> str:
    return figures.value(value, "percent")


def _rate(rate: Cell) -> str:
    if abs(standard_errors(rate)) < sure():
        return ""
    values = {
        "now": _percent(rate.value),
        "change": figures.decimal(abs(rate.change or 0), 1),
        "n": figures.decimal(rate.n or 0),
    }
    if (rate.change or 0) > 0:
        return _("The connect rate rose %(change)s pp to %(now)s (n = %(n)s).") % values
    return _("The connect rate fell %(change)s pp to %(now)s (n = %(n)s).") % values


def _agent(row: Row, name: Callable[[str], str]) -> str:
    rate, calls = row.cells["connect_rate"], worth_of(row)
    size = int(figures.rounded(abs(calls))) or 1
    if calls < 0:
        text = ngettext(
            "Largest fall: %(agent)s, from %(before)s to %(now)s connected (n = %(n)s), about %(calls)s call fewer.",
            "Largest fall: %(agent)s, from %(before)s to %(now)s connected (n = %(n)s), about %(calls)s calls fewer.",
            size,
        )
    else:
        text = ngettext(
            "Largest rise: %(agent)s, from %(before)s to %(now)s connected (n = %(n)s), about %(calls)s call more.",
            "Largest rise: %(agent)s, from %(before)s to %(now)s connected (n = %(n)s), about %(calls)s calls more.",
            size,
        )
    return text % {
        "agent": name(row.labels[0]),
        "before": _percent(rate.previous),
        "now": _percent(rate.value),
        "n": figures.decimal(rate.n or 0),
        "calls": figures.decimal(size),
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
        return _("%(change)s %% more calls than before: %(now)s after %(before)s.") % values
    return _("%(change)s %% fewer calls than before: %(now)s after %(before)s.") % values

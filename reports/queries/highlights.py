"""What stands out, by rule: significant changes, best and worst, those that weigh most first. Never a cause.

Mail and overview open with the same sentences. They say nothing of figures that they did not look at. A change weighs
as many calls as it makes a difference of.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.formats import figures
from reports.definitions.metrics import METRICS
from reports.definitions.periods import DAY, Period, month_first, month_number
from reports.queries.answer import Answer, Cell, Row
from reports.queries.significance import ENOUGH, adds_up, standard_errors, sure

# What page and mail look at. Of more figures together, chance alone would make one significant too often.
LOOKED_AT = (
    "attempts",
    "connect_rate",
    "average_duration",
    "talk_minutes",
    "unique_contacts",
    "callbacks_received",
)
STREAK, STREAK_OVER = 3, 6  # periods in a row worth telling, and how many are looked at


@dataclass(frozen=True, slots=True)
class Streak:
    length: int
    rising: bool


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
    errors = {row.key: standard_errors(row.cells["connect_rate"]) for row in agents}
    least = sure(sum(1 for each in errors.values() if each))
    moved = [row for row in agents if row.cells["connect_rate"].significant and abs(errors[row.key]) >= least]
    falling, rising = ([row for row in moved if (errors[row.key] > 0) == up] for up in (False, True))
    return min(falling, key=worth_of, default=None), max(rising, key=worth_of, default=None)


def highlights(
    totals: Mapping[str, Cell],
    agents: Sequence[Row],
    *,
    streak: str = "",
    name: Callable[[str], str] = str,
    whole: bool = True,
) -> tuple[str, ...]:
    """Sentences in the active language. ``totals`` are the figures to look at, with attempts and connect_rate, the
    ``agents`` have these two as well; ``streak`` is a sentence of :func:`streak_of`, ``name`` makes an agent's name fit
    to stand in one. Sums of a period that is not ``whole`` are compared with nothing.
    """
    attempts = totals["attempts"]
    if attempts.value is None:
        return (_("Nothing of this period was read from the vendor yet."),)
    if not attempts.value:
        return (_("There were no calls."),)
    # Of one agent alone the rate of all tells.
    several = agents if sum(1 for row in agents if row.cells["attempts"].value) > 1 else ()
    told = [*_significant(totals, several, name), *filter(None, (streak,))]
    if told:
        return tuple(told)
    if attempts.previous is None:
        return (_("There is nothing known before to compare with."),)
    told = _nothing_significant(totals, several, whole)
    if not whole:
        told.append(_("Whether there were more or fewer calls than before cannot be told yet: data are missing."))
    return tuple(told)


def _significant(totals: Mapping[str, Cell], agents: Sequence[Row], name: Callable[[str], str]) -> list[str]:
    """What moved, what weighs most first; figures that have no sentence of their own last."""
    attempts, rate = totals["attempts"], totals["connect_rate"]
    found = [
        (abs(worth(rate) or 0), _rate(rate)),
        (abs((attempts.value or 0) - (attempts.previous or 0)), _count(attempts)),
        *((abs(worth_of(row)), _agent(row, name)) for row in standing_out(agents) if row is not None),
    ]
    told = [text for _weight, text in sorted(found, key=lambda each: -each[0]) if text]
    others = [
        f"{METRICS[key].label} {arrow_of(cell)}{figures.SPACE}{figures.change(cell.change or 0, METRICS[key].unit)}"
        for key, cell in totals.items()
        if cell.significant and key not in ("attempts", "connect_rate")
    ]
    if others and told:
        told.append(_("Also changed significantly: %(figures)s.") % {"figures": "; ".join(others)})
    elif others:
        told.append(_("Changed significantly: %(figures)s.") % {"figures": "; ".join(others)})
    return told


def _nothing_significant(totals: Mapping[str, Cell], agents: Sequence[Row], whole: bool) -> list[str]:
    compared = [
        str(METRICS[key].label)
        for key, cell in totals.items()
        if cell.moved is not None and (whole or not adds_up(METRICS[key]))
    ]
    if not compared:
        return [_("There are too few calls to compare with the period before.")]
    text = ngettext(
        "The one figure compared here did not change significantly: %(names)s.",
        "None of the %(count)s figures compared here changed significantly: %(names)s.",
        len(compared),
    )
    told = [text % {"count": len(compared), "names": "; ".join(compared)}]
    rated = sum(1 for row in agents if standard_errors(row.cells["connect_rate"]))
    if rated > 1:
        text = _("Nor did the connect rate of any of the %(count)s agents compared.")
        told.append(text % {"count": figures.decimal(rated)})
    return told


def arrow_of(cell: Cell) -> str:
    return "▲" if (cell.change or 0) > 0 else "▼"


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
    """How many periods in a row the connect rate has risen, or fallen, up to and including the last, and surely so."""
    rates = [row.cells["connect_rate"] for row in rows]
    values = [None if cell.value is None or (cell.n or 0) < ENOUGH else cell.value for cell in rates]
    length, rising = 0, False
    for now, before in zip(values[:0:-1], values[-2::-1], strict=True):
        if now is None or before is None or now == before or (length and (now > before) != rising):
            break
        length, rising = length + 1, now > before
    if length < STREAK or not _is_far(rates[-1 - length], rates[-1]):
        return None
    return Streak(length, rising)


def _is_far(first: Cell, last: Cell) -> bool:
    """Whether a rate moved by more than chance over the whole of a streak; as many of them are looked at."""
    over_all = replace(last, previous=first.value, previous_n=first.n)
    return abs(standard_errors(over_all)) >= sure(STREAK_OVER)


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
    if not rate.significant:
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
    if not cell.significant:
        return ""
    values = {
        "change": figures.decimal(abs(cell.change or 0), 1),
        "now": figures.decimal(cell.value or 0),
        "before": figures.decimal(cell.previous or 0),
    }
    if (cell.change or 0) > 0:
        return _("%(change)s %% more calls than before: %(now)s after %(before)s.") % values
    return _("%(change)s %% fewer calls than before: %(now)s after %(before)s.") % values

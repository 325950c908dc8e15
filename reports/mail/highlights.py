"""What stands out, by rule: the largest change that is more than chance, the weakest agent, a streak. Never a cause."""

from dataclasses import dataclass
from math import sqrt

from django.utils.translation import gettext as _

from reports.mail.due import Kind
from reports.mail.facts import Facts
from reports.mail.words import amount, label, number
from reports.queries.answer import Cell, Row

SURE = 1.96  # standard errors: one in twenty such changes would be chance
ENOUGH = 30  # calls, on both sides, before a share is compared
NOTEWORTHY = 10.0  # percent, for counts, which have no base to tell chance by
STREAK = 3


@dataclass(frozen=True, slots=True)
class Streak:
    length: int
    rising: bool


def standard_errors(cell: Cell, base_before: int) -> float:
    """How many standard errors a share moved between two bases; 0 where either is too small to say."""
    if cell.value is None or cell.previous is None or not cell.n or min(cell.n, base_before) < ENOUGH:
        return 0.0
    now, before = cell.value / 100, cell.previous / 100
    pooled = (now * cell.n + before * base_before) / (cell.n + base_before)
    spread = sqrt(pooled * (1 - pooled) * (1 / cell.n + 1 / base_before))
    return (now - before) / spread if spread else 0.0


def moved(row: Row) -> float:
    """Standard errors by which a row's connect rate moved. The base before is near enough the attempts before."""
    return standard_errors(row.cells["connect_rate"], int(row.cells["attempts"].previous or 0))


def streak(facts: Facts) -> Streak | None:
    """How many periods in a row the connect rate has risen, or fallen, up to and including this one."""
    rates = [row.cells["connect_rate"] for row in facts.trend.rows]
    values = [None if cell.value is None or (cell.n or 0) < ENOUGH else cell.value for cell in rates]
    length, rising = 0, False
    for now, before in zip(values[:0:-1], values[-2::-1], strict=True):
        if now is None or before is None or now == before or (length and (now > before) != rising):
            break
        length, rising = length + 1, now > before
    return Streak(length, rising) if length >= STREAK else None


def weakest(facts: Facts) -> Row | None:
    """The agent whose connect rate fell most surely."""
    falling = [row for row in facts.agents.rows if moved(row) <= -SURE]
    return min(falling, key=moved, default=None)


def sentence(facts: Facts) -> str:
    """One sentence in the active language."""
    totals = facts.figures.totals
    if not totals["attempts"].value:
        return _("There were no calls.")
    parts = [part for part in (_rate(facts), _agent(facts), _streak(facts)) if part]
    if not parts:
        parts = [_count(facts) or _("no figure moved by more than chance would explain")]
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _rate(facts: Facts) -> str:
    rate, attempts = facts.figures.totals["connect_rate"], facts.figures.totals["attempts"]
    if abs(standard_errors(rate, int(attempts.previous or 0))) < SURE:
        return ""
    values = {
        "now": amount(rate.value, "percent"),
        "change": number(abs(rate.change or 0), 1),
        "n": number(rate.n or 0),
    }
    if (rate.change or 0) > 0:
        return _("the connect rate rose %(change)s pp to %(now)s (n = %(n)s)") % values
    return _("the connect rate fell %(change)s pp to %(now)s (n = %(n)s)") % values


def _agent(facts: Facts) -> str:
    row = weakest(facts)
    if row is None:
        return ""
    rate = row.cells["connect_rate"]
    return _("%(agent)s fell most, from %(before)s to %(now)s (n = %(n)s)") % {
        "agent": label(row.labels[0]),
        "before": amount(rate.previous, "percent"),
        "now": amount(rate.value, "percent"),
        "n": number(rate.n or 0),
    }


def _streak(facts: Facts) -> str:
    found = streak(facts)
    if found is None:
        return ""
    text = {
        (Kind.DAILY, True): _("the connect rate rose %(count)s days in a row"),
        (Kind.DAILY, False): _("the connect rate fell %(count)s days in a row"),
        (Kind.WEEKLY, True): _("the connect rate rose %(count)s weeks in a row"),
        (Kind.WEEKLY, False): _("the connect rate fell %(count)s weeks in a row"),
        (Kind.MONTHLY, True): _("the connect rate rose %(count)s months in a row"),
        (Kind.MONTHLY, False): _("the connect rate fell %(count)s months in a row"),
    }[facts.kind, found.rising]
    return text % {"count": found.length}


def _count(facts: Facts) -> str:
    cell = facts.figures.totals["attempts"]
    if cell.change is None or abs(cell.change) < NOTEWORTHY or (cell.value or 0) + (cell.previous or 0) < 2 * ENOUGH:
        return ""
    values = {
        "change": number(abs(cell.change), 1),
        "now": number(cell.value or 0),
        "before": number(cell.previous or 0),
    }
    if cell.change > 0:
        return _("%(change)s %% more calls than before: %(now)s after %(before)s") % values
    return _("%(change)s %% fewer calls than before: %(now)s after %(before)s") % values

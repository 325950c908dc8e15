"""The sentence a mail begins with: what stands out by the rules of the overview, and a streak of periods."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from portal.formats import figures
from reports.mail.due import Kind
from reports.mail.facts import Facts
from reports.mail.words import label
from reports.queries.highlights import ENOUGH, highlight

STREAK = 3


@dataclass(frozen=True, slots=True)
class Streak:
    length: int
    rising: bool


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


def sentence(facts: Facts) -> str:
    """One sentence in the active language."""
    text = highlight(facts.figures.totals, facts.agents.rows, streak=_streak(facts), name=label)
    return text.replace(figures.SPACE, " ")


def _streak(facts: Facts) -> str:
    run = streak(facts)
    if run is None:
        return ""
    text = {
        (Kind.DAILY, True): _("the connect rate rose %(count)s days in a row"),
        (Kind.DAILY, False): _("the connect rate fell %(count)s days in a row"),
        (Kind.WEEKLY, True): _("the connect rate rose %(count)s weeks in a row"),
        (Kind.WEEKLY, False): _("the connect rate fell %(count)s weeks in a row"),
        (Kind.MONTHLY, True): _("the connect rate rose %(count)s months in a row"),
        (Kind.MONTHLY, False): _("the connect rate fell %(count)s months in a row"),
    }[facts.kind, run.rising]
    return text % {"count": run.length}

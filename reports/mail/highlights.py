"""The sentences a mail begins with: what stands out by the rules of the overview."""

from portal.formats import figures
from reports.mail.facts import Facts
from reports.mail.words import label
from reports.queries.highlights import highlights, streak_of


def sentences(facts: Facts) -> tuple[str, ...]:
    """In the active language, what weighs most first."""
    told = highlights(
        facts.figures.totals,
        facts.agents.rows,
        streak=streak_of(facts.trend),
        name=label,
        whole=facts.figures.completeness.complete and facts.figures.previous_complete,
    )
    return tuple(text.replace(figures.SPACE, " ") for text in told)

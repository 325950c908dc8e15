"""The sentences a mail begins with: what stands out by the rules of the overview."""

from reports.mail import words
from reports.mail.facts import Facts
from reports.queries.highlights import LOOKED_AT, highlights, streak_of


def sentences(facts: Facts) -> tuple[str, ...]:
    """In the active language, what weighs most first; without a comparison what the figures say by themselves."""
    totals = facts.figures.totals
    if not facts.compares and totals["attempts"].value:
        return (f"{words.answer(totals)}.",)
    told = highlights(
        {key: totals[key] for key in LOOKED_AT},
        facts.agents.rows,
        streak=streak_of(facts.trend) if facts.trend else "",
        name=words.label,
        whole=facts.figures.completeness.complete and facts.figures.previous_complete,
    )
    return tuple(map(words.bound, told))

"""In words: who was missed and still waits, and why the vendor's count of callbacks and ours differ."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.formats import figures
from reports.queries.callbacks.story import CallbackBreakdown

_MOST_DAYS = 5


@dataclass(frozen=True, slots=True)
class Line:
    """What became of some calls to callback agents. ``total`` sets it off from the lines above."""

    label: str
    n: int
    total: bool = False


def waiting(missed: int, still: int) -> str:
    """How many contacts were missed, and how many of them still wait; "" where nobody was missed."""
    if not missed:
        return ""
    text = ngettext(
        "%(n)s contact called in this period and was not answered.",
        "%(n)s contacts called in this period and were not answered.",
        missed,
    ) % {"n": _n(missed)}
    since = missed - still
    if not still:
        rest = ngettext("A call has connected since.", "With each of them a call has connected since.", missed)
    elif since > 0:
        rest = ngettext(
            "With %(closed)s a call has connected since; %(n)s is still waiting.",
            "With %(closed)s a call has connected since; %(n)s are still waiting.",
            still,
        ) % {"closed": _n(since), "n": _n(still)}
    else:
        rest = ngettext("It is still waiting.", "All of them are still waiting.", still)
    return f"{text} {rest}"


def lines(story: CallbackBreakdown) -> tuple[Line, ...]:
    """Every call to a callback agent once, then the vendor's totals."""
    parts = [
        Line(_("Callbacks found: the first call back after an attempt"), story.returns),
        Line(_("Rang again, with no new attempt in between"), story.again),
        Line(_("Later than %(hours)s hours after the attempt") % {"hours": story.hours}, story.late),
        Line(_unknown(), story.unknown),
        Line(_("Number withheld"), story.withheld),
    ]
    shown = [parts[0], *(line for line in parts[1:] if line.n)]
    shown.append(Line(_("Calls to callback agents"), story.calls, total=True))
    if story.vendor_totals is not None:
        shown.append(
            Line(_("Callbacks received, as the vendor counts them"), story.vendor_totals["received"], total=True)
        )
        shown.append(Line(_("of them unmatched, as the vendor counts them"), story.vendor_totals["unmatched"]))
    return tuple(shown)


def _unknown() -> str:
    return _("No source agent had called them before")


def sentences(story: CallbackBreakdown, zone: str) -> tuple[str, ...]:
    """The difference between the two counts, cause by cause; what is zero is not mentioned."""
    return (*_sentences(story, zone), *([story.lacking] if story.lacking else ()))


def _sentences(story: CallbackBreakdown, zone: str) -> Iterator[str]:
    if story.vendor_totals is None:
        yield _(
            "The vendor told no totals that could stand beside these calls: it counts whole environments, by UTC day."
        )
        return
    theirs = story.vendor_totals["received"]
    if theirs == story.returns:
        yield _("The vendor counted as many callbacks as were found among the calls: %(n)s.") % {"n": _n(theirs)}
    else:
        yield _(
            "The vendor counted %(theirs)s callbacks, every call to a callback agent; %(ours)s of the calls answer an "
            "attempt."
        ) % {"theirs": _n(theirs), "ours": _n(story.returns)}
    if story.again:
        yield ngettext(
            "%(n)s call rang again after a callback, with no new attempt in between: that is no second return.",
            "%(n)s calls rang again after a callback, with no new attempt in between: those are no second returns.",
            story.again,
        ) % {"n": _n(story.again)}
    if story.late:
        yield ngettext(
            "%(n)s call came later than %(hours)s hours after the attempt, the window set for this tenant.",
            "%(n)s calls came later than %(hours)s hours after the attempt, the window set for this tenant.",
            story.late,
        ) % {"n": _n(story.late), "hours": story.hours}
    if story.unknown:
        yield ngettext(
            "%(n)s call is of a contact that no source agent had called, as far back as the mirror goes.",
            "%(n)s calls are of contacts that no source agent had called, as far back as the mirror goes.",
            story.unknown,
        ) % {"n": _n(story.unknown)}
    if story.withheld:
        yield ngettext("%(n)s call came without a number.", "%(n)s calls came without a number.", story.withheld) % {
            "n": _n(story.withheld)
        }
    yield from _days(story, zone)


def _days(story: CallbackBreakdown, zone: str) -> Iterator[str]:
    rest = story.vendor_totals["received"] - story.calls if story.vendor_totals is not None else 0
    if rest and zone != "UTC":
        yield ngettext(
            "%(n)s call makes the rest: the vendor counts UTC days, and as of its last reading; here a day is one of "
            "%(zone)s.",
            "%(n)s calls make the rest: the vendor counts UTC days, and as of its last reading; here a day is one of "
            "%(zone)s.",
            abs(rest),
        ) % {"n": _n(abs(rest)), "zone": figures.zone_name(zone)}
    elif rest:
        yield ngettext(
            "%(n)s call makes the rest: the vendor's totals are as of their last reading.",
            "%(n)s calls make the rest: the vendor's totals are as of their last reading.",
            abs(rest),
        ) % {"n": _n(abs(rest))}
    if story.days_without_totals:
        named = ", ".join(figures.weekday(day) for day in _some(story.days_without_totals))
        more = len(story.days_without_totals) - _MOST_DAYS
        if more > 0:
            named = _("%(days)s and %(n)s more") % {"days": named, "n": _n(more)}
        yield _("The vendor's total is missing for %(days)s.") % {"days": named}


def _some(days: list[date]) -> list[date]:
    return sorted(days)[:_MOST_DAYS]


def _n(number: int) -> str:
    return figures.decimal(number)

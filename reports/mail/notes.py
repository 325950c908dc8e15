"""The sentences around the tables: how complete the data are, what is late, what the figures cover. Pure."""

from dataclasses import replace

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from reports.definitions.metrics import METRICS
from reports.definitions.periods import previous
from reports.mail import words
from reports.mail.facts import SHORT_CALLS, SHORT_TALKS, Facts, Setting
from reports.queries.answer import Answer, Completeness
from reports.queries.callbacks import words as callback_words
from reports.queries.completeness.lacks import lacks, said
from reports.queries.completeness.words import calls_mirrored
from reports.queries.left_out import left_out_lines
from reports.queries.question import Filters

MOST_GAPS = 5


def short_calls(facts: Facts, setting: Setting) -> tuple[str, ...]:
    """Their share among all that are over, beside the tenant's limits if it has any, and among the connected ones."""
    three, six = (facts.figures.totals[key] for key in SHORT_CALLS)
    if three.value is None or six.value is None:
        return (_("There are no ended calls to tell short ones by."),)
    lines = [
        _("%(three)s lasted at most 3 s, %(six)s at most 6 s (n = %(n)s).")
        % {
            "three": words.amount(three.value, "percent"),
            "six": words.amount(six.value, "percent"),
            "n": words.number(three.n or 0),
        }
    ]
    for cell, seconds, limit in zip((three, six), (3, 6), setting.short_limits, strict=True):
        if limit is not None:
            text = _("Above the limit for calls of up to %(s)s s, %(share)s.")
            if (cell.value or 0) <= limit:
                text = _("Within the limit for calls of up to %(s)s s, %(share)s.")
            lines.append(text % {"s": seconds, "share": words.amount(limit, "percent")})
    talks, talks_6 = (facts.figures.totals[key] for key in SHORT_TALKS)
    if talks.value is not None and talks_6.value is not None:
        lines.append(
            _("Of the connected calls alone: %(three)s and %(six)s (n = %(n)s).")
            % {
                "three": words.amount(talks.value, "percent"),
                "six": words.amount(talks_6.value, "percent"),
                "n": words.number(talks.n or 0),
            }
        )
    return tuple(map(words.bound, lines))


def waiting(facts: Facts) -> tuple[str, ...]:
    """Who was missed and still waits, as a count; nothing where nobody can tell."""
    still = facts.figures.totals["still_open"].value
    missed = facts.loop.missed if facts.loop else None
    if still is None or missed is None:
        return ()
    return (callback_words.waiting(missed, int(still)) or _("Nobody was missed."),)


def callbacks(facts: Facts) -> tuple[str, ...]:
    """Why the callbacks found are not as many as the vendor counts, where they differ."""
    if facts.loop is None:
        return ()
    return callback_words.sentences(facts.loop.breakdown, facts.period.zone)


def corrections(facts: Facts) -> tuple[str, ...]:
    """What of the period reported last reads otherwise today."""
    correction = facts.correction
    if correction is None:
        return (_("No report of a period before was sent that this one could correct."),)
    lines = []
    for key, cell in correction.now.items():
        unit = METRICS[key].unit
        told, stands = words.amount(correction.reported.told.get(key), unit), words.figure(cell, METRICS[key])
        if key in correction.reported.told and not cell.small and told != stands:
            lines.append(
                _("%(figure)s: %(told)s → %(now)s") % {"figure": METRICS[key].label, "told": told, "now": stands}
            )
    days = words.span(correction.reported.period)
    if not lines:
        return (_("The main figures of %(days)s stand as they were reported.") % {"days": days},)
    return (_("Of %(days)s, reported last, these read otherwise today.") % {"days": days}, *lines)


def problems(facts: Facts) -> tuple[str, ...]:
    """What is known to be wrong with the data behind the mail."""
    figures, lines = facts.figures, list(gaps(facts.figures))
    standing = figures.completeness
    if standing.quarantined:
        lines.append(f"{calls_mirrored(standing)}.")
    if figures.previous_period is not None and not figures.previous_complete:
        lines.append(
            _("%(days)s was not read whole: changes are against what is known of it.")
            % {"days": words.span(figures.previous_period)}
        )
    if facts.usual is not None and not facts.usual.completeness.complete:
        lines.append(_("Of the time before that not all was read, so there is no mean."))
    if facts.loop is not None and facts.loop.breakdown.lacking:
        lines.append(facts.loop.breakdown.lacking)
    lines += [f"{line}." for line in left_out_lines(figures)]
    return tuple(lines) or (_("None known."),)


def data(facts: Facts) -> str:
    """How complete the figures are, in one line."""
    corrections = ""
    if facts.corrections:
        text = ngettext("%(count)s correction to %(days)s", "%(count)s corrections to %(days)s", facts.corrections)
        before = words.span(previous(facts.period))
        corrections = text % {"count": words.number(facts.corrections), "days": before}
    return standing(facts.figures.completeness, facts.period.zone, corrections)


def standing(completeness: Completeness, zone: str, corrections: str = "") -> str:
    """Of one answer."""
    as_of = _("No data were read yet")
    if completeness.as_of:
        as_of = _("Data as of %(moment)s") % {"moment": words.moment(completeness.as_of, zone)}
    return f"{', '.join(filter(None, (as_of, calls_mirrored(completeness), corrections)))}."


def warning(setting: Setting) -> str:
    if setting.complete:
        return ""
    return _("These figures are not complete: part of the period could not be read from the vendor yet.")


def gaps(answer: Answer) -> tuple[str, ...]:
    named = (replace(gap, environment_name=words.label(gap.environment_name)) for gap in answer.completeness.gaps)
    lines = [said(lack, lambda at: words.moment(at, answer.period.zone)) for lack in lacks(named)]
    return (*lines[:MOST_GAPS], *(["…"] if len(lines) > MOST_GAPS else []))


def lateness(setting: Setting, zone: str) -> str:
    if not setting.late:
        return ""
    return _("This report comes late: it was due on %(moment)s.") % {"moment": words.moment(setting.due_at, zone)}


def limits(setting: Setting) -> tuple[str, ...]:
    """What the figures cover and leave out."""
    testing = {
        "exclude": _("test calls left out"),
        "include": _("test calls counted"),
        "only": _("test calls only"),
    }[setting.filters.testing]
    return (*reach(setting), testing, *_chosen(setting.filters))


def reach(setting: Setting) -> tuple[str, ...]:
    """What of the company a reader sees in it."""
    lines = [
        _("Environments: %(names)s") % {"names": ", ".join(words.label(name) for name in setting.environments) or "–"}
    ]
    if setting.agent_count is not None:
        lines.append(
            ngettext("%(count)s agent only", "%(count)s agents only", setting.agent_count)
            % {"count": setting.agent_count}
        )
    else:
        lines.append(_("all agents"))
    return tuple(lines)


def _chosen(filters: Filters) -> list[str]:
    chosen = []
    if filters.direction:
        chosen.append({"inbound": _("inbound calls only"), "outbound": _("outbound calls only")}[filters.direction])
    if filters.statuses:
        chosen.append(_("status: %(names)s") % {"names": ", ".join(words.label(status) for status in filters.statuses)})
    if filters.min_duration is not None:
        chosen.append(_("at least %(length)s") % {"length": words.amount(filters.min_duration, "seconds")})
    if filters.max_duration is not None:
        chosen.append(_("at most %(length)s") % {"length": words.amount(filters.max_duration, "seconds")})
    if filters.number:
        chosen.append(_("one number or part of one"))
    return chosen

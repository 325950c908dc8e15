"""The sentences around the tables: how complete the data are, what is late, what the figures cover. Pure."""

from dataclasses import replace

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from reports.mail import words
from reports.mail.due import Kind
from reports.mail.facts import SHORT_CALLS, SHORT_TALKS, Facts, Setting
from reports.queries.answer import Answer
from reports.queries.completeness.lacks import lacks, said
from reports.queries.completeness.words import calls_mirrored
from reports.queries.left_out import left_out_lines
from reports.queries.question import Filters

MOST_GAPS = 5


def short_calls(facts: Facts) -> str:
    three, six = (facts.figures.totals[key] for key in SHORT_CALLS)
    if three.value is None or six.value is None:
        return _("Short calls: no ended calls to tell them by.")
    sentence = _("Short calls: %(three)s lasted at most 3 s, %(six)s at most 6 s (n = %(n)s).") % {
        "three": words.amount(three.value, "percent"),
        "six": words.amount(six.value, "percent"),
        "n": words.number(three.n or 0),
    }
    talks, talks_6 = (facts.figures.totals[key] for key in SHORT_TALKS)
    if talks.value is None or talks_6.value is None:
        return sentence
    return f"{sentence} " + _("Of the connected calls alone: %(three)s and %(six)s (n = %(n)s).") % {
        "three": words.amount(talks.value, "percent"),
        "six": words.amount(talks_6.value, "percent"),
        "n": words.number(talks.n or 0),
    }


def data(facts: Facts) -> str:
    """How complete the figures are, in one line."""
    completeness = facts.figures.completeness
    parts = []
    if completeness.as_of:
        parts.append(_("Data as of %(moment)s") % {"moment": words.moment(completeness.as_of, facts.period.zone)})
    else:
        parts.append(_("No data were read yet"))
    parts.append(calls_mirrored(completeness))
    corrections = facts.corrections
    if corrections:
        text = {
            Kind.DAILY: ngettext(
                "%(count)s correction to the day a week before",
                "%(count)s corrections to the day a week before",
                corrections,
            ),
            Kind.WEEKLY: ngettext(
                "%(count)s correction to the week before", "%(count)s corrections to the week before", corrections
            ),
            Kind.MONTHLY: ngettext(
                "%(count)s correction to the month before", "%(count)s corrections to the month before", corrections
            ),
        }[facts.kind]
        parts.append(text % {"count": words.number(corrections)})
    return f"{', '.join(parts)}."


def warning(setting: Setting) -> str:
    if setting.complete:
        return ""
    return _("These figures are not complete: part of the period could not be read from the vendor yet.")


def gaps(answer: Answer) -> tuple[str, ...]:
    named = (replace(gap, environment_name=words.label(gap.environment_name)) for gap in answer.completeness.gaps)
    lines = [said(lack, lambda at: words.moment(at, answer.period.zone)) for lack in lacks(named)]
    return (*lines[:MOST_GAPS], *(["…"] if len(lines) > MOST_GAPS else []))


def late(setting: Setting, facts: Facts) -> str:
    if not setting.late:
        return ""
    return _("This report comes late: it was due on %(moment)s.") % {
        "moment": words.moment(setting.due_at, facts.period.zone)
    }


def limits(setting: Setting, facts: Facts) -> tuple[str, ...]:
    """What the figures cover and leave out."""
    testing = {
        "exclude": _("test calls left out"),
        "include": _("test calls counted"),
        "only": _("test calls only"),
    }[setting.filters.testing]
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
    lines.append(testing)
    return (*lines, *_chosen(setting.filters), *left_out_lines(facts.figures))


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

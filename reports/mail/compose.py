"""From facts to the lines of a mail, in the active language. Pure: the same facts give the same mail.

The parts are plain text in the order they are read; the templates only lay them out, once as HTML and once as text.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from django.utils.dates import WEEKDAYS_ABBR
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.outbox.text import one_line
from reports.definitions.metrics import METRICS
from reports.mail import notes, words
from reports.mail.facts import HEADLINES, SHORT_CALLS, Facts, Setting
from reports.mail.highlights import sentence
from reports.mail.sections import LONGEST_SUBJECT, chosen
from reports.queries.answer import Row
from reports.queries.callbacks.story import Source
from reports.queries.highlights import rate_moved

AGENTS_SHOWN = 12
SHADES = 5  # of the hour × weekday strip


@dataclass(frozen=True, slots=True)
class Headline:
    label: str
    now: str
    change: str
    tone: str
    before: str
    usual: str


@dataclass(frozen=True, slots=True)
class DayLine:
    label: str
    attempts: str
    rate: str
    callbacks: str
    share: int  # of the busiest day, in percent
    current: bool
    ends_part: bool  # the period's first day, with days before it below


@dataclass(frozen=True, slots=True)
class Shade:
    count: str
    level: int


@dataclass(frozen=True, slots=True)
class HourLine:
    label: str
    shades: tuple[Shade, ...]


@dataclass(frozen=True, slots=True)
class AgentLine:
    name: str
    attempts: str
    rate: str
    small: bool  # the rate is a sentence, not a number
    change: str
    tone: str
    duration: str


@dataclass(frozen=True, slots=True)
class SourceLine:
    """Callbacks found, by the agent that had called, and how long the contacts took."""

    name: str
    callbacks: str
    median: str


@dataclass(frozen=True, slots=True)
class Mail:
    subject: str
    title: str
    dates: str
    note: str
    highlight: str
    sections: tuple[str, ...]
    columns: tuple[str, str, str]
    headlines: tuple[Headline, ...]
    days: tuple[DayLine, ...]
    weekdays: tuple[str, ...]
    hours: tuple[HourLine, ...]
    agents: tuple[AgentLine, ...]
    agents_left_out: str
    sources: tuple[SourceLine, ...]
    short_calls: str
    complete: bool
    data: str
    warning: str
    gaps: tuple[str, ...]
    late: str
    limits: tuple[str, ...]
    definitions: tuple[tuple[str, str], ...]
    setting: Setting


def compose(facts: Facts, setting: Setting) -> Mail:
    agents = _agents(facts)
    weekdays, hours = _hours(facts)
    setting = replace(setting, tenant=words.label(setting.tenant), name=words.label(setting.name))
    return Mail(
        subject=_subject(facts, setting),
        title=words.title(facts.kind, facts.period),
        dates=words.span(facts.period),
        note=words.note(setting.note),
        highlight=sentence(facts),
        sections=chosen(setting.sections),
        columns=words.columns(facts.kind),
        headlines=tuple(_headline(facts, key) for key in HEADLINES),
        days=_days(facts),
        weekdays=weekdays,
        hours=hours,
        agents=tuple(_agent(row) for row in agents[:AGENTS_SHOWN]),
        agents_left_out=_left_out(len(agents) - AGENTS_SHOWN),
        sources=tuple(_source(source) for source in facts.sources[:AGENTS_SHOWN]),
        short_calls=notes.short_calls(facts),
        complete=setting.complete,
        data=notes.data(facts),
        warning=notes.warning(setting),
        gaps=() if setting.complete else notes.gaps(facts.figures),
        late=notes.late(setting, facts),
        limits=notes.limits(setting, facts),
        definitions=tuple(
            (str(METRICS[key].label), str(METRICS[key].definition)) for key in (*HEADLINES, SHORT_CALLS[0])
        ),
        setting=setting,
    )


def _subject(facts: Facts, setting: Setting) -> str:
    own = one_line(setting.subject, limit=LONGEST_SUBJECT)
    parts = [own or setting.tenant, words.title(facts.kind, facts.period)]
    if not own:
        parts.append(_answer(facts))
    if not setting.complete:
        parts.append(_("incomplete"))
    return " · ".join(parts)


def _answer(facts: Facts) -> str:
    totals = facts.figures.totals
    rate = totals["connect_rate"]
    attempts = round(totals["attempts"].value or 0)
    answer = words.calls(attempts) if attempts else _("no calls")
    if totals["attempts"].value is None:
        answer = _("nothing read yet")
    if rate.value is not None and not rate.small:
        change = "" if rate.moved is None else words.change(rate, METRICS["connect_rate"])
        answer += ", " + _("%(rate)s connected") % {"rate": words.amount(rate.value, "percent")}
        answer += f" ({change})" if change else ""
    return answer


def _headline(facts: Facts, key: str) -> Headline:
    metric, cell, usual = METRICS[key], facts.figures.totals[key], facts.usual.totals[key].value
    # What is open by now of weeks long past is nothing usual, and a mean over days that are not all there is none.
    if key == "still_open" or not facts.usual.completeness.complete:
        usual = None
    if usual is not None and metric.unit == "count":  # a rate or a mean is over all calls of the time already
        usual /= facts.usual_count
    return Headline(
        label=str(metric.label),
        now=words.figure(cell, metric),
        change=words.change(cell, metric),
        tone=words.tone(cell, metric),
        before=words.figure_before(cell, metric),
        usual=words.amount(usual, metric.unit),
    )


def _days(facts: Facts) -> tuple[DayLine, ...]:
    rows = facts.days.rows
    most = max((row.cells["attempts"].value or 0 for row in rows), default=0) or 1
    lines = []
    for row in rows:
        day = date.fromisoformat(row.key[0] or "")
        cells = row.cells
        lines.append(
            DayLine(
                label=words.day(day, "WEEKDAY_DAY_FORMAT"),
                attempts=words.amount(cells["attempts"].value, "count"),
                rate=words.amount(cells["connect_rate"].value, "percent"),
                callbacks=words.amount(cells["callbacks_received"].value, "count"),
                share=round(100 * (cells["attempts"].value or 0) / most),
                current=day >= facts.period.start,
                ends_part=day == facts.period.start and len(rows) > facts.period.days,
            )
        )
    return tuple(reversed(lines))


def _hours(facts: Facts) -> tuple[tuple[str, ...], tuple[HourLine, ...]]:
    """A line for each hour from the first with calls to the last, a column for each weekday of the period."""
    counts = {(row.key[0], row.key[1]): row.cells["attempts"].value or 0 for row in facts.hours.rows}
    busy = sorted(int(hour or 0) for (_day, hour), count in counts.items() if count)
    if not busy:
        return (), ()
    weekdays = sorted({int(day or 0) for day, _hour in counts})
    most = max(counts.values())
    lines = []
    for hour in range(busy[0], busy[-1] + 1):
        row = [counts.get((str(day), str(hour)), 0) for day in weekdays]
        lines.append(HourLine(f"{hour:02}", tuple(_shade(count, most) for count in row)))
    return tuple(str(WEEKDAYS_ABBR[day - 1]) for day in weekdays), tuple(lines)


def _shade(count: float, most: float) -> Shade:
    level = 0 if not count else min(SHADES, 1 + int(SHADES * count / most))
    return Shade(words.number(count) if count else "·", level)


def _agents(facts: Facts) -> Sequence[Row]:
    """Those with calls now or before: the surest fall first, then by calls."""
    rows = [row for row in facts.agents.rows if row.cells["attempts"].value or row.cells["attempts"].previous]
    return sorted(rows, key=lambda row: (round(rate_moved(row), 6), -(row.cells["attempts"].value or 0)))


def _agent(row: Row) -> AgentLine:
    rate = row.cells["connect_rate"]
    metric = METRICS["connect_rate"]
    return AgentLine(
        name=words.label(row.labels[0]),
        attempts=words.amount(row.cells["attempts"].value, "count"),
        rate=words.figure(rate, metric),
        small=rate.small,
        change=words.change(rate, metric),
        tone=words.tone(rate, metric),
        duration=words.amount(row.cells["average_duration"].value, "seconds"),
    )


def _source(source: Source) -> SourceLine:
    return SourceLine(
        name=words.label(source.name) or _("other agents"),
        callbacks=words.number(source.returns),
        median=words.wait(source.median / 1000),
    )


def _left_out(count: int) -> str:
    if count <= 0:
        return ""
    return ngettext("And %(count)s more agent.", "And %(count)s more agents.", count) % {"count": words.number(count)}

"""From facts to the lines of a mail, in the active language. Pure: the same facts give the same mail.

The parts are plain text in the order they are read; the templates only lay them out as HTML, and
:mod:`reports.mail.plain` as text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from urllib.parse import urlencode

from django.utils.dates import WEEKDAYS_ABBR
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from portal.formats import figures
from portal.outbox.text import one_line
from reports.definitions.filters import write_filters
from reports.definitions.labels import CAMPAIGN_STATE_LABELS
from reports.definitions.metrics import METRICS
from reports.definitions.periods import Period, previous
from reports.mail import notes, words
from reports.mail.due import baseline
from reports.mail.facts import DEFINED, HEADLINES, Facts, Setting
from reports.mail.highlights import sentences
from reports.mail.sections import ALONE, CROWDED_LABELS, HEADS, LABELS, LONGEST_SUBJECT, chosen
from reports.queries.answer import Row
from reports.queries.before import since_known
from reports.queries.callbacks.story import Source
from reports.queries.campaigns.progress import Progress
from reports.queries.highlights import worth

SHOWN = 12  # agents, source agents, campaigns
SHADES = 5  # of the hour × weekday strip
CROWDED = 5  # signs of a count of it
IN_THOUSANDS = 10_000  # from so many calls in an hour on: seven longer counts do not fit a telephone
LONG = 9  # signs of a main figure, of which three do not fit a telephone beside its name


@dataclass(frozen=True, slots=True)
class Headline:
    label: str
    now: str
    change: str
    tone: str
    before: str
    usual: str


@dataclass(frozen=True, slots=True)
class Column:
    """What the figures below it are of, and the days of that where its name does not say them."""

    name: str
    days: str = ""


@dataclass(frozen=True, slots=True)
class DayLine:
    label: str
    attempts: str
    rate: str
    callbacks: str
    said: tuple[str, str]  # calls and callbacks in words
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

    @property
    def is_crowded(self) -> bool:
        """Whether a phone is too narrow for seven such counts in letters of the usual size."""
        return any(len(shade.count) > CROWDED for shade in self.shades)


@dataclass(frozen=True, slots=True)
class AgentLine:
    name: str
    attempts: str
    rate: str
    small: bool  # the rate is a sentence, not a number
    change: str
    tone: str
    duration: str
    said: str  # calls in words


@dataclass(frozen=True, slots=True)
class CampaignLine:
    """``calls`` are those of the period, ``total`` and ``rate`` the vendor's since it began."""

    name: str
    calls: str
    total: str
    rate: str


@dataclass(frozen=True, slots=True)
class SourceLine:
    """Callbacks found, by the agent that had called, and how long the contacts took."""

    name: str
    callbacks: str
    median: str
    said: str


@dataclass(frozen=True, slots=True)
class Mail:
    subject: str
    title: str
    note: str
    highlights: tuple[str, ...]
    sections: tuple[str, ...]
    labels: Mapping[str, str]  # of the sections
    heads: Mapping[str, tuple[str, ...]]  # of the columns of their tables
    compares: bool  # whether anything is told of the time before
    columns: tuple[Column, ...]
    headlines: tuple[Headline, ...]
    days: tuple[DayLine, ...]
    weekdays: tuple[str, ...]
    hours: tuple[HourLine, ...]
    agents: tuple[AgentLine, ...]
    campaigns: tuple[CampaignLine, ...]
    sources: tuple[SourceLine, ...]
    left_out: Mapping[str, str]  # by section, how many lines more there are
    lines: Mapping[str, tuple[str, ...]]  # by section, what it says in sentences
    links: Mapping[str, tuple[str, str]]  # by section, the words and the address of a page; for who can sign in
    data: str
    warning: str
    gaps: tuple[str, ...]
    late: str
    limits: tuple[str, ...]
    definitions: tuple[tuple[str, str], ...]
    setting: Setting

    @property
    def is_crowded(self) -> bool:
        """Whether a phone is too narrow for the names of the main figures and the figures in one line."""
        return any(len(text) > LONG for line in self.headlines for text in (line.now, line.before, line.usual))


def compose(facts: Facts, setting: Setting) -> Mail:
    agents, sections = _agents(facts), chosen(setting.sections)
    weekdays, hours = _hours(facts)
    quiet = _quiet(facts)
    setting = replace(setting, tenant=words.label(setting.tenant), name=words.label(setting.name))
    return Mail(
        subject=_subject(facts, setting),
        title=words.heading(facts.kind, facts.period),
        note=words.note(setting.note),
        highlights=sentences(facts),
        sections=sections,
        labels=_labels(facts, sections),
        compares=facts.compares,
        heads={key: tuple(map(str, HEADS[key])) for key in sections if key in HEADS},
        columns=_columns(facts),
        headlines=tuple(_headline(facts, key) for key in HEADLINES),
        days=_days(facts, quiet),
        weekdays=weekdays,
        hours=hours,
        agents=tuple(_agent(row, whole=words.is_whole(facts.agents)) for row in agents[:SHOWN]),
        campaigns=tuple(_campaign(each) for each in facts.campaigns[:SHOWN]),
        sources=tuple(_source(source) for source in facts.sources[:SHOWN]),
        left_out={
            "agents": _more_agents(len(agents) - SHOWN),
            "callbacks": _more_agents(len(facts.sources) - SHOWN),
            "campaigns": _more_campaigns(len(facts.campaigns) - SHOWN),
        },
        lines={
            "days": tuple(_("%(days)s: no calls, no callbacks.") % {"days": words.span(each)} for each in quiet),
            "callbacks": notes.callbacks(facts),
            "waiting": notes.waiting(facts),
            "short_calls": notes.short_calls(facts, setting),
            "corrections": notes.corrections(facts),
            "problems": notes.problems(facts),
        },
        links=_links(facts, setting),
        data=notes.data(facts),
        warning=notes.warning(setting),
        gaps=() if setting.complete else notes.gaps(facts.figures),
        late=notes.lateness(setting, facts.period.zone),
        limits=notes.limits(setting),
        definitions=tuple(
            (str(METRICS[key].label), str(METRICS[key].definition))
            for section in sections
            for key in DEFINED.get(section, ())
        ),
        setting=setting,
    )


def _subject(facts: Facts, setting: Setting) -> str:
    own = one_line(setting.subject, limit=LONGEST_SUBJECT)
    parts = [own or setting.tenant, words.title(facts.kind, facts.period)]
    if not own:
        parts.append(words.answer(facts.figures.totals))
    if not setting.complete:
        parts.append(_("incomplete"))
    return " · ".join(parts).replace(figures.SPACE, " ")


def _labels(facts: Facts, sections: tuple[str, ...]) -> dict[str, str]:
    labels = LABELS if facts.compares else {**LABELS, **ALONE}
    if max(_calls_by_hour(facts).values(), default=0) >= IN_THOUSANDS:
        labels = {**labels, **CROWDED_LABELS}
    return {key: str(labels[key]) for key in sections}


def _columns(facts: Facts) -> tuple[Column, ...]:
    if not facts.compares:
        return (Column(words.span(facts.period)),)
    before, usual = previous(facts.period), baseline(facts.kind, facts.period)[0]
    mean_days = words.dates(figures.short_days(usual.start, usual.last_day))
    return (
        Column(words.dates(words.span(facts.period))),
        Column(words.dates(words.span(before))),
        Column(words.mean_of(facts.kind), mean_days),
    )


def _headline(facts: Facts, key: str) -> Headline:
    metric, cell, usual = METRICS[key], facts.figures.totals[key], None
    whole = words.is_whole(facts.figures)
    # What is open by now of weeks long past is nothing usual, and a mean over days that are not all there is none.
    if facts.usual is not None and key != "still_open" and facts.usual.completeness.complete:
        usual = facts.usual.totals[key].value
    mean = words.amount(usual, metric.unit)
    if usual is not None and metric.unit == "count":  # a rate or a mean is over all calls of the time already
        mean = words.number(usual / facts.usual_count)
    return Headline(
        label=str(metric.label),
        now=words.figure(cell, metric),
        change=words.change(cell, metric, whole=whole),
        tone=words.tone(cell, metric, whole=whole),
        before=words.figure_before(cell, metric),
        usual=mean,
    )


def _quiet(facts: Facts) -> tuple[Period, ...]:
    """The period, and the days shown before it, as far as it is known that nobody called: a line says so, and not a
    row for each day. The later first."""
    shown, period = facts.days.period, facts.period
    if not facts.days.completeness.complete:
        return ()
    parts = [period] + [Period(shown.start, period.start, period.zone)] * (shown.start < period.start)
    cells = {date.fromisoformat(row.key[0] or ""): row.cells for row in facts.days.rows}
    nothing = {day for day, own in cells.items() if own["attempts"].value == 0 and own["callbacks_received"].value == 0}
    return tuple(part for part in parts if part.days > 1 and nothing.issuperset(part))


def _days(facts: Facts, quiet: Sequence[Period]) -> tuple[DayLine, ...]:
    left_out = {day for part in quiet for day in part}
    rows = facts.days.rows
    attempts = [row.cells["attempts"].value for row in rows]
    known = since_known(attempts, whole=facts.days.completeness.complete)
    most = max((calls or 0 for calls in attempts), default=0) or 1
    lines = []
    for row, calls in zip(rows, known, strict=True):
        day = date.fromisoformat(row.key[0] or "")
        if day in left_out:
            continue
        callbacks = row.cells["callbacks_received"].value
        if calls is None:  # before the mirror begins
            callbacks = callbacks or None
        lines.append(
            DayLine(
                label=figures.weekday(day),
                attempts=words.amount(calls, "count"),
                rate=words.amount(None if calls is None else row.cells["connect_rate"].value, "percent"),
                callbacks=words.amount(callbacks, "count"),
                said=(
                    figures.NO_BASE if calls is None else words.calls(round(calls)),
                    "" if callbacks is None else words.callbacks(round(callbacks)),
                ),
                share=round(100 * (calls or 0) / most),
                current=day >= facts.period.start,
                ends_part=day == facts.period.start and len(rows) - len(left_out) > facts.period.days,
            )
        )
    return tuple(reversed(lines))


def _hours(facts: Facts) -> tuple[tuple[str, ...], tuple[HourLine, ...]]:
    """A line for each hour from the first with calls to the last, a column for each weekday of the period."""
    counts = _calls_by_hour(facts)
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


def _calls_by_hour(facts: Facts) -> dict[tuple[str | None, str | None], float]:
    return {(row.key[0], row.key[1]): row.cells["attempts"].value or 0 for row in facts.hours.rows}


def _shade(count: float, most: float) -> Shade:
    level = 0 if not count else min(SHADES, 1 + int(SHADES * count / most))
    text = words.number(count / 1000, 1) if most >= IN_THOUSANDS else words.number(count)
    return Shade(text if count else "·", level)


def _agents(facts: Facts) -> list[Row]:
    """Those with calls now or before: who lost the most connected calls by a fall of the rate first, who cannot be
    compared last, then by calls."""
    rows = [row for row in facts.agents.rows if row.cells["attempts"].value or row.cells["attempts"].previous]

    def place(row: Row) -> tuple[bool, float, float]:
        calls = worth(row.cells["connect_rate"])
        return calls is None, round(calls or 0, 6), -(row.cells["attempts"].value or 0)

    return sorted(rows, key=place)


def _agent(row: Row, *, whole: bool) -> AgentLine:
    rate, calls = row.cells["connect_rate"], row.cells["attempts"].value
    metric = METRICS["connect_rate"]
    return AgentLine(
        name=words.label(row.labels[0]),
        attempts=words.amount(calls, "count"),
        rate=words.figure(rate, metric),
        small=rate.small,
        change=words.change(rate, metric),
        tone=words.tone(rate, metric, whole=whole),
        duration=words.amount(row.cells["average_duration"].value, "seconds"),
        said=words.calls(round(calls or 0)),
    )


def _campaign(progress: Progress) -> CampaignLine:
    row, totals = progress.history.row, progress.totals
    name = words.label(row.name)
    if row.status != "active":
        name = f"{name} ({CAMPAIGN_STATE_LABELS[row.status]})"
    return CampaignLine(
        name=name,
        calls=words.amount(progress.calls, "count"),
        total=words.amount(totals.total if totals else None, "count"),
        rate=words.amount(totals.rate if totals else None, "percent"),
    )


def _source(source: Source) -> SourceLine:
    return SourceLine(
        name=words.label(source.name) or _("other agents"),
        callbacks=words.number(source.returns),
        median=figures.wait(source.median / 1000),
        said=words.callbacks(source.returns),
    )


def _links(facts: Facts, setting: Setting) -> dict[str, tuple[str, str]]:
    """Pages with the period and the filters of the mail; a number that it is about stands in no address."""
    if not setting.manage_url:
        return {}
    chosen = {name: value for name, value in write_filters(setting.filters).items() if not name.startswith("number")}
    days = {"date_from": facts.period.start.isoformat(), "date_to": facts.period.last_day.isoformat()}
    whole, homes = ({**days, **params} for params in (chosen, _only(chosen, "environment", "agent")))
    return {
        "overview": (_("These days in the portal"), f"{setting.portal_url}?{urlencode(whole, safe=',')}"),
        "waiting": (
            pgettext("contacts", "Who they are, and since when"),
            f"{setting.portal_url}callbacks/?{urlencode(homes, safe=',')}#open",
        ),
    }


def _only(params: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: params[name] for name in names if name in params}


def _more_agents(count: int) -> str:
    if count <= 0:
        return ""
    return ngettext("And %(count)s more agent.", "And %(count)s more agents.", count) % {"count": words.number(count)}


def _more_campaigns(count: int) -> str:
    if count <= 0:
        return ""
    text = ngettext("And %(count)s more campaign.", "And %(count)s more campaigns.", count)
    return text % {"count": words.number(count)}

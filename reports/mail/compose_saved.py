"""From answers of saved reports to the lines of a mail, in the active language. Pure, as :mod:`reports.mail.compose`.

Each answer is told by its figures, and by tables of its rows where it has any: a few figures to a table, so that it
fits a telephone, and so many rows as the mail has room for.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.formats import figures
from portal.outbox.text import one_line
from reports.definitions.dimensions import DIMENSIONS
from reports.definitions.metrics import Metric
from reports.mail import notes, words
from reports.mail.answers import SavedFacts, SheetFacts
from reports.mail.facts import Setting
from reports.mail.sections import LONGEST_SUBJECT
from reports.queries.answer import Answer, Cell, Row
from reports.queries.highlights import LOOKED_AT, highlights
from reports.queries.left_out import left_out_lines
from reports.queries.question import write_question

ACROSS = 3  # figures side by side
ROOM = (40, 20, 10, 5, 2, 0)  # rows of a table, tried until a mail is small enough
SAID = 3  # figures of the opening sentence


@dataclass(frozen=True, slots=True)
class Told:
    """A figure in words; ``label`` names it."""

    label: str
    now: str
    change: str
    tone: str
    before: str
    small: bool


@dataclass(frozen=True, slots=True)
class SheetLine:
    label: str
    figures: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class SheetTable:
    """Some of the figures of all the rows that are shown."""

    heads: tuple[str, ...]
    lines: tuple[SheetLine, ...]


@dataclass(frozen=True, slots=True)
class SheetTold:
    """``columns`` name the days of the figures and of what they are compared with; ``lines`` are the rows as text needs
    them, with all their figures; ``more`` says how many there is no room for."""

    title: str
    refused: str
    only: str
    data: str
    columns: tuple[str, ...]
    figures: tuple[Told, ...]
    by: str
    tables: tuple[SheetTable, ...]
    lines: tuple[SheetLine, ...]
    more: str
    link: tuple[str, str]
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SavedMail:
    subject: str
    title: str
    note: str
    highlights: tuple[str, ...]
    sheets: tuple[SheetTold, ...]
    links: Mapping[str, tuple[str, str]]
    data: str
    warning: str
    gaps: tuple[str, ...]
    late: str
    limits: tuple[str, ...]
    definitions: tuple[tuple[str, str], ...]
    setting: Setting
    sections: tuple[str, ...] = ("sheets",)


def compose_saved(facts: SavedFacts, setting: Setting, *, room: int = ROOM[0]) -> SavedMail:
    """``room`` is how many rows of a table are shown at most."""
    setting = replace(setting, tenant=words.label(setting.tenant), name=words.label(setting.name))
    stands = {notes.standing(answer.completeness, facts.period.zone) for answer in facts.answers}
    metrics = {metric.key: metric for answer in facts.answers for metric in answer.columns}
    gaps = [] if setting.complete else [gap for answer in facts.answers for gap in notes.gaps(answer)]
    return SavedMail(
        subject=_subject(facts, setting),
        title=f"{words.label(facts.title)}: {words.heading(facts.kind, facts.period)}",
        note=words.note(setting.note),
        highlights=tuple(map(words.bound, _highlights(facts))),
        sheets=tuple(_sheet(sheet, setting, room=room, alone=len(stands) == 1) for sheet in facts.sheets),
        links={},
        data=stands.pop() if len(stands) == 1 else "",
        warning=notes.warning(setting),
        gaps=tuple(dict.fromkeys(gaps)),
        late=notes.lateness(setting, facts.period.zone),
        limits=notes.reach(setting),
        definitions=tuple((str(metric.label), str(metric.definition)) for metric in metrics.values()),
        setting=setting,
    )


def saved_blocks(mail: SavedMail) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Heading and lines of each answer, for the text of the mail."""
    for sheet in mail.sheets:
        yield sheet.title, tuple(_text(sheet))


def _text(sheet: SheetTold) -> Iterator[str]:
    yield from filter(None, (sheet.refused, sheet.only, sheet.data))
    for told in sheet.figures:
        before = f" · {sheet.columns[1]}: {told.before}" if len(sheet.columns) > 1 else ""
        yield f"{told.label}: {_moved(told)}{before}"
    for line in sheet.lines:
        yield f"{line.label}: {' · '.join(f'{told.label} {_moved(told)}' for told in line.figures)}"
    yield from filter(None, (sheet.more, *sheet.remarks))
    if sheet.link[1]:
        yield f"{sheet.link[0]}: {sheet.link[1]}"


def _moved(told: Told) -> str:
    return f"{told.now} ({told.change})" if told.change else told.now


def _subject(facts: SavedFacts, setting: Setting) -> str:
    own = one_line(setting.subject, limit=LONGEST_SUBJECT)
    parts = [own] if own else [setting.tenant, words.label(facts.title)]
    parts.append(words.title(facts.kind, facts.period))
    if not own and len(facts.sheets) == 1:
        parts += [_said(answer, metrics=1) for answer in facts.answers]
    if not setting.complete:
        parts.append(_("incomplete"))
    return " · ".join(parts).replace(figures.SPACE, " ")


def _said(answer: Answer, *, metrics: int = SAID) -> str:
    """``Attempts 1,211, Connect rate 43.1 %``."""
    return ", ".join(
        f"{metric.label} {words.figure(answer.totals[metric.key], metric)}" for metric in answer.columns[:metrics]
    )


def _highlights(facts: SavedFacts) -> tuple[str, ...]:
    """By the rules of the overview, of the first answer that they apply to; else what the first one says."""
    for answer in facts.answers:
        if answer.previous_period is not None and {"attempts", "connect_rate"} <= answer.totals.keys():
            rows = answer.rows if answer.question.by == ("agent",) else ()
            whole = answer.completeness.complete and answer.previous_complete
            first = dict.fromkeys(("attempts", "connect_rate", *answer.totals))
            totals = {key: answer.totals[key] for key in list(first)[: len(LOOKED_AT)]}
            return highlights(totals, rows, name=words.label, whole=whole)
    return tuple(f"{_said(answer)}." for answer in facts.answers[:1])


def _sheet(sheet: SheetFacts, setting: Setting, *, room: int, alone: bool) -> SheetTold:
    answer = sheet.answer
    title = words.label(sheet.title)
    if answer is None:
        return SheetTold(title, sheet.refused, "", "", (), (), "", (), (), "", ("", ""), ())
    question, shown, whole = answer.question, answer.rows[:room], words.is_whole(answer)
    lines = tuple(
        SheetLine(
            " · ".join(map(words.label, row.labels)) + (f" ({_('not over yet')})" if row.unfinished else ""),
            tuple(_told(row.cells[metric.key], metric, sheet.currency, whole=whole) for metric in answer.columns),
        )
        for row in shown
    )
    return SheetTold(
        title=title,
        refused="",
        only=" · ".join(f"{label}: {text}" for label, text in sheet.only),
        data="" if alone else notes.standing(answer.completeness, answer.period.zone),
        columns=_columns(answer),
        figures=tuple(
            _told(answer.totals[metric.key], metric, sheet.currency, whole=whole) for metric in answer.columns
        ),
        by=" · ".join(capfirst(str(DIMENSIONS[key].label)) for key in question.by),
        tables=tuple(_tables(answer.columns, lines)),
        lines=lines,
        more=_more(answer.rows, room),
        link=_link(answer, setting),
        remarks=tuple(f"{line}." for line in left_out_lines(answer)),
    )


def _columns(answer: Answer) -> tuple[str, ...]:
    now, before = answer.period, answer.previous_period
    if before is None:
        return (words.span(now),)
    if before.start.year == now.start.year:
        return (words.span(now), words.span(before))
    return (words.span(now), figures.days(before.start, before.last_day))


def _tables(columns: Sequence[Metric], lines: Sequence[SheetLine]) -> Iterator[SheetTable]:
    if not lines:
        return
    for first in range(0, len(columns), ACROSS):
        places = range(first, min(first + ACROSS, len(columns)))
        yield SheetTable(
            tuple(str(columns[place].label) for place in places),
            tuple(SheetLine(line.label, tuple(line.figures[place] for place in places)) for line in lines),
        )


def _told(cell: Cell, metric: Metric, currency: str, *, whole: bool) -> Told:
    return Told(
        label=str(metric.label),
        now=_("n too small") if cell.small else figures.value(cell.value, metric.unit, currency=currency),
        change=words.change(cell, metric, whole=whole),
        tone=words.tone(cell, metric, whole=whole),
        before=_("n too small")
        if cell.previous_small
        else figures.value(cell.previous, metric.unit, currency=currency),
        small=cell.small,
    )


def _more(rows: Sequence[Row], room: int) -> str:
    left = len(rows) - room
    if left <= 0:
        return ""
    return ngettext("And %(count)s more row.", "And %(count)s more rows.", left) % {"count": words.number(left)}


def _link(answer: Answer, setting: Setting) -> tuple[str, str]:
    """The page with the whole answer; for who can sign in."""
    if not setting.manage_url:
        return ("", "")
    query = write_question(answer.question)
    return (_("All of it in the portal"), f"{setting.portal_url}reports/query/?{query}")

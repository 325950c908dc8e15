"""Two of the tables that may be exported: any list of calls, and the answer to any question. ``lists`` has the others.

Rows, their order, grouping and zone are those of page and API, because they come from the same queries.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from operator import itemgetter
from typing import Any
from urllib.parse import parse_qsl

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.formats import figures
from reports.definitions.dimensions import DIMENSIONS
from reports.definitions.filters import write_filters
from reports.definitions.labels import CALL_OUTCOME_LABELS, DIRECTION_LABELS, STATUS_LABELS
from reports.definitions.metrics import METRICS, Metric
from reports.files import words
from reports.files.charts import chart_of
from reports.files.table import Column, Definition, Facts, Kind, Row, Table
from reports.queries import answer as answers
from reports.queries.agents import agents, one_currency, what_tells_apart
from reports.queries.ask import ask
from reports.queries.calls import lists as calls
from reports.queries.calls.columns import COLUMNS, ends, in_order
from reports.queries.completeness.freshness import behind
from reports.queries.left_out import left_out_lines
from reports.queries.question import CallQuestion, Question, write_question
from reports.queries.scope import Scope
from reports.queries.titles import report_title

Spec = tuple[str, str | Promise, Kind, bool]  # key of a row, header, kind, whether it is printed
CALLS: tuple[Spec, ...] = (
    ("started_at", gettext_lazy("Started"), Kind.MOMENT, True),
    ("from_number", gettext_lazy("From"), Kind.TEXT, True),
    ("to_number", gettext_lazy("To"), Kind.TEXT, True),
    ("agent_name", gettext_lazy("Agent"), Kind.TEXT, True),
    ("environment_name", gettext_lazy("Environment"), Kind.TEXT, True),
    ("direction", gettext_lazy("Direction"), Kind.TEXT, True),
    ("status", gettext_lazy("Status"), Kind.TEXT, True),
    ("outcome", gettext_lazy("Outcome"), Kind.TEXT, False),
    ("duration", gettext_lazy("Duration (s)"), Kind.SECONDS, True),
    ("billed", gettext_lazy("Billed (s)"), Kind.SECONDS, False),
    ("hangup_cause", gettext_lazy("Cause of hang-up"), Kind.TEXT, True),
    ("hangup_source", gettext_lazy("Who hung up"), Kind.TEXT, False),
    ("answered_at", gettext_lazy("Answered"), Kind.MOMENT, False),
    ("ended_at", gettext_lazy("Ended"), Kind.MOMENT, False),
    ("is_test", gettext_lazy("Test call"), Kind.FLAG, False),
    ("changed_at", gettext_lazy("Changed here"), Kind.MOMENT, False),
    ("missing_since", gettext_lazy("Missing upstream since"), Kind.MOMENT, False),
    ("external_id", gettext_lazy("Vendor's id"), Kind.TEXT, False),
    ("id", gettext_lazy("Id"), Kind.TEXT, False),
    ("agent", gettext_lazy("Agent id"), Kind.TEXT, False),
    ("environment", gettext_lazy("Environment id"), Kind.TEXT, False),
    ("contact_id", gettext_lazy("Contact"), Kind.TEXT, False),
)
# What the API calls some keys of rows, and so every file for programs does
NAMES = {
    "from_number": "from",
    "to_number": "to",
    "billed": "billed_duration",
    "added": "added_calls",
    "is_test": "is_testing",
    "contact_id": "contact",
}
WORDS: dict[str, Mapping[str, Any]] = {
    "direction": DIRECTION_LABELS,
    "status": STATUS_LABELS,
    "outcome": CALL_OUTCOME_LABELS,
}
# Of each column that a reader may choose: the key of a row of calls, kind
_CHOSEN = {
    "agent": ("agent_name", Kind.TEXT),
    "environment": ("environment_name", Kind.TEXT),
    "direction": ("direction", Kind.TEXT),
    "status": ("status", Kind.TEXT),
    "outcome": ("outcome", Kind.TEXT),
    "duration": ("duration", Kind.SECONDS),
    "billed": ("billed", Kind.SECONDS),
    "line": ("line", Kind.TEXT),
    "cause": ("hangup_cause", Kind.TEXT),
    "id": ("external_id", Kind.TEXT),
}
_DATES = {"day": date.fromisoformat, "week": date.fromisoformat, "month": date.fromisoformat}
_IDS = ("agent", "source_agent", "environment")  # what has a name besides its key
_UNIT_KINDS = {
    "percent": Kind.PERCENT,
    "seconds": Kind.SECONDS,
    "minutes": Kind.MINUTES,
    "ms": Kind.MS,
    "money": Kind.MONEY,
}

# Of a figure, by its unit, as page and mail round it; in lists seconds have every digit there is.
PLACES = {"count": 2, "percent": 1, "seconds": 1, "minutes": 1, "ms": 0, "money": 2}
CHANGE_PLACES = 1


def columns_of(specs: Iterable[Spec], **labels: Mapping[str, Any]) -> tuple[Column, ...]:
    """The columns in the active language; ``labels`` are the words of some for a person, by their keys."""
    spoken = WORDS | labels
    return tuple(
        Column(
            NAMES.get(key, key), str(header), kind, printed, 1 if kind == Kind.PERCENT else None, spoken.get(key, {})
        )
        for key, header, kind, printed in specs
    )


def call_columns(chosen: Sequence[str] = ()) -> tuple[Column, ...]:
    """All of them; or time, the contact's number, and those of ``reports.queries.calls.columns`` that are chosen."""
    if not chosen:
        return columns_of(CALLS)
    columns = [Column("started_at", _("Time"), Kind.MOMENT), Column("number", _("Number"))]
    for word in in_order(chosen):
        key, kind = _CHOSEN[word]
        header = words.with_unit(str(COLUMNS[word]), "seconds" if kind == Kind.SECONDS else "")
        columns.append(Column(NAMES.get(key, key), header, kind, words=WORDS.get(key, {})))
    return tuple(columns)


def call_rows(
    question: CallQuestion, scope: Scope, *, ordering: str = "-started_at", columns: Sequence[str] = ()
) -> Iterator[Row]:
    """The calls in question, each as a row of :func:`call_columns`, in constant memory."""
    chosen = ("started_at", "number", *(_CHOSEN[word][0] for word in in_order(columns)))
    cells = itemgetter(*(chosen if columns else (key for key, *_rest in CALLS)))
    rows = apart(calls.stream(question, scope, ordering=ordering), scope)
    return map(cells, map(_with_ends, rows) if columns else rows)


def apart(rows: Iterable[Any], scope: Scope) -> Iterator[Any]:
    """The rows of a list, in which no two agents have one name."""
    after = {public_id: text for public_id, text in what_tells_apart(agents(scope)).items() if text}
    if not after:
        return iter(rows)
    keys = (("agent", "agent_name"), ("source", "source_name"))
    return (
        {**row, **{name: row[name] + after[row[key]] for key, name in keys if row.get(key) in after}} for row in rows
    )


class _WithEnds(calls.CallRow):
    number: str  # the contact's
    line: str


def _with_ends(row: calls.CallRow) -> _WithEnds:
    number, line = ends(row)
    return {**row, "number": number, "line": line}


def calls_table(
    question: CallQuestion,
    scope: Scope,
    *,
    prefix: str = "",
    ordering: str = "-started_at",
    columns: Sequence[str] = (),
    now: datetime | None = None,
) -> Table:
    """The list of calls. The wall of the scope's tenant must be open here, and while rows are taken."""
    now = now or timezone.now()
    completeness = behind(question, scope, now=now)
    zone = question.zone or scope.zone
    days = {"date_from": question.date_from, "date_to": question.date_to}
    params = {name: day.isoformat() for name, day in days.items() if day} | {"zone": zone}
    return Table(
        name=file_name(prefix, "calls", (question.date_from, question.date_to), complete=completeness.complete),
        columns=call_columns(columns),
        rows=call_rows(question, scope, ordering=ordering, columns=columns),
        expected=calls.calls(question, scope).order_by().count(),
        facts=Facts(
            title=_("Calls"),
            zone=zone,
            lines=(
                (_("Period"), words.span(question.date_from, question.date_to)),
                (_("Time zone"), figures.zone_name(zone)),
                *words.filter_lines(question.filters, scope),
                *words.stand_lines(completeness, zone),
            ),
            first_day=question.date_from,
            last_day=question.date_to,
            as_of=completeness.as_of,
            complete=completeness.complete,
            lack=words.lack(completeness),
            gaps=words.gaps(completeness.gaps, zone),
            params=params | write_filters(question.filters),
        ),
    )


def report_table(
    question: Question, scope: Scope, *, prefix: str = "", title: str = "", now: datetime | None = None
) -> Table:
    """The answer to a question. Each metric has its value, n where that says more, and what it is compared with.

    The wall of the scope's tenant must be open. Raises QuestionError as :func:`reports.queries.ask.ask` does.
    """
    now = now or timezone.now()
    answer = ask(question, scope, now=now)
    period, before, completeness = answer.period, answer.previous_period, answer.completeness
    lines = [(_("Period"), words.span(period.start, period.last_day))]
    if before is not None:
        lines.append((_("Compared with"), words.compared(before, complete=answer.previous_complete)))
    if question.by:
        lines.append((_("By"), ", ".join(str(DIMENSIONS[key].label) for key in question.by)))
    timely = any(DIMENSIONS[key].timely for key in question.by)
    rows = [_report_row(answer, row, timely=timely) for row in answer.rows]
    total = _cells(answer, answer.totals)
    if not question.by:
        rows = [total]
    keys, ids, currency = _key_columns(answer), _id_columns(question.by), currency_of(question, scope)
    return Table(
        name=file_name(prefix, "report", (period.start, period.last_day), complete=completeness.complete),
        columns=(
            *keys,
            *_metric_columns(answer, currency),
            *_unfinished(timely=timely),
            *ids,
        ),
        rows=rows,
        expected=len(rows),
        total=(
            *("" if column.kind == Kind.TEXT else None for column in keys),
            *total,
            *([None] if timely else []),
            *(None for _column in ids),
        )
        if question.by
        else None,
        chart=chart_of(answer, currency=currency),
        facts=Facts(
            title=title or report_title(question.metrics, question.by),
            zone=period.zone,
            lines=(
                *lines,
                (_("Time zone"), figures.zone_name(period.zone)),
                *words.filter_lines(question.filters, scope, callbacks=all(each.of_loop for each in answer.columns)),
                *((_("Not in all figures"), line) for line in left_out_lines(answer)),
                *words.stand_lines(completeness, period.zone),
            ),
            first_day=period.start,
            last_day=period.last_day,
            as_of=completeness.as_of,
            complete=completeness.complete,
            lack=words.lack(completeness),
            gaps=words.gaps(completeness.gaps, period.zone),
            definitions=tuple(map(definition, answer.columns)),
            params=dict(parse_qsl(write_question(replace(question, span="")))),
        ),
    )


def file_name(prefix: str, what: str, days: tuple[date | None, date | None], *, complete: bool) -> str:
    """A list that is not complete says so in its name too, which outlives everything else about it."""
    dates = dict.fromkeys(day.isoformat() for day in days if day)
    return "-".join(part for part in (prefix, what, *dates, "" if complete else "incomplete") if part)


def _key_columns(answer: answers.Answer) -> list[Column]:
    """What the rows are of, as a person calls it; agents and environments have their ids behind the figures."""
    columns = []
    for place, key in enumerate(answer.question.by):
        label = capfirst(str(DIMENSIONS[key].label))
        if key in _DATES:
            columns.append(Column(key, label, Kind.DAY))
        elif key == "hour":
            columns.append(Column(key, label, Kind.MOMENT))
        else:
            spoken: dict[Any, str] = {row.key[place]: row.labels[place] for row in answer.rows}
            if key in _IDS:
                spoken = {None: spoken[None]} if None in spoken else {}
            columns.append(Column(f"{key}_name" if key in _IDS else key, label, words=spoken))
    return columns


def _id_columns(by: tuple[str, ...]) -> list[Column]:
    labels = {key: capfirst(str(DIMENSIONS[key].label)) for key in by if key in _IDS}
    return [Column(key, _("%(what)s id") % {"what": label}, printed=False) for key, label in labels.items()]


def currency_of(question: Question, scope: Scope) -> str:
    """Of the agents in question; one query, and none where no metric is of money."""
    if all(METRICS[key].unit != "money" for key in question.metrics):
        return ""
    rows, chosen = agents(scope, question.filters.environments), question.filters.agents
    return one_currency(rows.filter(public_id__in=chosen) if chosen else rows)


def _metric_columns(answer: answers.Answer, currency: str) -> list[Column]:
    columns = []
    for metric in answer.columns:
        label = str(metric.label)
        kind = _UNIT_KINDS.get(metric.unit, Kind.NUMBER if _says_more(metric) else Kind.COUNT)
        small = (f"{metric.key}_small", f"{metric.key}_previous_small") if metric.minimum_n else ()
        header = words.with_unit(label, metric.unit, currency)
        places = None if kind == Kind.COUNT else PLACES[metric.unit]
        columns.append(Column(metric.key, header, kind, places=places, marked_by=small[:1]))
        if _says_more(metric):
            columns.append(Column(f"{metric.key}_n", f"{label}: n", Kind.COUNT, printed=False))
        if answer.previous_period is not None:
            before = Column(f"{metric.key}_previous", _("%(figure)s: before") % {"figure": header}, kind, printed=False)
            columns.append(replace(before, places=places, marked_by=small[1:]))
            change = _("%(figure)s: change (%(unit)s)") % {"figure": label, "unit": words.change_unit(metric)}
            moved = Kind.POINTS if metric.unit == "percent" else Kind.PERCENT
            columns.append(Column(f"{metric.key}_change", change, moved, places=CHANGE_PLACES, blank_by=small))
            if _says_more(metric):
                n_before = _("%(figure)s: n before") % {"figure": label}
                columns.append(Column(f"{metric.key}_previous_n", n_before, Kind.COUNT, printed=False))
        columns += _small_columns(metric, compared=answer.previous_period is not None)
    return columns


def _small_columns(metric: Metric, *, compared: bool) -> list[Column]:
    """Whether the bases are too small; for figures that have a least base."""
    if not metric.minimum_n:
        return []
    names = {"figure": str(metric.label)}
    columns = [Column(f"{metric.key}_small", _("%(figure)s: n too small") % names, Kind.FLAG, printed=False)]
    if compared:
        header = _("%(figure)s: n before too small") % names
        columns.append(Column(f"{metric.key}_previous_small", header, Kind.FLAG, printed=False))
    return columns


def _says_more(metric: Metric) -> bool:
    """Of a plain count the base is the count."""
    return metric.unit != "count" or len(metric.measures) > 1


def _unfinished(*, timely: bool) -> list[Column]:
    return [Column("unfinished", _("Not over yet"), Kind.FLAG, printed=False)] if timely else []


def _report_row(answer: answers.Answer, row: answers.Row, *, timely: bool) -> Row:
    cells: list[Any] = []
    for name, key, label in zip(answer.question.by, row.key, row.labels, strict=True):
        if key is None:
            cells.append(None)
        elif name in _DATES or name == "hour":
            cells.append(_DATES.get(name, datetime.fromisoformat)(key))
        else:
            cells.append(label if name in _IDS else key)
    ids = [key for name, key in zip(answer.question.by, row.key, strict=True) if name in _IDS]
    return (*cells, *_cells(answer, row.cells), *([row.unfinished] if timely else []), *ids)


def _cells(answer: answers.Answer, cells: dict[str, answers.Cell]) -> tuple[Any, ...]:
    values: list[Any] = []
    for metric in answer.columns:
        cell, compared = cells[metric.key], answer.previous_period is not None
        values.append(cell.value)
        if _says_more(metric):
            values.append(cell.n)
        if compared:
            values += [cell.previous, cell.change]
            if _says_more(metric):
                values.append(cell.previous_n)
        if metric.minimum_n:
            values += [cell.small, *([cell.previous_small] if compared else [])]
    return tuple(values)


def definition(metric: Metric) -> Definition:
    return Definition(
        metric.key,
        str(metric.label),
        str(metric.definition),
        str(metric.formula),
        metric.unit,
        metric.minimum_n,
    )

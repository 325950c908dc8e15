"""The waist of the hourglass: a question and a scope in, an answer out. Page, API, mail and file all ask here."""

from collections.abc import Collection, Iterable
from datetime import datetime

from django.utils import timezone

from portal.lib import phones
from reports.dimensions import Names
from reports.measures import Measure, Told
from reports.metrics import BOTH, METRICS, Metric
from reports.periods import Period, previous
from reports.queries import rows
from reports.queries.agents import told_apart
from reports.queries.answer import Answer, Cell, Completeness, Row
from reports.queries.contact_ids import contact_id
from reports.queries.desk import Asked, Desk
from reports.queries.figures import TOTAL, Figures
from reports.queries.filters import Reach
from reports.queries.question import Question, check
from reports.queries.sums import Group
from reports.scope import Scope
from sync.taxonomy import Stream

Side = tuple[Figures, Group]


def ask(question: Question, scope: Scope, *, now: datetime | None = None) -> Answer:
    """Answer a question within a scope, exactly, whether the rollups lag or not.

    The wall of the scope's tenant must be open. Raises QuestionError for a question that can't be answered.
    """
    return ask_together((question,), scope, now=now)[0]


def ask_together(questions: Iterable[Question], scope: Scope, *, now: datetime | None = None) -> tuple[Answer, ...]:
    """As :func:`ask` for the questions of one page, in their order. Four queries for any number of questions; one more
    for peaks of concurrency, and two for the callback loop where more than 40 days of it are not settled.
    """
    now = now or timezone.now()
    asked = [_asked(question, now) for question in questions]
    if not asked:
        return ()
    desk = Desk(scope, now, asked)
    return tuple(_answer(each, desk) for each in asked)


def _asked(question: Question, now: datetime) -> Asked:
    check(question)
    metrics = [METRICS[key] for key in question.metrics]
    measures = frozenset(measure for metric in metrics for measure in metric.measures)
    return Asked(question, now, measures, _streams(measures))


def _answer(asked: Asked, desk: Desk) -> Answer:
    question = asked.question
    metrics = [METRICS[key] for key in question.metrics]
    reach, figures = desk.reach(question), desk.figures(asked.here)
    stands = [desk.completeness(stand) for stand in asked.stands]
    past = desk.figures(asked.there) if asked.there is not None and not _is_unread(stands[-1]) else None
    return Answer(
        question=question,
        columns=tuple(metrics),
        rows=tuple(_rows(question, desk, figures, past)) if question.by else (),
        totals=_cells(metrics, (figures, TOTAL), (past, TOTAL) if past else None, vendors=_vendors((), (), reach, {})),
        period=question.period,
        previous_period=asked.before,
        completeness=stands[0],
        previous_complete=stands[-1].complete if asked.before is not None else True,
    )


def _is_unread(stand: Completeness) -> bool:
    """Whether nothing at all is known of a period, so that its zeros would be made up."""
    return stand.as_of is None and not stand.mirrored


def _streams(measures: Collection[Measure]) -> tuple[str, ...]:
    """The streams that the measures rest on, besides the calls that stand beside them anyway."""
    sources = {getattr(measure, "source", "") for measure in measures}
    return (Stream.CALLS, Stream.CALLBACKS) if "callbacks" in sources else (Stream.CALLS,)


def _rows(question: Question, desk: Desk, figures: Figures, past: Figures | None) -> list[Row]:
    by, period, reach = question.by, question.period, desk.reach(question)
    names, vendors_of = _names(reach, desk)
    before: Period | None = previous(period) if past is not None else None
    pairs = rows.facing(by, period, before) if before is not None else {}
    found = []
    for group in rows.row_groups(by, period, figures.groups, names):
        key, labels = rows.labelled(by, group, names)
        faced = rows.faced(by, group, pairs) if past is not None else None
        vendors = _vendors(by, group, reach, vendors_of)
        cells = _cells(
            [METRICS[key] for key in question.metrics],
            (figures, group),
            (past, faced) if past is not None and faced is not None else None,
            vendors=vendors,
        )
        found.append(Row(key, labels, cells, rows.is_unfinished(by, group, period, desk.now)))
    return found


def _names(reach: Reach, desk: Desk) -> tuple[Names, dict[int, str]]:
    """Names of what may occur, and the vendor of each agent. Who may not see numbers is told own numbers masked."""
    known = {pk: row for pk, row in desk.agents().items() if row[2] in reach.environments}
    agents = told_apart(known, {key: row.name for key, row in reach.environments.items()}, reach.scope)
    environments = {key: (str(row.public_id), row.name) for key, row in reach.environments.items()}
    scope = reach.scope

    def number(digits: str) -> tuple[str, str]:
        if scope.sees_numbers:
            return digits, phones.display(digits)
        return contact_id(phones.contact_digits(digits), scope), phones.masked(digits)

    return Names(agents, environments, number), {pk: reach.providers[row[2]] for pk, row in known.items()}


def _vendors(by: tuple[str, ...], group: Group, reach: Reach, vendors_of: dict[int, str]) -> set[str]:
    """The vendors a row's calls can be of."""
    for key, value in zip(by, group, strict=True):
        if key == "environment" and isinstance(value, int):
            return {reach.providers[value]}
        if key == "agent" and isinstance(value, int):
            return {vendors_of[value]}
    homes = () if reach.agent_ids is None else reach.homes().values()
    # Of agents that are not in these environments there are no calls, which either vendor can say.
    return {reach.providers[home] for home in homes} or set(reach.providers.values()) or set(BOTH)


def _cells(metrics: Collection[Metric], here: Side, there: Side | None, *, vendors: set[str]) -> dict[str, Cell]:
    cells = {}
    for metric in metrics:
        able = vendors & set(metric.vendors)
        value, n = _result(metric, here, able)
        before = _result(metric, there, able)[0] if there is not None and _compares(metric) else None
        small = value is not None and n < metric.minimum_n
        cells[metric.key] = Cell(value, n, before, _change(metric, value, before), small)
    return cells


def _compares(metric: Metric) -> bool:
    """Running totals are of no period, so there is nothing to compare them with."""
    return not any(isinstance(measure, Told) and measure.source == "campaigns" for measure in metric.measures)


def _result(metric: Metric, side: Side, vendors: set[str]) -> tuple[float | None, int]:
    if not vendors:
        return None, 0  # not measurable, which is not the same as none
    figures, group = side
    return metric.compute([figures.value(measure, group, vendors) for measure in metric.measures])


def _change(metric: Metric, value: float | None, before: float | None) -> float | None:
    if value is None or before is None:
        return None
    if metric.unit == "percent":
        return value - before
    return (value - before) / before * 100 if before else None

"""The waist of the hourglass: a question and a scope in, an answer out. Page, API, mail and file all ask here."""

from collections.abc import Collection, Iterable
from datetime import datetime

from django.utils import timezone

from reports.dimensions import Names
from reports.measures import Told
from reports.metrics import BOTH, METRICS, Metric
from reports.periods import Period, elapsed_part, previous
from reports.queries import rows
from reports.queries.answer import Answer, Cell, Row
from reports.queries.desk import Desk
from reports.queries.figures import TOTAL, Figures, gather
from reports.queries.filters import Reach
from reports.queries.question import Question, check
from reports.queries.sums import Group
from reports.scope import Scope
from sync.models.agents import Agent
from sync.taxonomy import Stream

Side = tuple[Figures, Group]


def ask(question: Question, scope: Scope, *, now: datetime | None = None) -> Answer:
    """Answer a question within a scope, exactly, whether the rollups lag or not.

    The wall of the scope's tenant must be open. Raises QuestionError for a question that can't be answered.
    """
    return ask_together((question,), scope, now=now)[0]


def ask_together(questions: Iterable[Question], scope: Scope, *, now: datetime | None = None) -> tuple[Answer, ...]:
    """As :func:`ask` for the questions of one page, in their order; what they share is looked up once."""
    desk = Desk(scope, now or timezone.now())
    return tuple(_answer(question, desk) for question in questions)


def _answer(question: Question, desk: Desk) -> Answer:
    check(question)
    metrics = [METRICS[key] for key in question.metrics]
    filters, period, now = question.filters, question.period, desk.now
    reach = desk.reach(filters)
    figures = gather(desk.plan(filters, period, period.ends_at), question.by, metrics)
    before = previous(period) if question.compare else None
    past = None
    if before is not None:
        past = gather(desk.plan(filters, before, elapsed_part(period, before, now)), question.by, metrics)
    return Answer(
        question=question,
        columns=tuple(metrics),
        rows=tuple(_rows(question, reach, figures, past, now)) if question.by else (),
        totals=_cells(metrics, (figures, TOTAL), (past, TOTAL) if past else None, vendors=_vendors((), (), reach, {})),
        period=period,
        previous_period=before,
        completeness=desk.completeness(filters, period, _streams(metrics)),
    )


def _streams(metrics: Collection[Metric]) -> tuple[str, ...]:
    """The streams that the metrics rest on, besides the calls that stand beside them anyway."""
    sources = {getattr(measure, "source", "") for metric in metrics for measure in metric.measures}
    return (Stream.CALLS, Stream.CALLBACKS) if "callbacks" in sources else (Stream.CALLS,)


def _rows(question: Question, reach: Reach, figures: Figures, past: Figures | None, now: datetime) -> list[Row]:
    by, period = question.by, question.period
    names, vendors_of = _names(by, figures.groups, reach)
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
        found.append(Row(key, labels, cells, rows.is_unfinished(by, group, period, now)))
    return found


def _names(by: tuple[str, ...], groups: Collection[Group], reach: Reach) -> tuple[Names, dict[int, str]]:
    """Names of what occurs, and the vendor of each agent that does."""
    agents: dict[int, tuple[str, str]] = {}
    vendors = {}
    if "agent" in by:
        place = by.index("agent")
        seen = {key for group in groups if isinstance(key := group[place], int)}
        for agent in Agent.objects.filter(pk__in=seen).only("public_id", "external_id", "name", "label", "environment"):
            agents[agent.pk] = (str(agent.public_id), str(agent))
            vendors[agent.pk] = reach.providers[agent.environment_id]
    environments = {key: (str(row.public_id), row.name) for key, row in reach.environments.items()}
    return Names(agents, environments), vendors


def _vendors(by: tuple[str, ...], group: Group, reach: Reach, vendors_of: dict[int, str]) -> set[str]:
    """The vendors a row's calls can be of."""
    for key, value in zip(by, group, strict=True):
        if key == "environment" and isinstance(value, int):
            return {reach.providers[value]}
        if key == "agent" and isinstance(value, int):
            return {vendors_of[value]}
    return set(reach.providers.values()) or set(BOTH)  # where nothing is seen there are no calls, which can be said


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

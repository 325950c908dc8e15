"""The waist of the hourglass: a question and a scope in, an answer out. Page, API, mail and file all ask here."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from portal.lib import phones
from portal.lib.holidays import holidays_of, keeps_holidays
from portal.lib.turns import pause
from reports.definitions.dimensions import Names
from reports.definitions.measures import ATTEMPTS, STILL_OPEN, Measure, VendorTotal
from reports.definitions.metrics import METRICS, Metric
from reports.definitions.periods import day_number, moment_of_asking
from reports.queries import rows
from reports.queries.agents import told_apart
from reports.queries.answer import Answer, Cell, Completeness, Row, only_known
from reports.queries.calls.masks import hide_any
from reports.queries.compile import TOTAL, WHOLE, Grain, Group
from reports.queries.computation import Computation, Needs
from reports.queries.contacts.ids import contact_id
from reports.queries.figures import Figures
from reports.queries.left_out import environments_left_out
from reports.queries.question import Question, check
from reports.queries.run import Turns
from reports.queries.scope import Scope
from reports.queries.selector import Selector
from reports.queries.significance import Day, Evidence, is_significant, measured_by, spread
from sync.providers import registry
from sync.taxonomy import Stream

Side = tuple[Figures, Grain, Group]


def ask(question: Question, scope: Scope, *, now: datetime | None = None) -> Answer:
    """Answer a question within a scope, exactly.

    The wall of the scope's tenant must be open. Raises QuestionError for a question that can't be answered.
    """
    return ask_together((question,), scope, now=now)[0]


def ask_together(
    questions: Iterable[Question], scope: Scope, *, now: datetime | None = None, run: Turns | None = None
) -> tuple[Answer, ...]:
    """As :func:`ask` for the questions of one page, in their order: a handful of queries of the database for any number
    of questions, and a few statements over column files for each period and choice of calls. ``run`` is the page's own
    where it asks for more than answers; it stays open.
    """
    now = now or moment_of_asking()
    needs = [_needs(question, now) for question in questions]
    if not needs:
        return ()
    with Computation(scope, now, needs, run) as computation:
        return tuple(_answer(need, computation) for need in needs)


def _needs(question: Question, now: datetime) -> Needs:
    check(question)
    metrics = [METRICS[key] for key in question.metrics]
    measures = frozenset(measure for metric in metrics for measure in metric.measures)
    compared = frozenset(measure for metric in metrics if compares(metric) for measure in metric.measures)
    spreads = [measured for metric in metrics if compares(metric) and (measured := measured_by(metric))]
    spread = frozenset(measure for metric in spreads for measure in metric.measures)
    return Needs(question, now, measures, compared, _streams(measures), spread)


def _answer(needs: Needs, computation: Computation) -> Answer:
    pause()
    question = needs.question
    metrics = [METRICS[key] for key in question.metrics]
    selector, figures = computation.selector(question), computation.figures(needs.here)
    stands = [computation.completeness(stand) for stand in needs.stands]
    past = computation.figures(needs.there) if needs.there is not None and not stands[-1].is_unread else None
    names, vendors_of = _names(selector, computation) if question.by else (None, {})
    vendors = _vendors((), (), selector, {})
    evidence = _evidence(needs, stands)
    answer = Answer(
        question=question,
        columns=tuple(metrics),
        rows=tuple(_rows(question, computation, (figures, past), (names, vendors_of), evidence)) if names else (),
        totals=_cells(
            metrics,
            (figures, WHOLE, TOTAL),
            (past, WHOLE, TOTAL) if past else None,
            vendors=vendors,
            evidence=replace(evidence, spreads=_spreads(needs, computation, vendors)) if past else evidence,
        ),
        period=question.period,
        previous_period=needs.before,
        completeness=replace(stands[0], counted=_counted(selector, figures)),
        previous_completeness=stands[-1] if needs.before is not None else None,
        left_out=environments_left_out(metrics, _providers(selector)),
        names=names,
    )
    return only_known(answer) if selector.environments else answer


def _evidence(needs: Needs, stands: Sequence[Completeness]) -> Evidence:
    if needs.there is None:
        return Evidence()
    here, there = (min(needs.question.period.ends_at, needs.now), needs.there.until)
    elapsed = here - needs.question.period.starts_at, there - needs.there.period.starts_at
    ratio = elapsed[0] / elapsed[1] if elapsed[1] else 0.0
    return Evidence(ratio, whole=all(stand.complete for stand in stands))


def _spreads(needs: Needs, computation: Computation, vendors: set[str]) -> dict[str, float]:
    """By metric, how much single days before the period differ from the usual of their weekday. Holidays are left out:
    a single one would make each number of calls usual.
    """
    if needs.usual is None:
        return {}
    period = needs.usual.period
    holidays = holidays_of(period.start, period.last_day, "en") if keeps_holidays(period.zone) else {}
    figures, spreads = computation.usual(needs.usual), {}
    seen = [day for day in period if figures.value(ATTEMPTS, needs.usual.by, (day_number(day),), vendors)]
    known = [day for day in period if seen and day >= seen[0] and day not in holidays]
    for metric in (METRICS[key] for key in needs.question.metrics):
        measured = measured_by(metric) if compares(metric) else None
        if measured is None:
            continue
        able = vendors & set(metric.vendors)
        results = [(day, *_result(measured, (figures, needs.usual.by, (day_number(day),)), able)) for day in known]
        days = [Day(day.weekday(), value, n) for day, value, n in results if value is not None]
        found = spread(measured, days)
        if found is not None:
            spreads[metric.key] = found
    return spreads


def _counted(selector: Selector, figures: Figures) -> int | None:
    """The calls that the figures are made of; returns alone are not counted among calls."""
    if selector.source_ids is not None:
        return None
    calls: int = figures.value(ATTEMPTS, WHOLE, TOTAL, set(selector.providers.values()))
    return calls


def _providers(selector: Selector) -> dict[str, str]:
    """The vendors of the environments that a question is about, by their names."""
    return {selector.environments[key].name: selector.providers[key] for key in selector.homes_chosen}


def _streams(measures: Collection[Measure]) -> tuple[str, ...]:
    """The streams that the measures rest on, besides the calls that stand beside them anyway."""
    sources = {getattr(measure, "source", "") for measure in measures}
    return (Stream.CALLS, Stream.CALLBACKS) if "callbacks" in sources else (Stream.CALLS,)


def _rows(
    question: Question,
    computation: Computation,
    both: tuple[Figures, Figures | None],
    names_and_vendors: tuple[Names, dict[int, str]],
    evidence: Evidence,
) -> list[Row]:
    by, period, selector = question.by, question.period, computation.selector(question)
    figures, past = both
    names, vendors_of = names_and_vendors
    before = question.before if past is not None else None
    pairs = rows.facing(by, period, before) if before is not None else {}
    answer_rows = []
    for group in rows.row_groups(by, period, figures.groups(by), names):
        key, labels = rows.labelled(by, group, names)
        faced = rows.faced(by, group, pairs) if past is not None else None
        vendors = _vendors(by, group, selector, vendors_of)
        cells = _cells(
            [METRICS[key] for key in question.metrics],
            (figures, by, group),
            (past, by, faced) if past is not None and faced is not None else None,
            vendors=vendors,
            evidence=evidence,
        )
        unfinished = rows.is_unfinished(by, group, period, computation.now)
        answer_rows.append(Row(key, labels, cells, unfinished, group))
    return answer_rows


def _names(selector: Selector, computation: Computation) -> tuple[Names, dict[int, str]]:
    """Names of what may occur, and the vendor of each agent. Who may not see numbers is told own numbers masked, and
    those that stand in a vendor's words.
    """
    in_reach = {pk: row for pk, row in computation.agents().items() if row[2] in selector.environments}
    homes = {key: row.name for key, row in selector.environments.items()}
    agents = told_apart(in_reach, homes, selector.scope.agent_ids)
    environments = {key: (str(row.public_id), row.name) for key, row in selector.environments.items()}
    scope = selector.scope

    def number(digits: str) -> tuple[str, str]:
        if scope.sees_numbers:
            return digits, phones.display(digits)
        return contact_id(phones.contact_digits(digits), scope), phones.masked(digits)

    word = str if scope.sees_numbers else hide_any
    return Names(agents, environments, number, word), {pk: selector.providers[row[2]] for pk, row in in_reach.items()}


def _vendors(by: tuple[str, ...], group: Group, selector: Selector, vendors_of: dict[int, str]) -> set[str]:
    """The vendors a row's calls can be of."""
    for key, value in zip(by, group, strict=True):
        if key == "environment" and isinstance(value, int):
            return {selector.providers[value]}
        if key in ("agent", "source_agent") and isinstance(value, int):
            return {vendors_of[value]}
    # Of agents that are not in these environments there are no calls, which every vendor can say.
    able = {selector.providers[home] for home in selector.homes_chosen} or set(selector.providers.values())
    return able or {provider.key for provider in registry.PROVIDERS}


def _cells(
    metrics: Collection[Metric], here: Side, there: Side | None, *, vendors: set[str], evidence: Evidence
) -> dict[str, Cell]:
    cells = {}
    for metric in metrics:
        able = vendors & set(metric.vendors)
        value, n = _result(metric, here, able)
        compared = there is not None and compares(metric)
        before, before_n = _result(metric, there, able) if there is not None and compared else (None, None)
        cell = Cell(
            value,
            n,
            before,
            _change(metric, value, before),
            small=_is_small(metric, value, n),
            previous_n=before_n,
            previous_small=_is_small(metric, before, before_n),
        )
        cells[metric.key] = replace(cell, significant=is_significant(cell, metric, evidence))
    return cells


def _is_small(metric: Metric, value: float | None, n: int | None) -> bool:
    return value is not None and (n or 0) < metric.minimum_n


def compares(metric: Metric) -> bool:
    """Running totals are of no period, so there is nothing to compare them with. What is still open is so as of now: of
    an older period the most has been followed up since, so that any period would look worse than the one before it.
    """
    running = any(isinstance(measure, VendorTotal) and measure.source == "campaigns" for measure in metric.measures)
    return not running and STILL_OPEN not in metric.measures


def _result(metric: Metric, side: Side, vendors: set[str]) -> tuple[float | None, int]:
    if not vendors:
        return None, 0  # not measurable, which is not the same as none
    figures, grain, group = side
    return metric.compute([figures.value(measure, grain, group, vendors) for measure in metric.measures])


def _change(metric: Metric, value: float | None, before: float | None) -> float | None:
    if value is None or before is None:
        return None
    if metric.unit == "percent":
        return value - before
    return (value - before) / before * 100 if before else None

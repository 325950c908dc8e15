"""Answers of saved reports, one below the other, for boards and for links: as the page of a report shows them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _

from portal.formats import figures
from portal.lib.turns import Parts, pause
from reports.definitions.periods import local_date
from reports.files.words import filter_lines
from reports.queries.agents import agents
from reports.queries.answer import Answer
from reports.queries.ask import ask_together
from reports.queries.environments import environments
from reports.queries.question import Question, QuestionError
from reports.queries.scope import Scope
from reports.saved.asked import OWN, is_known, params_of, question_of
from reports.saved.models import SavedView
from reports.web.report.page import questions, shown
from reports.web.report.table import Options, read_options
from reports.web.shared.completeness import completeness_line
from reports.web.shared.frame import Choices
from reports.web.shared.selection import written
from reports.web.shared.spans import against


@dataclass(frozen=True, slots=True)
class Sheet:
    """``refused`` says why there is no answer; ``parts`` are what the page of a report shows of one."""

    id: str
    title: str
    parts: dict[str, Any]
    refused: str = ""


@dataclass(frozen=True, slots=True)
class _Asked:
    view: SavedView
    options: Options
    questions: tuple[Question, ...]


def sheets(
    views: Iterable[SavedView],
    scope: Scope,
    *,
    tenant: str,
    now: datetime,
    period: Mapping[str, str] = OWN,
    linked: bool = True,
) -> list[Sheet]:
    """The answer of each within the reader's scope, all asked at once; ``period`` takes the place of their own. Without
    ``linked`` nothing leads to calls."""
    choices = Choices(list(environments(scope)), list(agents(scope)))
    today = local_date(now, scope.zone)
    here = frozenset(row.public_id for row in choices.environments), frozenset(row.public_id for row in choices.agents)
    asked: list[_Asked] = []
    refused: dict[int, str] = {}
    rows = list(views)
    for view in rows:
        try:
            question = question_of(view.query, scope, today=today, period=period)
            options = replace(read_options(QueryDict(view.query)), page=1, saved="")
            if is_known(question, *here):
                asked.append(_Asked(view, options, questions(question, options)))
            else:
                refused[view.pk] = _("It asks about environments or agents that are not there.")
        except QuestionError as error:
            refused[view.pk] = " ".join(error.errors.values())
    made = {}
    for each, answers in _answered(asked, scope, refused, now=now):
        pause()
        parts = shown(answers, each.options, choices, scope=scope, tenant=tenant, linked=linked)
        answer = answers[0]
        parts |= {
            "line": completeness_line(answer.completeness, scope.zone, now=now),
            "before_complete": answer.previous_complete,
            "against": against(answer.period, answer.previous_period, now=now),
            "only": filter_lines(answer.question.filters, scope)[1:],  # the first tells how test calls are taken
            "measured": [column.figure for column in parts["table"].metrics] if "table" in parts else [],
            "href": _address(each.view, tenant, period) if linked else "",
        }
        made[each.view.pk] = parts
    return Parts(
        Sheet(str(view.public_id), view.name, made.get(view.pk, {}), refused.get(view.pk, ""))
        for view in rows
        if view.pk in made or view.pk in refused
    )


def _address(view: SavedView, tenant: str, period: Mapping[str, str]) -> str:
    """Where the page of a report shows the same."""
    if not period:
        return reverse("reports_web:saved_report", args=[tenant, view.public_id])
    params = params_of(view.query, period) | {"saved": str(view.public_id)}
    return f"{reverse('reports_web:report', args=[tenant])}?{written(params)}"


def _answered(
    asked: Sequence[_Asked], scope: Scope, refused: dict[int, str], *, now: datetime
) -> list[tuple[_Asked, tuple[Answer, ...]]]:
    """All at once; where one of them can't be asked, each by itself."""
    try:
        answers = list(ask_together([one for each in asked for one in each.questions], scope, now=now))
    except QuestionError:
        found = []
        for each in asked:
            try:
                found.append((each, ask_together(each.questions, scope, now=now)))
            except QuestionError as error:
                refused[each.view.pk] = " ".join(error.errors.values())
        return found
    found = []
    for each in asked:
        found.append((each, tuple(answers[: len(each.questions)])))
        del answers[: len(each.questions)]
    return found


def latest(now: datetime, zone: str) -> str:
    """When the answers were computed, in words."""
    return figures.moment(now, zone, now=now)

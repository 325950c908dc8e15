"""What the page of a report shows of its answers: in which forms, in which words, and the ways on from it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from portal.formats import figures
from reports.definitions.filters import write_filters
from reports.definitions.metrics import METRICS, Metric
from reports.queries.answer import Answer
from reports.queries.before import known_before
from reports.queries.left_out import left_out_lines
from reports.queries.question import Question, write_question
from reports.queries.scope import Scope
from reports.queries.titles import report_title
from reports.saved.keeping import about_one
from reports.web.report.chart import drawing
from reports.web.report.crossed import crossed, fits
from reports.web.report.table import Options, report_table
from reports.web.shared.alerting import alert_form_of
from reports.web.shared.frame import Choices
from reports.web.shared.selection import written


def questions(question: Question, options: Options) -> tuple[Question, ...]:
    """The question, and where it is shown crossed, its two groupings alone for the margins."""
    if options.view != "crossed" or len(question.by) != 2:
        return (question,)
    return (question, *(replace(question, by=(key,), compare=False) for key in question.by))


def shown(
    answers: Sequence[Answer],
    options: Options,
    choices: Choices,
    *,
    scope: Scope,
    tenant: str,
    linked: bool = True,
) -> dict[str, Any]:
    """The answer in all its forms, and the ways on from it; not to its calls unless it is ``linked``."""
    answer = known_before(answers[0])
    question = answer.question
    query = write_question(question)
    key = options.shown if options.shown in question.metrics else question.metrics[0]
    calls_url = reverse("reports_web:calls", args=[tenant]) if linked else ""

    def address(**changes: Any) -> str:
        return f"?{query}&{urlencode(other)}" if (other := replace(options, **changes).params) else f"?{query}"

    context: dict[str, Any] = {
        "question": question,
        "options": options,
        "calls_url": calls_url,
        "callbacks_url": reverse("reports_web:callbacks", args=[tenant]) if linked else "",
        "asked": query,
        "mail_query": _mail_query(question, address(saved="", page=1).removeprefix("?")),
        "schedule_query": f"{query}&{urlencode({'period': question.span})}" if question.span else query,
        "alert_form": alert_form_of(tenant, question.filters, question.span) if linked else "",
        "report_query": address(saved="", page=1).removeprefix("?"),
        "days": figures.days(question.period.start, question.period.last_day),
        "zone": figures.zone_name(question.period.zone),
        "narrowed": bool(write_filters(question.filters)),
        "shown": METRICS[key],
        "unmeasured": _unmeasured(question, choices),
        "left_out": left_out_lines(answer),
        "can_cross": fits(answer),
        "table_url": address(view="", page=1),
        "crossed_url": address(view="crossed", page=1),
        "full_url": address(columns="full"),
        "short_url": address(columns="short"),
        "metric_urls": [(METRICS[name].label, address(shown=name), name == key) for name in question.metrics],
        "sort_base": f"?{query}&{urlencode({**replace(options, sort='', page=1).params, 'sort': ''})}",
        "page_base": f"?{query}&{urlencode({**replace(options, page=1).params, 'page': ''})}",
    }
    currency = _currency(question, choices)
    if len(answers) == 3 and fits(answer):
        context["crossed"] = crossed(
            answer, (answers[1], answers[2]), key, zone=scope.zone, currency=currency, linked=linked
        )
    else:
        context["table"] = report_table(answer, options, zone=scope.zone, currency=currency, linked=linked)
        context["drawing"] = drawing(answer, key, zone=scope.zone, calls_url=calls_url)
    return context


def title(question: Question | None) -> str:
    """The ready-made report's name, else what is asked in words."""
    if question is None:
        return _("Any question")
    return report_title(question.metrics, question.by)


def _mail_query(question: Question, query: str) -> str:
    """The question as the form of a scheduled mail takes it; of one that is about one person what else it chooses."""
    if not about_one(query):
        return urlencode({"ask": query})
    filters = write_filters(question.filters)
    return written({"period": question.span} | {name: filters.get(name, "") for name in ("environment", "agent")})


def _unmeasured(question: Question, choices: Choices) -> list[Metric]:
    """What none of the vendors in view can measure."""
    chosen = set(question.filters.environments)
    providers = {row.provider for row in choices.environments if not chosen or row.public_id in chosen}
    return [METRICS[key] for key in question.metrics if providers and not providers & set(METRICS[key].vendors)]


def _currency(question: Question, choices: Choices) -> str:
    """The one currency of the agents in view; empty where there are several or none."""
    chosen = set(question.filters.agents)
    shown = [
        row for row in choices.in_environments(question.filters.environments) if not chosen or row.public_id in chosen
    ]
    return Choices(choices.environments, shown).currency

"""Ready-made reports, and a page that shows any question: what the API answers below ``reports/query/``, for people."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpResponseRedirect, QueryDict
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from portal.tenants.guards import TenantRequest, tenant_view
from portal.tenants.models.people import Role
from reports.definitions.catalogue import CATALOGUE, Report
from reports.definitions.dimensions import DIMENSIONS
from reports.definitions.metrics import METRICS
from reports.definitions.periods import last_days, local_date, moment_of_asking
from reports.queries.agents import agents
from reports.queries.answer import Answer
from reports.queries.ask import ask_together
from reports.queries.environments import environments
from reports.queries.question import Question, QuestionError, read_question, write_question
from reports.queries.scope import Scope
from reports.saved import keeping
from reports.saved.asked import question_of
from reports.saved.boards import boards
from reports.saved.keeping import Keeper, View
from reports.saved.models import ViewOf
from reports.web.report.form import canonical, is_tidy, report_form
from reports.web.report.page import questions, shown, title
from reports.web.report.table import Options, read_options
from reports.web.shared.completeness import completeness_line
from reports.web.shared.frame import Choices, frame
from reports.web.shared.spans import against

DEFAULT_DAYS = 7


@dataclass(frozen=True, slots=True)
class ListedReport:
    report: Report
    href: str
    figures: tuple[str | Promise, ...]
    by: tuple[str | Promise, ...]


@require_safe
@tenant_view()
def reports(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """The catalogue. Each report is a link to its question about the period, environments and agents chosen here."""
    head = frame(request, gettext_lazy("Reports"), page="reports")
    address = reverse("reports_web:report", args=[tenant])
    listed = []
    for report in CATALOGUE.values():
        query = write_question(head.question(report.metrics, *report.by))
        view = f"&{urlencode({'view': report.view})}" if report.view else ""
        listed.append(
            ListedReport(
                report,
                f"{address}?{query}{view}",
                tuple(METRICS[key].label for key in report.metrics),
                tuple(DIMENSIONS[key].label for key in report.by),
            )
        )
    kept = keeping.views(Keeper.of(request.membership), ViewOf.REPORT)
    context = {**head.context(), "reports": listed, "report_url": address, "kept": kept}
    context["boards"] = boards(Keeper.of(request.membership))
    context["manages"] = Role(request.membership.role).covers(Role.MANAGER)
    return TemplateResponse(request, "reports/reports.html", context)


@require_safe
@tenant_view()
def report(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """Any question, in the parameters of the API. What cannot be asked is said beside its field, with status 400."""
    tidy = canonical(request.GET)
    if not is_tidy(request.GET):
        return HttpResponseRedirect(f"{request.path}?{tidy}" if tidy else request.path)
    kept = keeping.views(Keeper.of(request.membership), ViewOf.REPORT)
    opened = _opened(request.GET, kept)
    if opened is not None and set(request.GET) == {"saved"}:
        return HttpResponseRedirect(f"{request.path}?{opened.query}&saved={opened.id}")
    now = moment_of_asking()
    scope = Scope.of(request.scope_grant)
    choices = Choices(list(environments(scope)), list(agents(scope)))
    errors: dict[str, str] = {}
    question: Question | None = None
    answers: tuple[Answer, ...] = ()
    options = read_options(request.GET)
    try:
        question = read_question(request.GET, scope, today=local_date(now, scope.zone))
        _known_or_absent(question, choices)
        answers = ask_together(questions(question, options), scope, now=now)
    except QuestionError as error:
        errors = error.errors
    today = local_date(now, scope.zone)
    whole = last_days(DEFAULT_DAYS, today, scope.zone)
    days = (question.period.start, question.period.last_day) if question else (whole.start, whole.last_day)
    context: dict[str, Any] = {
        "page": "reports",
        "title": opened.name if opened else title(None if errors else question),
        "opened": opened,
        "manages": Role(request.membership.role).covers(Role.MANAGER),
        "form": report_form(request.GET, errors, choices, days=days, today=today, scope=scope),
    }
    if answers and question is not None:
        context["changed"] = opened is not None and _is_other(opened, question, options, scope)
        context |= shown(answers, options, choices, scope=scope, tenant=tenant)
        if opened is not None and not context["changed"]:
            context["export_title"] = opened.name
        context["line"] = completeness_line(answers[0].completeness, scope.zone, now=now)
        context["before_complete"] = answers[0].previous_complete
        context["against"] = against(question.period, answers[0].previous_period, now=now)
        context["api_url"] = request.build_absolute_uri(reverse("api:reports-query")) + "?" + write_question(question)
    return TemplateResponse(request, "reports/report.html", context, status=400 if errors else 200)


def _opened(params: QueryDict, kept: Sequence[View]) -> View | None:
    """The saved report that the address names; 404 for one that is not there for the reader."""
    named = params.get("saved", "")
    if not named:
        return None
    view = next((view for view in kept if view.id == named), None)
    if view is None:
        raise Http404
    return view


def _is_other(opened: View, question: Question, options: Options, scope: Scope) -> bool:
    """Whether something else is shown than the saved report asks."""
    try:
        kept = question_of(opened.query, scope)
    except QuestionError:  # it names what is there no more
        return True
    shown = replace(read_options(QueryDict(opened.query)), page=options.page, saved=options.saved)
    return (kept, kept.span, shown) != (question, question.span, options)


def _known_or_absent(question: Question, choices: Choices) -> None:
    """Ids that are not the reader's to see end as 404, like on every page."""
    filters = question.filters
    here = {row.public_id for row in choices.environments}
    if not here.issuperset(filters.environments):
        raise Http404
    if not {row.public_id for row in choices.agents}.issuperset((*filters.agents, *filters.source_agents)):
        raise Http404

"""The overview page, and the calls behind its figures as a file."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from portal.formats import figures
from portal.tenants.guards import TenantRequest, tenant_view
from reports.files import downloads
from reports.files.as_csv import stream_calls
from reports.metrics import METRICS
from reports.periods import local_date
from reports.queries.agents import agents
from reports.queries.answer import Answer
from reports.queries.ask import ask_together
from reports.queries.callbacks import callback_days
from reports.queries.environments import environments
from reports.queries.freshness import behind, completeness
from reports.queries.question import Question, QuestionError, read_calls
from reports.scope import Scope
from reports.web.agents import SIDE_BY_SIDE, side_by_side
from reports.web.callbacks import CALLBACKS, callback_table, sources
from reports.web.completeness import completeness_line
from reports.web.contexts import SUMMARY, asked, summary
from reports.web.hours import hour_map
from reports.web.selection import MAPS, SPANS, Selection, UnknownId, read_selection
from reports.web.trend import TITLES, TREND, trend


@dataclass(frozen=True, slots=True)
class Choices:
    """What may be chosen from: the environments and agents in the reader's scope."""

    environments: Sequence[Any]
    agents: Sequence[Any]

    @property
    def providers(self) -> frozenset[str]:
        return frozenset(environment.provider for environment in self.environments)

    @property
    def currency(self) -> str:
        """The one currency of the agents' list prices; empty where there are several or none."""
        currencies = {agent.currency for agent in self.agents if agent.price_per_minute is not None}
        return currencies.pop() if len(currencies) == 1 else ""

    def of_environment(self, environment: UUID | None) -> list[Any]:
        return [agent for agent in self.agents if environment in (None, agent.environment.public_id)]

    def grouped(self, environment: UUID | None) -> list[tuple[str, list[Any]]]:
        """Agents under the names of their environments; under no name where there is one only."""
        agents = self.of_environment(environment)
        groups = [
            (home.name, [agent for agent in agents if agent.environment_id == home.pk]) for home in self.environments
        ]
        filled = [(name, members) for name, members in groups if members]
        return filled if len(filled) > 1 else [("", agents)]

    @property
    def homes(self) -> dict[str, str]:
        """The environment's name for each agent, where there are several environments."""
        if len(self.environments) < 2:
            return {}
        return {str(agent.public_id): agent.environment.name for agent in self.agents}

    def narrowed(self, selection: Selection) -> "Choices":
        """What is in view with this selection."""
        agents = self.of_environment(selection.environment)
        homes = {agent.environment.public_id for agent in agents if agent.public_id == selection.agent}
        return Choices(
            [
                environment
                for environment in self.environments
                if selection.environment in (None, environment.public_id)
                and (not selection.agent or environment.public_id in homes)
            ],
            [agent for agent in agents if selection.agent in (None, agent.public_id)],
        )


@require_safe
@tenant_view()
def overview(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """Everything a reader asks on a Monday about one period: four questions, one page."""
    now = timezone.now()
    scope = Scope.of(request.scope_grant)
    selection, choices = read_choices(request, scope, now)
    shown = choices.narrowed(selection)
    question = partial(_question, selection=selection)
    summed, over_time, by_agent, by_hour = ask_together(
        (
            question(SUMMARY),
            question((*TREND, *CALLBACKS), selection.grain),
            question(asked(SIDE_BY_SIDE), "agent"),
            question(MAPS, "weekday", "hour_of_day", compare=False),
        ),
        scope,
        now=now,
    )
    calls_url = reverse("reports_web:calls_csv", args=[tenant])
    context: dict[str, Any] = {
        "page": "overview",
        "selection": selection,
        "spans": SPANS,
        "environments": choices.environments,
        "agents_by_environment": choices.grouped(selection.environment),
        "days": figures.days(selection.first, selection.last_begun),
        "days_before": _days_before(summed),
        "running": selection.period.holds(now),
        "before_complete": _before_complete(summed, scope, now),
        "zone": figures.zone_name(scope.zone),
        "line": completeness_line(summed.completeness, scope.zone, now=now),
        "summary": summary(summed, shown.providers, currency=shown.currency),
        "calls_url": calls_url + selection.calls_query(),
        "trend_title": str(TITLES[selection.grain]),
        "rate_metric": METRICS["connect_rate"],
        "maps": [
            {
                "label": METRICS[key].label,
                "current": key == selection.map,
                "href": selection.change(map=key).query + "#hours",
            }
            for key in MAPS
        ],
        "callbacks": callback_table(over_time, selection),
        "callback_sources": () if selection.agent else sources(_callback_days(scope, selection)),
    }
    if summed.totals["attempts"].value:
        context |= {
            "trend": trend(over_time, selection, calls_url),
            "side_by_side": side_by_side(by_agent, selection, homes=shown.homes),
            "hours": hour_map(by_hour, selection),
        }
    return TemplateResponse(request, "reports/overview.html", context)


@require_safe
@tenant_view()
def calls_csv(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """The calls behind a figure, streamed. Names and filters are those of the API's list of calls."""
    scope = Scope.of(request.scope_grant)
    try:
        question = read_calls(request.GET, scope)
    except QuestionError as error:
        return HttpResponse(str(error), status=400, content_type="text/plain; charset=utf-8")
    days = [part for part in (request.GET.get("date_from"), request.GET.get("date_to")) if part]
    name = "-".join([tenant, "calls", *dict.fromkeys(days)])
    return StreamingHttpResponse(
        stream_calls(question, scope),
        content_type="text/csv; charset=utf-8",
        headers=downloads.headers(name, behind(question, scope)),
    )


def read_choices(request: TenantRequest, scope: Scope, now: datetime) -> tuple[Selection, Choices]:
    """What the address asks for and what there is to choose. Ids that are not the reader's to see end as 404."""
    try:
        selection = read_selection(request.GET, scope.zone, today=local_date(now, scope.zone))
    except UnknownId as error:
        raise Http404 from error
    choices = Choices(list(environments(scope)), list(agents(scope)))
    if selection.environment and selection.environment not in {env.public_id for env in choices.environments}:
        raise Http404
    if selection.agent:
        home: dict[UUID, UUID] = {agent.public_id: agent.environment.public_id for agent in choices.agents}
        if selection.agent not in home:
            raise Http404
        if selection.environment not in (None, home[selection.agent]):
            note = _("That agent belongs to another environment; all agents are shown.")
            selection = selection.change(agent=None, errors=(*selection.errors, note))
    return selection, choices


def _question(metrics: tuple[str, ...], *by: str, selection: Selection, compare: bool = True) -> Question:
    return Question(metrics, selection.period, by, selection.filters, compare)


def _days_before(answer: Answer) -> str:
    previous = answer.previous_period
    return figures.days(previous.start, previous.last_day) if previous else ""


def _callback_days(scope: Scope, selection: Selection) -> QuerySet[Any]:
    return callback_days(scope, selection.first, selection.last, selection.environment)


def _before_complete(answer: Answer, scope: Scope, now: datetime) -> bool:
    """Whether the period that changes are measured against is mirrored whole."""
    previous = answer.previous_period
    return previous is None or completeness(scope, previous, answer.question.filters, now=now).complete

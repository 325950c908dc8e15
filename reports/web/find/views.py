"""What one word finds: calls, contacts, agents, ready-made reports and figures."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from portal.formats import figures
from portal.tenants.guards import TenantRequest, tenant_view
from reports.definitions.catalogue import CATALOGUE, Report
from reports.definitions.metrics import METRICS
from reports.queries.agents import APART, agents, what_tells_apart
from reports.queries.find import LONGEST, Found, find, with_word
from reports.queries.scope import Scope
from reports.web.calls.columns import call_line, shown_columns
from reports.web.shared.selection import written


@dataclass(frozen=True, slots=True)
class Hit:
    label: str
    href: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class HitGroup:
    key: str
    title: str
    hits: tuple[Hit, ...]


@require_safe
@tenant_view()
def search(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """``search`` is the word; an address with that name is kept out of logs, because it may hold a number."""
    scope, word = Scope.of(request.scope_grant), request.GET.get("search", "").strip()[:LONGEST]
    found = find(word, scope) if word else Found()
    part = ""
    if found.part:
        query = written({"number": found.part, "number_match": "contains", "testing": "include"})
        part = f"{reverse('reports_web:calls', args=[tenant])}?{query}"
    groups = (*_mirrored(found, tenant, scope), *_told(word, tenant)) if word else ()
    context = {
        "page": "search",
        "searched": word,
        "groups": [group for group in groups if group.hits],
        "part": part,
        "part_digits": found.part,
        "sees_numbers": scope.sees_numbers,
        "looks_up": scope.may_look_up and not scope.sees_numbers,
    }
    return TemplateResponse(request, "reports/search.html", context)


def _mirrored(found: Found, tenant: str, scope: Scope) -> tuple[HitGroup, ...]:
    now, columns = timezone.now(), shown_columns((), several_environments=True)
    calls = []
    for row in found.calls:
        line = call_line(row, columns, zone=scope.zone, now=now, apart={})  # its environment is told
        says = " · ".join(part for part in (line.number, *(cell.text for cell in line.cells)) if part)
        calls.append(Hit(line.time, reverse("reports_web:call", args=[tenant, line.id]), says))
    contacts = tuple(
        Hit(figures.phone(each.number), reverse("reports_web:contact", args=[tenant, each.id]))
        for each in found.contacts
    )
    overview = reverse("reports_web:overview", args=[tenant])
    apart = what_tells_apart(agents(scope)) if found.agents else {}
    named = tuple(
        Hit(
            str(agent),
            f"{overview}?{urlencode({'agent': agent.public_id})}",
            apart[str(agent.public_id)].removeprefix(APART) or agent.environment.name,
        )
        for agent in found.agents
    )
    return (
        HitGroup("calls", _("Calls"), tuple(calls)),
        HitGroup("contacts", _("Contacts"), contacts),
        HitGroup("agents", _("Agents"), named),
    )


def _told(word: str, tenant: str) -> tuple[HitGroup, ...]:
    """Ready-made reports and figures, by their words in the reader's language."""
    helps = reverse("reports_web:help", args=[tenant])
    reports = with_word(word, CATALOGUE.values(), lambda report: f"{report.label} {report.description}")
    metrics = with_word(word, METRICS.values(), lambda metric: str(metric.label))
    return (
        HitGroup("reports", _("Reports"), tuple(_report(each, tenant) for each in reports)),
        HitGroup(
            "figures",
            _("Figures"),
            tuple(Hit(str(each.label), f"{helps}#{each.key}", str(each.definition)) for each in metrics),
        ),
    )


def _report(report: Report, tenant: str) -> Hit:
    query = written(report.params | {"view": report.view})
    return Hit(str(report.label), f"{reverse('reports_web:report', args=[tenant])}?{query}", str(report.description))

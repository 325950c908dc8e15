"""The list of calls: what is asked for, what there is to choose from, and one page of rows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.http import Http404, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext
from django.views.decorators.http import require_safe

from portal.formats import figures
from portal.tenants.guards import TenantRequest, tenant_view
from reports.dimensions import DIRECTION_LABELS, STATUS_LABELS
from reports.periods import local_date
from reports.queries.agents import agents
from reports.queries.call_columns import COLUMNS
from reports.queries.calls import CallPage, Leaf, count_up_to, page_within
from reports.queries.filters import Reach, reach_among
from reports.queries.freshness import behind_within
from reports.queries.question import QuestionError
from reports.remarks.marks import marks_of
from reports.scope import Scope
from reports.web.call.facts import OUTCOMES
from reports.web.calls import saved
from reports.web.calls.address import ORDERS, CallAddress, read_address
from reports.web.calls.chips import chips
from reports.web.calls.columns import NO_MARKS, call_line, shown_columns
from reports.web.completeness import completeness_line
from reports.web.frame import Choices
from reports.web.spans import SPANS

ROWS = 50
MOST_COUNTED = 10_000
MOST_WALKED = 500_000  # calls to look through for a count of what may be few among them
MATCH_WORDS = {
    "ends": gettext_lazy("ends with"),
    "begins": gettext_lazy("begins with"),
    "contains": gettext_lazy("contains"),
    "exact": gettext_lazy("is exactly"),
}
TESTING_WORDS = {
    "": gettext_lazy("Left out"),
    "include": gettext_lazy("Shown too"),
    "only": gettext_lazy("Only these"),
}
ORDER_WORDS = {ORDERS[0]: gettext_lazy("Newest first"), ORDERS[1]: gettext_lazy("Oldest first")}
# Chosen by a click on a figure elsewhere; the form carries them along.
CARRIED = ("area_code", "cause", "side", "line", "weekday", "hour", "contact", "campaign", "zone", "view")


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of the list; ``count`` is how many there are in all, in words, "" where that is not known."""

    page: CallPage
    count: str = ""


@require_safe
@tenant_view()
def calls(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """Without an address of its own the list opens with the member's default view."""
    kept = saved.views(request.membership)
    if leads := _opened(request, kept):
        return HttpResponseRedirect(leads)
    (scope, homes), now = Scope.with_environments(request.scope_grant), timezone.now()
    address = read_address(request.GET, scope, today=local_date(now, scope.zone))
    choices = Choices(homes, list(agents(scope)))
    chosen = address.question.filters
    for names, among in ((chosen.environments, choices.environments), (chosen.agents, choices.agents)):
        if not {each.public_id for each in among}.issuperset(names):
            raise Http404
    reach = reach_among(chosen, scope, choices.environments, choices.agents, now=now)
    listed, standing = Listed(CallPage([], "", "")), behind_within(address.question, reach, now=now)
    if not address.errors:
        try:
            listed = _listed(address, reach, standing.mirrored)
        except QuestionError as error:  # the cursor of another list
            address = replace(address, errors=error.errors)
    several = len(reach.environments) > 1
    columns = shown_columns(address.columns, several_environments=several)
    marks = marks_of([row["id"] for row in listed.page.rows], scope) if listed.page.rows else {}
    context = {
        "page": "calls",
        "title": _("Calls"),
        "zone": figures.zone_name(address.question.zone),
        "address": address,
        "line": completeness_line(standing, scope.zone, now=now),
        "chips": chips(address, scope, choices),
        "columns": columns,
        "rows": [
            call_line(row, columns, zone=address.question.zone, now=now, marks=marks.get(row["id"], NO_MARKS))
            for row in listed.page.rows
        ],
        "row_query": f"?{address.calls_query}",
        "list_query": address.query(),
        "export_query": address.export_query(column.key for column in columns),
        "count": listed.count,
        "next": address.query(cursor=listed.page.next) if listed.page.next else "",
        "previous": address.query(cursor=listed.page.previous) if listed.page.previous else "",
        "first": address.query() if address.cursor else "",
        "sees_numbers": scope.sees_numbers,
        "views": kept,
        "view": next((view for view in kept if view.id == address.view), None),
        "order_href": address.query(ordering=ORDERS[1] if address.ordering == ORDERS[0] else ""),
        "column_params": {**address.params(columns=""), **({"view": address.view} if address.view else {})},
        "with_tests": address.query(testing="include") if chosen.testing == "exclude" else "",
        "all_time": address.query(period="", date_from="", date_to=""),
        **_form(address, choices, {column.key for column in columns}),
    }
    return TemplateResponse(request, "reports/calls.html", context, status=400 if address.errors else 200)


def _opened(request: TenantRequest, kept: Sequence[saved.View]) -> str:
    """Where an address that only names a view, or names nothing while there is a default, leads to; "" to stay."""
    base = reverse("reports_web:calls", args=[request.tenant.slug])
    if not request.GET:
        view = next((view for view in kept if view.is_default), None)
        return f"{base}?{view.query}&view={view.id}" if view and view.query else ""
    named = request.GET.get("view", "")
    if not named or named == "none":
        return ""
    view = next((view for view in kept if view.id == named), None)
    if view is None:
        raise Http404
    return f"{base}?{view.query}&view={view.id}" if set(request.GET) == {"view"} and view.query else ""


def _listed(address: CallAddress, reach: Reach, among: int) -> Listed:
    """``among`` how many calls of the environments and days it is."""
    page = page_within(address.question, reach, Leaf(address.cursor, ROWS, address.ordering))
    if not page.next and not page.previous:
        return Listed(page, _counted(len(page.rows)))
    if among > MOST_WALKED and reach.sifts:
        return Listed(page)
    return Listed(page, _counted(count_up_to(address.question, reach, MOST_COUNTED)))


def _counted(number: int | None) -> str:
    if number is None:
        return ""
    if number > MOST_COUNTED:
        return _("more than %(n)s calls") % {"n": figures.decimal(MOST_COUNTED)}
    if not number:
        return _("No calls")
    return ngettext("%(n)s call", "%(n)s calls", number) % {"n": figures.decimal(number)}


def _form(address: CallAddress, choices: Choices, shown: set[str]) -> dict[str, Any]:
    """What the form offers, and what of it is chosen."""
    chosen, typed = address.question.filters, address.typed
    statuses = {word: str(label) for word, label in STATUS_LABELS.items()}
    statuses |= {word: word for word in chosen.statuses if word not in statuses}
    return {
        "filters": chosen,
        "typed": typed,
        "spans": SPANS,
        "environments": choices.environments,
        "agents_by_environment": choices.grouped(chosen.environments),
        "chosen_environments": _said(choices.environments, chosen.environments),
        "chosen_agents": _said(choices.agents, chosen.agents),
        "statuses": statuses,
        "chosen_statuses": _words({word: statuses[word] for word in chosen.statuses}, pgettext("statuses", "All")),
        "outcomes": {word: label for word, (_mark, label) in OUTCOMES.items()},
        "chosen_outcomes": _words({word: OUTCOMES[word][1] for word in chosen.outcomes}),
        "directions": DIRECTION_LABELS,
        "matches": MATCH_WORDS,
        "match": chosen.number_match if chosen.number else typed.get("number_match") or "ends",
        "testings": TESTING_WORDS,
        "testing": "" if chosen.testing == "exclude" else chosen.testing,
        "orders": ORDER_WORDS,
        "all_columns": COLUMNS,
        "shown_columns": shown,
        "carried": {name: typed[name] for name in CARRIED if typed.get(name)},
        "more_open": bool(
            chosen.statuses
            or chosen.direction
            or chosen.testing != "exclude"
            or chosen.min_duration is not None
            or chosen.max_duration is not None
        ),
    }


def _said(among: Sequence[Any], chosen: Sequence[Any]) -> str:
    return _words({str(each.public_id): str(each) for each in among if each.public_id in chosen})


def _words(chosen: dict[str, Any], every: str = "") -> str:
    """What a closed list of choices says; ``every`` where nothing is chosen."""
    if not chosen:
        return every or _("All")
    if len(chosen) == 1:
        return str(next(iter(chosen.values())))
    return _("%(n)s chosen") % {"n": figures.decimal(len(chosen))}

"""The list of calls: what is asked for, what there is to choose from, and one page of rows."""

from collections.abc import Mapping, Sequence
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
from reports.annotations.marks import marks_of
from reports.definitions.filters import Filter, call_filters
from reports.definitions.labels import CALL_OUTCOME_LABELS, DIRECTION_LABELS, MATCH_LABELS, STATUS_LABELS, Words
from reports.definitions.periods import local_date
from reports.queries.agents import agents
from reports.queries.calls.columns import COLUMNS
from reports.queries.calls.lists import CallPage, Leaf, count_up_to, page_within
from reports.queries.completeness.freshness import behind_within
from reports.queries.question import QuestionError
from reports.queries.scope import Scope
from reports.queries.selector import Selector, selector_among
from reports.saved import keeping
from reports.web.calls.address import CallAddress, period_query, read_address
from reports.web.calls.chips import chips
from reports.web.calls.columns import NO_MARKS, call_line, headings, shown_columns
from reports.web.shared.completeness import completeness_line
from reports.web.shared.first_steps import first_steps
from reports.web.shared.frame import Choices
from reports.web.shared.spans import SPANS

ROWS = 50
MOST_COUNTED = 10_000
MOST_WALKED = 500_000  # calls to look through for a count of what may be few among them
MATCH_ORDER = ("ends", "begins", "contains", "exact")
TESTING_WORDS = {
    "": gettext_lazy("Left out"),
    "include": gettext_lazy("Shown too"),
    "only": gettext_lazy("Only these"),
}
# Filters for which the form has a field made for them; others that are not ``clicked`` get a plain one.
DRAWN = frozenset(
    {"environment", "agent", "outcome", "number", "number_match", "status", "direction", "testing"}
    | {"min_duration", "max_duration"}
)


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of the list; ``count`` is how many there are in all, looked for up to a bound; None where not."""

    page: CallPage
    count: int | None = None

    @property
    def words(self) -> str:
        if self.count is None:
            return ""
        if self.count > MOST_COUNTED:
            return _("more than %(n)s calls") % {"n": figures.decimal(MOST_COUNTED)}
        if not self.count:
            return _("No calls")
        return ngettext("%(n)s call", "%(n)s calls", self.count) % {"n": figures.decimal(self.count)}


@require_safe
@tenant_view()
def calls(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """Without an address of its own the list opens with the member's default view."""
    views = keeping.views(keeping.Keeper.of(request.membership))
    if leads := _opened(request, views):
        return HttpResponseRedirect(leads)
    (scope, homes), now = Scope.with_environments(request.scope_grant), timezone.now()
    address = read_address(request.GET, scope, today=local_date(now, scope.zone))
    choices = Choices(homes, list(agents(scope)))
    chosen = address.question.filters
    for names, among in ((chosen.environments, choices.environments), (chosen.agents, choices.agents)):
        if not {choice.public_id for choice in among}.issuperset(names):
            raise Http404
    if (leading := first_steps(request, choices, page="calls", title=_("Calls"))) is not None:
        return leading
    selector = selector_among(chosen, scope, choices.environments, choices.agents, now=now)
    listed, standing = Listed(CallPage([], "", "")), behind_within(address.question, selector, now=now)
    if not address.errors:
        try:
            address, listed = _ordered(address, selector, standing.mirrored)
        except QuestionError as error:  # the cursor of another list
            address = replace(address, errors=error.errors)
    if listed.count is not None and listed.count <= MOST_COUNTED:
        standing = replace(standing, counted=listed.count)
    several = len(selector.environments) > 1
    columns = shown_columns(address.columns, several_environments=several)
    apart = choices.apart
    marks = marks_of([row["id"] for row in listed.page.rows], scope) if listed.page.rows else {}
    context = {
        "page": "calls",
        "period_query": period_query(address),
        "title": _("Calls"),
        "zone": figures.zone_name(address.question.zone),
        "address": address,
        "line": completeness_line(standing, scope.zone, now=now),
        "chips": chips(address, scope, choices),
        "columns": columns,
        "rows": [
            call_line(
                row, columns, zone=address.question.zone, now=now, marks=marks.get(row["id"], NO_MARKS), apart=apart
            )
            for row in listed.page.rows
        ],
        "row_query": f"?{address.calls_query}",
        "list_query": address.query(),
        "export_query": address.export_query(column.key for column in columns),
        "count": listed.words,
        "next": address.query(cursor=listed.page.next) if listed.page.next else "",
        "previous": address.query(cursor=listed.page.previous) if listed.page.previous else "",
        "first": address.query() if address.cursor else "",
        "sees_numbers": scope.sees_numbers,
        "looks_up": scope.looks_up,
        "views": views,
        "view": next((view for view in views if view.id == address.view), None),
        "headings": headings(address, columns, scope),
        "column_params": {**address.params(columns=""), **({"view": address.view} if address.view else {})},
        "with_tests": address.query(testing="include") if chosen.testing == "exclude" else "",
        "all_time": address.query(period="", date_from="", date_to=""),
        **_form(address, choices, {column.key for column in columns}),
    }
    return TemplateResponse(request, "reports/calls.html", context, status=400 if address.errors else 200)


def _opened(request: TenantRequest, views: Sequence[keeping.View]) -> str:
    """Where an address that only names a view, or names nothing while there is a default, leads to; "" to stay."""
    base = reverse("reports_web:calls", args=[request.tenant.slug])
    if not request.GET:
        view = next((view for view in views if view.is_default), None)
        return f"{base}?{view.query}&view={view.id}" if view and view.query else ""
    named = request.GET.get("view", "")
    if not named or named == "none":
        return ""
    view = next((view for view in views if view.id == named), None)
    if view is None:
        raise Http404
    return f"{base}?{view.query}&view={view.id}" if set(request.GET) == {"view"} and view.query else ""


def _ordered(address: CallAddress, selector: Selector, among: int) -> tuple[CallAddress, Listed]:
    """The list as its address has it; by time where there are too many calls for another order."""
    try:
        return address, _listed(address, selector, among)
    except QuestionError as error:
        if "ordering" not in error.errors:
            raise
        address = address.by_time(error)
        return address, _listed(address, selector, among)


def _listed(address: CallAddress, selector: Selector, among: int) -> Listed:
    """``among`` how many calls of the environments and days it is."""
    page = page_within(address.question, selector, Leaf(address.cursor, ROWS, address.ordering))
    if not page.next and not page.previous:
        return Listed(page, len(page.rows))
    if among > MOST_WALKED and selector.sifts:
        return Listed(page)
    return Listed(page, count_up_to(address.question, selector, MOST_COUNTED))


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
        "chosen_environments": _chosen_names(choices.environments, chosen.environments),
        "chosen_agents": _chosen_names(choices.agents_apart, chosen.agents),
        "statuses": statuses,
        "chosen_statuses": _words({word: statuses[word] for word in chosen.statuses}, pgettext("statuses", "All")),
        "outcomes": CALL_OUTCOME_LABELS,
        "chosen_outcomes": _words({word: CALL_OUTCOME_LABELS[word] for word in chosen.outcomes}),
        "directions": DIRECTION_LABELS,
        "matches": {word: MATCH_LABELS[word] for word in MATCH_ORDER},
        "match": chosen.number_match if chosen.number else typed.get("number_match") or "ends",
        "testings": TESTING_WORDS,
        "testing": "" if chosen.testing == "exclude" else chosen.testing,
        "all_columns": COLUMNS,
        "shown_columns": shown,
        "other_fields": [_field(filter_, address) for filter_ in _undrawn()],
        "carried": {name: typed[name] for name in (*_clicked(), "zone", "view") if typed.get(name)},
        "more_open": bool(
            chosen.statuses
            or chosen.direction
            or chosen.testing != "exclude"
            or chosen.min_duration is not None
            or chosen.max_duration is not None
            or any(filter_.restricts(chosen) for filter_ in _undrawn())
        ),
    }


@dataclass(frozen=True, slots=True)
class FilterField:
    """A plain field of the form: ``words`` to choose from, one or ``several``, or a text."""

    name: str
    label: Words
    words: Mapping[str, Words]
    several: bool
    chosen: tuple[str, ...]
    said: str
    typed: str


def _undrawn() -> list[Filter]:
    return [filter_ for filter_ in call_filters() if filter_.name not in DRAWN and not filter_.clicked]


def _clicked() -> list[str]:
    return [filter_.name for filter_ in call_filters() if filter_.clicked]


def _field(filter_: Filter, address: CallAddress) -> FilterField:
    typed = address.typed.get(filter_.name, "")
    chosen = tuple(typed.split(",")) if typed else ()
    words = filter_.kind.choices
    summary = _words({word: words[word] for word in chosen if word in words})
    return FilterField(filter_.name, filter_.label, words, filter_.kind.several, chosen, summary, typed)


def _chosen_names(among: Sequence[Any], chosen: Sequence[Any]) -> str:
    return _words({str(choice.public_id): str(choice) for choice in among if choice.public_id in chosen})


def _words(chosen: dict[str, Any], every: str = "") -> str:
    """What a closed list of choices says; ``every`` where nothing is chosen."""
    if not chosen:
        return every or _("All")
    if len(chosen) == 1:
        return str(next(iter(chosen.values())))
    return _("%(n)s chosen") % {"n": figures.decimal(len(chosen))}

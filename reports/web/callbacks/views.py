"""The callbacks page: the loop from attempt to return, the vendor's totals beside it, and who still waits."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from django.http import Http404
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_safe

from portal.formats import figures
from portal.tenants.guards import TenantRequest, tenant_view
from portal.tenants.models.tenants import Environment
from reports.definitions.filters import Filters
from reports.definitions.metrics import METRICS
from reports.queries.answer import Answer
from reports.queries.ask import ask_together
from reports.queries.before import known_before
from reports.queries.callbacks import words
from reports.queries.callbacks.lists import LoopPage, ReturnRow, returns_of
from reports.queries.callbacks.loop import Loop, opened
from reports.queries.callbacks.open import WaitingRow, missed_contacts, still_open_of
from reports.queries.callbacks.story import BEGINNING, agents_without_callbacks, story_of
from reports.queries.callbacks.vendor_days import sources_of_days
from reports.queries.completeness.uncounted import with_uncounted
from reports.queries.cursor import CursorError
from reports.queries.left_out import left_out_lines
from reports.queries.selector import Selector, selector_among
from reports.web.callbacks import charts
from reports.web.contact.back import leading_here
from reports.web.shared.alerting import alert_form_of
from reports.web.shared.contexts import Figure
from reports.web.shared.first_steps import first_steps
from reports.web.shared.frame import Frame, frame
from reports.web.shared.selection import Selection
from reports.web.shared.times import times
from sync.taxonomy import Direction

GRAINS = ("hour", "day", "week", "month")
LEAD = (
    "derived_callbacks",
    "return_rate",
    "time_to_callback_median",
    "attempts_before_callback",
    "still_open",
    "callbacks_received",
)
FIGURES = (*LEAD, "time_to_callback_p90", "callbacks_answered", "callback_answer_rate", "callbacks_unmatched")
OPEN_SIZE, RETURNS_SIZE = 10, 20


@dataclass(frozen=True, slots=True)
class Lists:
    """``waiting`` is None where callbacks are chosen by who had called before, which says nothing of who waits."""

    returned: LoopPage[ReturnRow]
    waiting: LoopPage[WaitingRow] | None = None
    missed: int = 0  # contacts


@dataclass(frozen=True, slots=True)
class Uncovered:
    """An agent that dialled, and whose callbacks nobody takes."""

    name: str
    href: str
    said: str


@require_safe
@tenant_view()
def callbacks(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """One period of the callback loop. ``open`` and ``returns`` in the address are the places in the two lists."""
    head = frame(request, gettext_lazy("Callbacks"), page="callbacks", grains=GRAINS)
    if (leading := first_steps(request, head.choices, page=head.page, title=head.title)) is not None:
        return leading
    measurable = not head.shown.environments or any(map(_is_able, head.shown.environments))
    if not measurable:
        return TemplateResponse(request, "reports/callbacks.html", head.context() | {"measurable": False})
    selection, known = head.selection, head.choices
    selector = selector_among(selection.filters, head.scope, known.environments, known.agents, now=head.now)
    with opened(selector, selection.period.starts_at, selection.period.ends_at, since=BEGINNING) as loop:
        return _page(request, head, loop)


def _page(request: TenantRequest, head: Frame, loop: Loop) -> HttpResponseBase:
    selection, selector = head.selection, loop.selector
    questions = [
        head.question(_able(FIGURES, selection)),
        head.question(_able(charts.OVER_TIME, selection), selection.grain, compare=False),
    ]
    if not selection.agents:  # callbacks of agents that none takes reach no agent that could be chosen
        attempts = head.question(("attempts",), "agent", "direction", compare=False)
        questions.append(replace(attempts, filters=Filters(selection.environments, selection.source_agents)))
    summed, over_time, *dialled = ask_together(questions, head.scope, now=head.now, run=loop.run)
    lists = _lists(request, loop)
    missing = lists.returned.missing
    if lists.waiting is not None:  # who waits is looked for after the period as well
        missing = (*lists.waiting.missing, *missing)
    standing = with_uncounted(summed.completeness, missing, selector.environments, head.now)
    context = head.context(summed, standing=standing) | {"measurable": True, "left_out": left_out_lines(summed)}
    context["alert_form"] = alert_form_of(request.tenant.slug, head.selection.filters, head.selection.span)
    context["summary"] = {"lead": _lead(known_before(summed), selection)}
    context |= _figures(head, summed, over_time, loop) | _list_context(lists, head)
    context["uncovered"] = [agent for answer in dialled for agent in _uncovered(answer, selector, selection)]
    return TemplateResponse(request, "reports/callbacks.html", context)


def _able(metrics: Iterable[str], selection: Selection) -> tuple[str, ...]:
    """Of some figures those that the choice says something of: of who had called before, returns alone."""
    return tuple(key for key in metrics if not selection.source_agents or METRICS[key].of_returns)


def _is_able(environment: Environment) -> bool:
    """Whether the environment's vendor tells what the loop is joined by."""
    return environment.provider in METRICS["derived_callbacks"].vendors


def _lead(answer: Answer, selection: Selection) -> tuple[Figure, ...]:
    places = {"derived_callbacks": "#returns", "still_open": "#open", "callbacks_received": "#over-time"}
    return tuple(Figure(METRICS[key], answer.totals[key], href=places.get(key, "")) for key in _able(LEAD, selection))


def _figures(head: Frame, summed: Answer, over_time: Answer, loop: Loop) -> dict[str, Any]:
    selection = head.selection
    rows = times(over_time, selection)
    breakdown = story_of(loop, summed.period)
    apart = head.choices.apart
    names = {agent.external_id: f"{agent}{apart[str(agent.public_id)]}" for agent in head.choices.agents}
    whole = not (selection.agents or selection.source_agents)  # as the vendor counts
    days = sources_of_days(head.scope, selection.first, selection.last, selection.environments) if whole else ()
    return {
        "over_time": charts.side_by_side(
            rows, over_time.question.metrics, selection, whole=over_time.completeness.complete
        ),
        "by_source": charts.by_source(days, rows, selection, names),
        "story": breakdown,
        "story_lines": words.lines(breakdown),
        "story_sentences": words.sentences(breakdown, head.scope.zone),
        "waits": charts.waits(breakdown, summed.totals) if breakdown.returns else None,
        "attempts": charts.attempts(breakdown) if breakdown.returns else None,
        "returns_by_source": charts.returns_by_source(breakdown.sources) if breakdown.sources else None,
    }


def _lists(request: TenantRequest, loop: Loop) -> Lists:
    waiting, missed = None, 0
    try:
        if loop.selector.source_ids is None:
            waiting = still_open_of(loop, cursor=request.GET.get("open", ""), size=OPEN_SIZE)
            missed = missed_contacts(loop)
        returned = returns_of(loop, cursor=request.GET.get("returns", ""), size=RETURNS_SIZE)
    except CursorError as error:
        raise Http404 from error
    return Lists(returned, waiting, missed)


def _list_context(lists: Lists, head: Frame) -> dict[str, Any]:
    selection, waiting = head.selection, lists.waiting
    return {
        "several_environments": sum(map(_is_able, head.shown.environments)) > 1,
        "apart": head.choices.apart,
        "contact_query": leading_here("callbacks", selection.query),
        "open": waiting,
        "open_pages": _pages(selection, "open", waiting) if waiting else None,
        "waiting": words.waiting(lists.missed, waiting.count or 0) if waiting else "",
        "returns": lists.returned,
        "returns_pages": _pages(selection, "returns", lists.returned),
        "returns_file": selection.calls_query(source_agent=selection.source_agents).removeprefix("?"),
    }


def _pages(selection: Selection, name: str, page: LoopPage[object]) -> dict[str, str]:
    """Addresses of the pages around one of a list."""
    base = selection.query
    return {
        way: f"{base}{'&' if len(base) > 1 else ''}{name}={cursor}#{name}" if cursor else ""
        for way, cursor in (("next", page.next), ("previous", page.previous))
    }


def _uncovered(dialled: Answer, selector: Selector, selection: Selection) -> list[Uncovered]:
    """Of the period, most attempts first."""
    counts = {
        row.key[0]: (round(row.cells["attempts"].value or 0), row.labels[0])
        for row in dialled.rows
        if row.key[0] and row.key[1] == Direction.OUTBOUND
    }
    keys = agents_without_callbacks(selector, [key for key in counts if key])
    ranked = sorted((-counts[key][0], counts[key][1], key) for key in keys if counts[key][0])
    return [
        Uncovered(
            name=name,
            href=selection.change(source_agent=key).query,
            said=ngettext("%(n)s attempt", "%(n)s attempts", -n) % {"n": figures.decimal(-n)},
        )
        for n, name, key in ranked
    ]

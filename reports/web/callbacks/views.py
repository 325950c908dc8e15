"""The callbacks page: the loop from attempt to return, the vendor's totals beside it, and who still waits."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from django.http import Http404
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_safe

from portal.formats import figures
from portal.tenants.guards import TenantRequest, tenant_view
from reports.metrics import METRICS, TALKOVER
from reports.queries.answer import Answer
from reports.queries.ask import ask_together
from reports.queries.callbacks import callback_days
from reports.queries.filters import Reach, reach_among
from reports.queries.question import QuestionError
from reports.queries.returns.lists import Asked, LoopPage, returns
from reports.queries.returns.open import missed_contacts, still_open
from reports.queries.returns.story import agents_without_callbacks, story
from reports.web.before import known_before
from reports.web.callbacks import charts, words
from reports.web.contexts import Figure
from reports.web.frame import Frame, frame
from reports.web.selection import Selection
from reports.web.times import times
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


@require_safe
@tenant_view()
def callbacks(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """One period of the callback loop. ``open`` and ``returns`` in the address are the places in the two lists."""
    head = frame(request, gettext_lazy("Callbacks"), page="callbacks", grains=GRAINS)
    measurable = not head.shown.environments or bool(head.shown.providers & set(TALKOVER))
    if not measurable:
        return TemplateResponse(request, "reports/callbacks.html", head.context() | {"measurable": False})
    selection = head.selection
    outbound = head.question(("attempts",), "agent", compare=False)
    outbound = replace(outbound, filters=replace(outbound.filters, direction=Direction.OUTBOUND))
    summed, over_time, dialled = ask_together(
        (head.question(FIGURES), head.question(charts.OVER_TIME, selection.grain, compare=False), outbound),
        head.scope,
        now=head.now,
    )
    context = head.context(summed) | {"measurable": True, "summary": {"lead": _lead(known_before(summed), selection)}}
    known = head.choices  # one reach for all: it remembers what was looked up
    reach = reach_among(selection.filters, head.scope, known.environments, known.agents, now=head.now)
    context |= _figures(head, summed, over_time, reach) | _lists(request, head, reach)
    context["uncovered"] = _uncovered(dialled, reach)
    return TemplateResponse(request, "reports/callbacks.html", context)


def _lead(answer: Answer, selection: Selection) -> tuple[Figure, ...]:
    places = {"derived_callbacks": "#returns", "still_open": "#open", "callbacks_received": "#over-time"}
    return tuple(Figure(METRICS[key], answer.totals[key], href=places.get(key, "")) for key in LEAD)


def _figures(head: Frame, summed: Answer, over_time: Answer, reach: Reach) -> dict[str, Any]:
    selection = head.selection
    rows = times(over_time, selection)
    told = story(summed.question, head.scope, now=head.now, reach=reach)
    names = {agent.external_id: str(agent) for agent in head.choices.agents}
    return {
        "over_time": charts.side_by_side(rows, selection, whole=over_time.completeness.complete),
        "by_source": None if selection.agents else charts.by_source(_days(head), rows, selection, names),
        "story": told,
        "story_lines": words.lines(told),
        "story_sentences": words.sentences(told, head.scope.zone),
        "waits": charts.waits(told, summed.totals) if told.returns else None,
        "attempts": charts.attempts(told) if told.returns else None,
        "returns_by_source": charts.returns_by_source(told.sources) if told.sources else None,
    }


def _days(head: Frame) -> Iterable[Any]:
    selection = head.selection
    rows = callback_days(head.scope, selection.first, selection.last, selection.environments)
    return rows.select_related(None).order_by("-day", "environment_id").values_list("day", "sources", named=True)


def _lists(request: TenantRequest, head: Frame, reach: Reach) -> dict[str, Any]:
    selection = head.selection
    asked = Asked(selection.first, selection.last, selection.environments, selection.agents)
    try:
        waiting = still_open(asked, head.scope, cursor=request.GET.get("open", ""), size=OPEN_SIZE, reach=reach)
        found = returns(asked, head.scope, cursor=request.GET.get("returns", ""), size=RETURNS_SIZE, reach=reach)
    except QuestionError as error:
        raise Http404 from error
    missed = missed_contacts(asked, head.scope, reach=reach)
    return {
        "open": waiting,
        "open_pages": _pages(selection, "open", waiting),
        "waiting": words.waiting(missed, waiting.count or 0),
        "returns": found,
        "returns_pages": _pages(selection, "returns", found),
        "several_environments": sum(home.provider in TALKOVER for home in head.shown.environments) > 1,
    }


def _pages(selection: Selection, name: str, page: LoopPage) -> dict[str, str]:
    """Addresses of the pages around one of a list."""
    base = selection.query
    return {
        way: f"{base}{'&' if len(base) > 1 else ''}{name}={cursor}#{name}" if cursor else ""
        for way, cursor in (("next", page.next), ("previous", page.previous))
    }


def _uncovered(dialled: Answer, reach: Reach) -> list[dict[str, Any]]:
    """The agents that dialled in the period and whose callbacks nobody takes, most attempts first."""
    counts = {
        row.key[0]: (round(row.cells["attempts"].value or 0), row.labels[0]) for row in dialled.rows if row.key[0]
    }
    keys = agents_without_callbacks(reach, [key for key in counts if key])
    found = sorted((-counts[key][0], counts[key][1], key) for key in keys if counts[key][0])
    return [
        {
            "key": key,
            "name": name,
            "said": ngettext("%(n)s attempt", "%(n)s attempts", -n) % {"n": figures.decimal(-n)},
        }
        for n, name, key in found
    ]

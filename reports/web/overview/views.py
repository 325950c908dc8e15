"""The overview page, and the calls behind its figures as a file."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy
from django.views.decorators.http import require_safe

from portal.tenants.guards import TenantRequest, tenant_view
from reports.definitions.metrics import METRICS
from reports.files import downloads
from reports.files.as_csv import spreadsheet_of, stream_calls
from reports.queries.answer import Answer
from reports.queries.ask import ask_together
from reports.queries.before import known_before
from reports.queries.completeness.freshness import behind
from reports.queries.highlights import LOOKED_AT, highlights, streak_of, streak_over
from reports.queries.left_out import left_out_of
from reports.queries.question import Question, QuestionError, read_calls
from reports.queries.scope import Scope
from reports.saved.boards import opening_board
from reports.web.callbacks.trend import CALLBACKS, callback_trend
from reports.web.overview.hours import hour_map
from reports.web.overview.lengths import LENGTHS, lengths
from reports.web.overview.mixes import CAUSES, MIX, causes, sides_over_time, status_mix
from reports.web.overview.movers import MOVES, ORDERS, movers
from reports.web.overview.rates import SHORT, SPEEDS, short_calls, speeds
from reports.web.shared.alerting import alert_form_of
from reports.web.shared.contexts import SUMMARY, askable, summary
from reports.web.shared.first_steps import first_steps
from reports.web.shared.frame import Frame, frame
from reports.web.shared.selection import MAPS, OptionLink, Selection
from reports.web.shared.times import times
from reports.web.shared.trend import TREND, trend

OPTIONS = {"sort": ORDERS, "map": MAPS}
GRAINS = ("hour", "day", "week", "month")
SIDE_BY_SIDE = ("agent", "line", "area_code")
MOST_ROWS = 31  # of a chart that is not as wide as the page


@require_safe
@tenant_view()
def overview(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """Everything a reader asks on a Monday about one period, asked at once."""
    if not request.GET and (board := opening_board()) is not None:
        return HttpResponseRedirect(reverse("reports_web:board", args=[tenant, board.public_id]))
    head = frame(request, gettext_lazy("Overview"), page="overview", options=OPTIONS, grains=GRAINS)
    if (leading := first_steps(request, head.choices, page=head.page, title=head.title)) is not None:
        return leading
    selection, shown = head.selection, head.shown
    small = calmer(selection)  # for the charts that are not as wide as the page
    by_name = questions(head, small)
    results = ask_together(by_name.values(), head.scope, now=head.now)
    answers = dict(zip(by_name, map(known_before, results), strict=True))
    rows = times(answers["small"], small)
    context: dict[str, Any] = {
        **head.context(answers["summary"]),
        "alert_form": alert_form_of(tenant, head.selection.filters, head.selection.span),
        "summary": summary(answers["summary"], selection, shown),
        "calls_url": reverse("reports_web:calls_csv", args=[tenant]) + selection.calls_query(),
        "callbacks": callback_trend(rows, selection, left_out_of(answers["small"], CALLBACKS[0])),
    }
    if answers["summary"].totals["attempts"].value:
        limits = (request.tenant.short_limit_3s, request.tenant.short_limit_6s)
        context |= {
            "highlights": told(answers) if selection.compare else (),
            "trend": trend(
                times(answers["trend"], selection),
                selection.grain,
                whole=answers["trend"].completeness.complete,
                whole_before=answers["trend"].previous_complete,
            ),
            "movers": movers({by: answers[by] for by in SIDE_BY_SIDE}, selection, shown.homes),
            "hours": hour_map(answers["hours"], selection),
            "maps": [_map_choice(key, selection) for key in MAPS],
            "lengths": lengths(answers["lengths"], selection),
            "short": short_calls(rows, limits, answers["summary"].totals),
            "statuses": status_mix(answers["statuses"], rows),
            "sides": sides_over_time(answers["sides"], rows),
            "causes": causes(answers["causes"], selection),
            "speeds": speeds(rows, shown, whole=answers["trend"].completeness.complete),
        }
    return TemplateResponse(request, "reports/overview.html", context)


def told(answers: Mapping[str, Answer]) -> tuple[str, ...]:
    """The sentences that the weekly mail opens with too."""
    summed = answers["summary"]
    return highlights(
        {key: summed.totals[key] for key in LOOKED_AT},
        answers["agent"].rows,
        streak=streak_of(answers["streak"]) if "streak" in answers else "",
        whole=summed.completeness.complete and summed.previous_complete,
    )


def questions(head: Frame, small: Selection) -> dict[str, Question]:
    """All that the page asks; ``small`` has the rows of time of its smaller charts."""
    asked = {
        "summary": head.question(askable(SUMMARY, head.selection.period.days)),
        "trend": head.question(TREND, head.selection.grain),
        "small": head.question((*SHORT, *SPEEDS, *CALLBACKS), small.grain, compare=False),
        "statuses": head.question(MIX, small.grain, "status", compare=False),
        "sides": head.question(MIX, small.grain, "side", compare=False),
        "causes": head.question(CAUSES, "cause", compare=False),
        "lengths": head.question(LENGTHS, "length", compare=False),
        **{by: head.question(MOVES, by) for by in SIDE_BY_SIDE},
        "hours": head.question(MAPS, "weekday", "hour_of_day", compare=False),
    }
    over = streak_over(head.selection.period) if head.selection.compare else None
    if over is not None:
        asked["streak"] = Question(("connect_rate",), over[0], (over[1],), head.selection.filters, compare=False)
    return asked


def calmer(selection: Selection) -> Selection:
    """The selection with fewer rows of time, where those chosen would be too many for a small chart."""
    days = selection.period.days
    if {"hour": 24 * days, "day": days}.get(selection.grain, 0) <= MOST_ROWS:
        return selection
    return selection.change(chosen_grain="day" if selection.grain == "hour" else "week")


def _map_choice(key: str, selection: Selection) -> OptionLink:
    return OptionLink(
        label=str(METRICS[key].label),
        href=selection.change(map=key).query + "#hours",
        current=key == selection["map"],
    )


@require_safe
@tenant_view(to_visits=False)
def calls_csv(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """The calls behind a figure, streamed, as a spreadsheet of the reader's language opens them.

    Names and filters are those of the API's list of calls.
    """
    scope = Scope.of(request.scope_grant)
    try:
        question = read_calls(request.GET, scope)
        ordering, dialect = request.GET.get("ordering") or "-started_at", spreadsheet_of(get_language())
        pieces = stream_calls(question, scope, dialect=dialect, ordering=ordering)
    except QuestionError as error:
        return HttpResponse(str(error), status=400, content_type="text/plain; charset=utf-8")
    days = [part for part in (request.GET.get("date_from"), request.GET.get("date_to")) if part]
    name = "-".join([tenant, "calls", *dict.fromkeys(days)])
    return StreamingHttpResponse(
        pieces,
        content_type="text/csv; charset=utf-8",
        headers=downloads.headers(name, behind(question, scope)),
    )

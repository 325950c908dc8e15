"""The list of campaigns: the vendor's figures as last read, and how its totals ran over the days they were kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext
from django.views.decorators.http import require_safe

from portal.formats import figures
from portal.tenants.guards import TenantRequest, tenant_view
from reports.files.words import CAMPAIGN_KINDS, CAMPAIGN_STATES
from reports.metrics import METRICS
from reports.queries import campaigns as asked
from reports.queries.campaigns import CampaignTold, DayTold
from reports.web.charts.scale import number
from reports.web.frame import Frame, frame

WITH_CAMPAIGNS = frozenset(METRICS["campaign_success_rate"].vendors)
_MARKS = {"active": "good", "paused": "wait", "completed": "", "cancelled": "off", "draft": "off"}
STATES: Mapping[str, tuple[str, str | Promise]] = {
    word: (_MARKS[word], label) for word, label in CAMPAIGN_STATES.items()
}
OPTIONS = {"status": ("", *asked.STATUSES), "page": tuple(map(str, range(1, 201)))}
PER_PAGE = 50
SPARK = (120, 22)  # wide and high, in pixels


@dataclass(frozen=True, slots=True)
class Course:
    """What each day kept added to the total of calls, as small columns; not ``known`` while one day only is kept."""

    columns: tuple[tuple[str, str, str, str], ...]  # x, y, width and height in pixels
    text: str
    known: bool = True


@dataclass(frozen=True, slots=True)
class CampaignRow:
    told: CampaignTold
    href: str
    mark: str
    state: str
    kind: str
    rate: float | None  # the vendor's, where there are calls
    over: float | None  # share of its calls that are completed or failed, percent
    course: Course


@dataclass(frozen=True, slots=True)
class StateLink:
    label: str
    href: str
    current: bool


@require_safe
@tenant_view()
def campaigns(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """What each campaign has come to, those that started last first."""
    head = frame(request, gettext_lazy("Campaigns"), page="campaigns", options=OPTIONS, compares=False)
    selection = head.selection
    rows = asked.campaigns(
        head.scope, environments=selection.environments, agents=selection.agents, status=selection["status"]
    )
    listed = asked.told(rows)
    place = int(selection["page"])
    shown = listed[PER_PAGE * (place - 1) : PER_PAGE * place]
    read = asked.last_read(head.scope, [environment.pk for environment in head.shown.environments])
    found = [campaign_row(told, head, tenant) for told in shown]
    with_course = any(row.course.known for row in found)
    context = head.context() | {
        "rows": found,
        "with_course": with_course,
        "kept_since": "" if with_course else kept_since(shown),
        "read_at": figures.moment(read.as_of, head.scope.zone, now=head.now) if read.as_of else "",
        "read_whole": read.whole,
        "read_ended": read.ended,
        "states": states(head),
        "several_homes": len(head.shown.environments) > 1,
        "untold": [
            environment.name for environment in head.shown.environments if environment.provider not in WITH_CAMPAIGNS
        ],
        "told_by_none": not head.shown.providers & WITH_CAMPAIGNS,
        "earlier_page": selection.change(page=place - 1).query if place > 1 else "",
        "later_page": selection.change(page=place + 1).query if len(listed) > PER_PAGE * place else "",
    }
    return TemplateResponse(request, "reports/campaigns.html", context)


def campaign_row(told: CampaignTold, head: Frame, tenant: str) -> CampaignRow:
    row = told.row
    return CampaignRow(
        told=told,
        href=reverse("reports_web:campaign", args=[tenant, told.id]),
        mark=STATES.get(row.status, ("", ""))[0],
        state=str(STATES.get(row.status, ("", row.status))[1]),
        kind=str(CAMPAIGN_KINDS.get(row.kind, row.kind)),
        rate=told.rate,
        over=told.over,
        course=course(told, head.selection.first, head.selection.last),
    )


def kept_since(listed: Sequence[CampaignTold]) -> str:
    """The first day of which a total is kept; "" where none is."""
    first = min((told.days[0].day for told in listed if told.days), default=None)
    return figures.day(first) if first else ""


def course(told: CampaignTold, first: date, last: date) -> Course:
    """What the period added, as columns and in words; since when it is kept, where that is too short to say."""
    added = told.added(first, last)
    if added is None:
        since = {"day": figures.day(told.days[0].day)} if told.days else None
        return Course((), _("kept since %(day)s") % since if since else "", known=False)
    text = ngettext("%(n)s call more", "%(n)s calls more", added) % {"n": figures.decimal(added)}
    return Course(spark(told.course(first, last)) if added else (), text if added else _("no calls more"))


def spark(days: Sequence[DayTold]) -> tuple[tuple[str, str, str, str], ...]:
    """A column for each day after the first, as high as what it added; a total the vendor took back adds nothing."""
    wide, high = SPARK
    gains = [max(0, (day.total or 0) - (before.total or 0)) for before, day in pairwise(days)]
    step, most = wide / len(gains), max(gains) or 1
    return tuple(
        (number(place * step), number(high - high * gain / most), number(step * 0.72), number(high * gain / most))
        for place, gain in enumerate(gains)
    )


def states(head: Frame) -> list[StateLink]:
    selection = head.selection.change(page="1")
    return [
        StateLink(
            label=str(STATES[word][1]) if word else pgettext("campaigns", "All"),
            href=selection.change(status=word).query,
            current=selection["status"] == word,
        )
        for word in OPTIONS["status"]
    ]

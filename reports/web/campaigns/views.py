"""The list of campaigns: the vendor's totals as of now, or what became of them and of their calls over a period."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from urllib.parse import urlencode

from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext
from django.views.decorators.http import require_safe

from portal.formats import figures
from portal.tenants.guards import TenantRequest, tenant_view
from reports.definitions.labels import CAMPAIGN_KIND_LABELS, CAMPAIGN_STATE_LABELS, CAMPAIGN_UNKNOWN_LABELS, Unknown
from reports.definitions.metrics import METRICS
from reports.queries.campaigns import lists as asked
from reports.queries.campaigns.lists import CampaignHistory, CampaignTotals
from reports.queries.campaigns.progress import Growth, Progress, during, progress
from reports.web.shared.charts.scale import number
from reports.web.shared.first_steps import first_steps
from reports.web.shared.frame import Frame, frame
from reports.web.shared.selection import OptionLink

_MARKS = {"active": "good", "paused": "wait", "completed": "", "cancelled": "off", "draft": "off"}
STATES: Mapping[str, tuple[str, str | Promise]] = {
    word: (_MARKS[word], label) for word, label in CAMPAIGN_STATE_LABELS.items()
}
OPTIONS = {"status": ("", *asked.STATUSES), "page": tuple(map(str, range(1, 201)))}
PER_PAGE = 50
SPARK = (120, 22)  # wide and high, in pixels


@dataclass(frozen=True, slots=True)
class Course:
    """What the period added to the vendor's total: each reading as a small column, and the sum in words; why it is not
    known in ``unknown``.
    """

    columns: tuple[tuple[str, str, str, str], ...] = ()  # x, y, width and height in pixels
    text: str = ""
    since: str = ""  # the day of the reading before the period
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class CampaignRow:
    progress: Progress
    href: str
    mark: str
    state: str
    kind: str
    read_on: str  # the day of the reading that the totals are of
    unknown: str  # why there are none
    calls_href: str
    calls_unknown: str
    course: Course

    @property
    def history(self) -> CampaignHistory:
        return self.progress.history


@require_safe
@tenant_view()
def campaigns(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """What each campaign has come to, as of now or over a period, those that started last first."""
    head = frame(request, gettext_lazy("Campaigns"), page="campaigns", options=OPTIONS, running=True)
    if (leading := first_steps(request, head.choices, page=head.page, title=head.title)) is not None:
        return leading
    selection = head.selection
    rows = asked.campaigns(
        head.scope, environments=selection.environments, agents=selection.agents, status=selection["status"]
    )
    every = asked.histories(rows, head.scope)
    period = None
    if selection.dated:
        period = during(selection.first, selection.last, head.scope.zone, now=head.now)
    # A campaign may be planned ahead: only a period that is over says that it begins after it.
    last = selection.last if period is not None and period.over else date.max
    listed = [history for history in every if history.starts is None or history.starts <= last]
    place = int(selection["page"])
    shown = listed[PER_PAGE * (place - 1) : PER_PAGE * place]
    read = asked.last_read(head.scope, [environment.pk for environment in head.shown.environments])
    standing = head.standing()
    able = METRICS["campaign_success_rate"].vendors
    context = head.context(standing=standing) | {
        "rows": [campaign_row(each, head, tenant) for each in progress(shown, head.scope, period, standing)],
        "later": len(every) - len(listed),
        "by_end": figures.day(selection.last) if period is not None and period.over else "",
        "read_at": figures.moment(read.as_of, head.scope.zone, now=head.now) if read.as_of else "",
        "read_whole": read.whole,
        "read_ended": read.ended,
        "states": states(head),
        "apart": head.choices.apart,
        "several_homes": len(head.shown.environments) > 1,
        "untold": [environment.name for environment in head.shown.environments if environment.provider not in able],
        "told_by_none": head.shown.providers.isdisjoint(able),
        "earlier_page": selection.change(page=place - 1).query if place > 1 else "",
        "later_page": selection.change(page=place + 1).query if len(listed) > PER_PAGE * place else "",
    }
    return TemplateResponse(request, "reports/campaigns.html", context)


def campaign_row(campaign_progress: Progress, head: Frame, tenant: str) -> CampaignRow:
    row, days = campaign_progress.history.row, head.selection
    link = {"campaign": row.public_id, "date_from": days.first.isoformat(), "date_to": days.last.isoformat()}
    return CampaignRow(
        progress=campaign_progress,
        href=reverse("reports_web:campaign", args=[tenant, row.public_id]),
        mark=STATES.get(row.status, ("", ""))[0],
        state=str(STATES.get(row.status, ("", row.status))[1]),
        kind=str(CAMPAIGN_KIND_LABELS.get(row.kind, row.kind)),
        read_on=reading_day(campaign_progress.totals.day, days.today) if campaign_progress.totals else "",
        unknown=why(campaign_progress.totals_unknown),
        calls_href=f"{reverse('reports_web:calls', args=[tenant])}?{urlencode(link)}" if days.dated else "",
        calls_unknown=why(campaign_progress.calls_unknown),
        course=course(campaign_progress.growth, days.today) if campaign_progress.growth else Course(),
    )


def why(reason: Unknown | None) -> str:
    return str(CAMPAIGN_UNKNOWN_LABELS[reason]) if reason else ""


def reading_day(day: date, today: date) -> str:
    """With its year where that is another one."""
    return figures.short_days(day, day) if day.year == today.year else figures.day(day)


def course(growth: Growth, today: date) -> Course:
    """What a period added, as columns and in words with the day since when."""
    if growth.added is None:
        return Course(unknown=why(growth.unknown))
    amount = {"n": figures.decimal(abs(growth.added))}
    text = _("no calls more")
    if growth.added > 0:
        text = ngettext("%(n)s call more", "%(n)s calls more", growth.added) % amount
    elif growth.added < 0:
        text = ngettext("%(n)s call fewer", "%(n)s calls fewer", -growth.added) % amount
    return Course(
        columns=spark(growth.days) if growth.added > 0 and len(growth.days) > 1 else (),
        text=text,
        since=reading_day(growth.since, today) if growth.since else "",
    )


def spark(days: Sequence[CampaignTotals]) -> tuple[tuple[str, str, str, str], ...]:
    """A column for each day after the first, as high as what it added; a total the vendor took back adds nothing."""
    wide, high = SPARK
    gains = [max(0, (day.total or 0) - (before.total or 0)) for before, day in pairwise(days)]
    step, most = wide / len(gains), max(gains) or 1
    return tuple(
        (number(place * step), number(high - high * gain / most), number(step * 0.72), number(high * gain / most))
        for place, gain in enumerate(gains)
    )


def states(head: Frame) -> list[OptionLink]:
    selection = head.selection.change(page="1")
    return [
        OptionLink(
            label=str(STATES[word][1]) if word else pgettext("campaigns", "All"),
            href=selection.change(status=word).query,
            current=selection["status"] == word,
        )
        for word in OPTIONS["status"]
    ]

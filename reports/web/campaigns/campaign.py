"""One campaign: the vendor's figures, and what the calls it names show."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext
from django.views.decorators.http import require_safe

from portal.formats import figures
from portal.tenants.guards import TenantRequest, tenant_view
from reports.definitions.filters import NONE, Filters
from reports.definitions.labels import CAMPAIGN_KIND_LABELS, STATUS_LABELS
from reports.definitions.periods import Period, local_date
from reports.queries.campaigns import lists as asked
from reports.queries.campaigns.calls import CampaignCalls, Effort, Part, ages, campaign_calls
from reports.queries.campaigns.lists import CampaignHistory, CampaignTotals
from reports.queries.completeness.freshness import completeness
from reports.queries.scope import Scope
from reports.web.campaigns.ages import compared
from reports.web.campaigns.views import STATES
from reports.web.shared.charts import (
    BarRow,
    Bars,
    Look,
    Plot,
    Series,
    Slot,
    Stripe,
    bars,
    columns,
    highest_and_lowest,
    lines,
)
from reports.web.shared.completeness import completeness_line
from sync.taxonomy import Outcome

DAYS_AS_DAYS = 92  # a longer campaign is drawn by week
COMPARED = 5  # other campaigns
LATE = 8  # attempts from here on are one column


@dataclass(frozen=True, slots=True)
class Links:
    """To the calls behind a figure of the campaign."""

    base: str
    campaign: UUID

    def calls(self, **filters: object) -> str:
        return f"{self.base}?{urlencode({'campaign': self.campaign, **filters}, safe=',')}"

    def days(self, first: date, last: date, **filters: object) -> str:
        return self.calls(date_from=first.isoformat(), date_to=last.isoformat(), **filters)


@require_safe
@tenant_view()
def campaign(request: TenantRequest, tenant: str, campaign: UUID) -> HttpResponseBase:
    """How a campaign ran, whom it reached at which attempt, why not the others, and how it stands beside its like."""
    now = timezone.now()
    scope = Scope.of(request.scope_grant)
    try:
        row = asked.campaign(campaign, scope)
    except ObjectDoesNotExist as error:
        raise Http404 from error
    history, detail = asked.histories([row], scope)[0], asked.detail(row)
    calls = campaign_calls(row, scope, now=now)
    links = Links(reverse("reports_web:calls", args=[tenant]), row.public_id)
    others = asked.siblings(row, scope, COMPARED)
    period = _period(history, calls, scope.zone, now)
    filters = Filters(environments=(row.environment.public_id,))
    standing = completeness(scope, period, filters, now=now)
    read = asked.last_read(scope, [row.environment_id])
    mark, state = STATES.get(row.status, ("", row.status))
    context = {
        "page": "campaigns",
        "campaign": row,
        "mark": mark,
        "state": state,
        "kind": CAMPAIGN_KIND_LABELS.get(row.kind, row.kind),
        "starts": history.starts,
        "detail": detail,
        "penetration": _share(detail.worked or 0, detail.records or 0),
        "line": completeness_line(standing, scope.zone, now=now),
        "read_at": figures.moment(read.as_of, scope.zone, now=now) if read.as_of else "",
        "read_whole": read.whole,
        "read_ended": read.ended,
        "calls": calls,
        "calls_href": links.calls(),
        "reach_rate": _share(calls.effort.reached, calls.effort.contacts),
        "by_day": calls_by_day(calls.parts, links, today=local_date(now, scope.zone)),
        "course": course_plot(history.days),
        "attempts": attempts_plot(calls.effort),
        "first_connect": first_connect_plot(calls.effort),
        "causes": causes(calls, links),
        "compared": compared(row, others, ages([row, *others], scope, now=now), tenant=tenant),
        "list_href": reverse("reports_web:campaigns", args=[tenant]),
    }
    return TemplateResponse(request, "reports/campaign.html", context)


def _period(history: CampaignHistory, calls: CampaignCalls, zone: str, now: datetime) -> Period:
    """The days of its calls: what has to be mirrored for its figures to be whole."""
    today = local_date(now, zone)
    first = calls.parts[0].day if calls.parts else min(history.starts or today, today)
    last = calls.parts[-1].day if calls.parts else today
    return Period(first, last + timedelta(days=1), zone)


def _share(part: int, whole: int) -> float | None:
    return part * 100 / whole if whole else None


@dataclass(frozen=True, slots=True)
class Drawn:
    """A plot and the sentence that says the same."""

    plot: Plot
    sentence: str


def calls_by_day(parts: Iterable[Part], links: Links, *, today: date) -> Drawn | None:
    """Calls named by the campaign over its days, or its weeks when it is long."""
    counts: dict[date, Counter[str]] = {}
    for part in parts:
        counts.setdefault(part.day, Counter())[part.outcome] += part.n
    if not counts:
        return None
    first, last = min(counts), max(counts)
    step = 1 if (last - first).days < DAYS_AS_DAYS else 7
    start = first if step == 1 else first - timedelta(days=first.weekday())
    slots, values = [], []
    for number in range((last - start).days // step + 1):
        begins = start + timedelta(days=number * step)
        ends = begins + timedelta(days=step - 1)
        values.append(sum((counts.get(begins + timedelta(days=day), Counter()) for day in range(step)), Counter[str]()))
        slots.append(
            Slot(
                name=figures.stretch("day" if step == 1 else "week", begins, ends),
                label=date_format(begins, "MONTH_DAY_FORMAT"),
                href=links.days(begins, ends),
                unfinished=ends >= today,
            )
        )
    edges = [
        (begins, begins + timedelta(days=step - 1))
        for begins in (start + timedelta(days=n * step) for n in range(len(slots)))
    ]

    def series(kind: str, label: str, *outcomes: str) -> Series:
        return Series(
            kind,
            label,
            tuple(float(sum(value[outcome] for outcome in outcomes)) for value in values),
            tuple(links.days(*edge, outcome=",".join(outcomes)) for edge in edges),
        )

    plot = columns(
        slots,
        [
            series("s1", _("connected"), Outcome.CONNECTED),
            series("s2", _("unreached"), Outcome.UNREACHED),
            series("s7", pgettext("calls", "open"), Outcome.OPEN),
            series("s6", pgettext("calls", "unresolved"), Outcome.UNRESOLVED),
        ],
        Look(height=150),
    )
    whole = [
        (slot.name, float(value.total())) for slot, value in zip(slots, values, strict=True) if not slot.unfinished
    ]
    return Drawn(plot, highest_and_lowest([name for name, _n in whole], [n for _name, n in whole], "count"))


def course_plot(days: Iterable[CampaignTotals]) -> Plot | None:
    """The vendor's running totals, one point for each day kept; None while there is one only."""
    kept = list(days)
    if len(kept) < 2:
        return None
    slots = [
        Slot(
            name=figures.weekday(day.day),
            label=date_format(day.day, "MONTH_DAY_FORMAT"),
            extra=(figures.value(day.success_rate, "percent"),),
        )
        for day in kept
    ]

    def series(kind: str, label: str, values: Iterable[int | None]) -> Series:
        return Series(kind, label, tuple(None if value is None else float(value) for value in values))

    return lines(
        slots,
        [
            series("s1", _("calls"), (day.total for day in kept)),
            series("s4", pgettext("calls", "completed"), (day.completed for day in kept)),
            series("s2", _("failed"), (day.failed for day in kept)),
        ],
        Look(height=150, heading=_("Day in UTC"), extra=(_("Completion rate"),)),
    )


def attempts_plot(effort: Effort) -> Drawn | None:
    return _histogram(effort.attempts, _("contacts"), _("Attempts"))


def first_connect_plot(effort: Effort) -> Drawn | None:
    return _histogram(effort.first_connect, _("contacts reached"), _("Attempt"))


def _histogram(counts: Mapping[int, int], label: str, heading: str) -> Drawn | None:
    """A column for each number from 1; those from LATE on together."""
    if not counts:
        return None
    bands: Counter[int] = Counter()
    for number, contacts in counts.items():
        bands[min(number, LATE)] += contacts
    total = bands.total()
    names = [f"{number}+" if number == LATE else str(number) for number in range(1, max(bands) + 1)]
    values = tuple(float(bands[number]) for number in range(1, max(bands) + 1))
    slots = [
        Slot(name=name, label=name, extra=(figures.value(_share(int(value), total), "percent"),))
        for name, value in zip(names, values, strict=True)
    ]
    plot = columns(
        slots, [Series("s1", label, values)], Look(height=130, heading=heading, extra=(_("Share"),), newest_first=False)
    )
    mean = sum(number * contacts for number, contacts in counts.items()) / sum(counts.values())
    sentence = ngettext(
        "Mean %(mean)s, over %(n)s contact.", "Mean %(mean)s, over %(n)s contacts.", sum(counts.values())
    )
    return Drawn(plot, sentence % {"mean": figures.decimal(mean, 2), "n": figures.decimal(sum(counts.values()))})


def causes(calls: CampaignCalls, links: Links) -> Bars | None:
    """Why calls did not reach anybody: by status, and by the cause of hang-up where the vendor tells one."""
    counts: Counter[tuple[str, str]] = Counter()
    for part in calls.parts:
        if part.outcome == Outcome.UNREACHED:
            counts[part.status, part.cause] += part.n
    if not counts:
        return None
    total = counts.total()
    rows = []
    for (status, cause), n in counts.most_common():
        href = links.calls(status=status, cause=cause or NONE, outcome=Outcome.UNREACHED.value)
        label = str(STATUS_LABELS.get(status, status))
        rows.append(
            BarRow(
                label=label,
                note=cause,
                stripes=(Stripe("s2", 0, n, f"{label}: {figures.decimal(n)}", href),),
                cells=(figures.decimal(n), figures.value(_share(n, total), "percent")),
                href=href,
            )
        )
    return bars(rows, (_("Status"), _("Calls"), _("Share")))

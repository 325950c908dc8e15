"""Campaigns: the vendor's figures as of now or over a period, and of a single one what the calls it names show."""

from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from reports.api import documented as doc
from reports.api import forms
from reports.api.base import ReaderView
from reports.api.parameters import PAGING
from reports.api.writer import write
from reports.definitions.filters import Filters
from reports.definitions.labels import CAMPAIGN_UNKNOWN_LABELS, Unknown
from reports.queries.campaigns import lists as asked
from reports.queries.campaigns.calls import campaign_calls
from reports.queries.campaigns.progress import Progress, calls_standing, during, list_standing, progress
from reports.queries.selector import resolve


def _unknown(*reasons: Unknown, source: str | None = None) -> s.ChoiceField:
    return s.ChoiceField(
        source=source,
        choices=[(reason.value, CAMPAIGN_UNKNOWN_LABELS[reason]) for reason in reasons],
        allow_null=True,
        help_text=_("Why the figure is not known; null where it is."),
    )


def _totals(prefix: str = "") -> dict[str, Any]:
    """The vendor's running totals; ``prefix`` leads to them where they are not the row itself."""
    return {
        "total_calls": s.IntegerField(source=f"{prefix}total", allow_null=True),
        "completed_calls": s.IntegerField(source=f"{prefix}completed", allow_null=True),
        "failed_calls": s.IntegerField(source=f"{prefix}failed", allow_null=True),
        "success_rate": s.FloatField(source=f"{prefix}success_rate" if prefix else None, allow_null=True),
    }


_row_totals, _day_totals = _totals("totals."), _totals()
_campaign: dict[str, Any] = {
    "id": s.UUIDField(source="history.row.public_id"),
    "external_id": s.CharField(source="history.row.external_id"),
    "environment": s.UUIDField(source="history.row.environment.public_id"),
    "agent": forms.form("CampaignAgent", id=s.UUIDField(source="public_id"), name=s.CharField(source="shown_name"))(
        source="history.row.agent", allow_null=True
    ),
    "name": s.CharField(source="history.row.name"),
    "status": s.CharField(source="history.row.status"),
    "kind": s.CharField(source="history.row.kind"),
    **_row_totals,
    "read_on": s.DateField(
        source="totals.day",
        allow_null=True,
        help_text=_("The UTC day of the reading that the totals are of; null where they are not known."),
    ),
    "first_seen_at": s.DateTimeField(source="history.row.first_seen_at"),
    "missing_since": s.DateTimeField(source="history.row.missing_since", allow_null=True),
}
PeriodForm = forms.form(
    "CampaignPeriod",
    totals_unknown=_unknown(Unknown.FIRST_READ_LATER, Unknown.NOT_TOLD),
    calls=s.IntegerField(
        allow_null=True,
        help_text=_("Mirrored calls of the days that the vendor names for the campaign, test calls left out."),
    ),
    calls_unknown=_unknown(Unknown.NOT_BEGUN, Unknown.CALLS_NOT_NAMED, Unknown.CALLS_NOT_READ),
    added_calls=s.IntegerField(
        source="growth.added",
        allow_null=True,
        help_text=_(
            "What the vendor's total grew by: from the last reading before the days to the last one by their end."
        ),
    ),
    added_since=s.DateField(
        source="growth.since",
        allow_null=True,
        help_text=_("The UTC day of that reading before; null where the days have no first one."),
    ),
    added_unknown=_unknown(
        Unknown.NOT_BEGUN,
        Unknown.FIRST_READ_LATER,
        Unknown.NOT_READ_BEFORE,
        Unknown.NOT_READ_WITHIN,
        Unknown.NOT_TOLD,
        source="growth.unknown",
    ),
)
CampaignForm = forms.form(
    "Campaign",
    **_campaign,
    period=PeriodForm(
        source="of_period",
        allow_null=True,
        help_text=_("What became of it over the days asked for; null without any."),
    ),
)
DetailForm = forms.form(
    "CampaignDetail",
    **_campaign,
    starts=s.DateField(source="history.starts", allow_null=True),
    records_total=s.IntegerField(source="single.records", allow_null=True),
    records_processed=s.IntegerField(source="single.worked", allow_null=True),
    days=forms.form("CampaignDay", day=s.DateField(), **_day_totals)(many=True, source="history.days"),
    calls_named=s.IntegerField(source="named.calls"),
    calls_mirrored=s.IntegerField(source="named.mirrored"),
    contacts=s.IntegerField(source="effort.contacts"),
    contacts_reached=s.IntegerField(source="effort.reached"),
    attempts_per_contact=s.FloatField(source="effort.mean_attempts", allow_null=True),
    attempt_of_first_connect=s.FloatField(source="effort.mean_first_connect", allow_null=True),
    attempts=s.DictField(source="effort.attempts", child=s.IntegerField()),
    first_connects=s.DictField(source="effort.first_connect", child=s.IntegerField()),
)
_standing: dict[str, Any] = forms.STANDING | {
    "complete": s.BooleanField(
        source="standing.complete",
        help_text=_("Whether the vendor's list and, with days, every call of these was read whole."),
    )
}


class CampaignList(ReaderView):
    params = ("environment", "date_from", "date_to", *PAGING)
    page_form = forms.page_of(CampaignForm, **_standing)

    @extend_schema(operation_id="campaigns_list", **doc.single(page_form))
    def get(self, request: Request) -> Response:
        """Campaigns, newest first. Without days the vendor's totals are as of now. With a first or a last day they are
        as last read by the end of the days, and ``period`` tells what they grew by and which mirrored calls began then.
        What no reading tells is null, with the reason. ``success_rate`` is completed ÷ total calls.
        """
        first, last = self.days()
        selector = resolve(Filters(environments=self.ids("environment")), self.scope, now=timezone.now())
        period = during(first, last, self.scope.zone, now=selector.now)
        standing = list_standing(selector, calls_standing(first, last, selector, now=selector.now))
        rows = asked.campaigns(self.scope, environments=selector.filters.environments)

        def together(page: list[Any]) -> list[Progress]:
            return progress(asked.histories_as_listed(page, self.scope), self.scope, period, standing.calls)

        return self.short_list(rows, together=together, standing=standing)


class CampaignOne(ReaderView):
    @extend_schema(operation_id="campaigns_one", **doc.single(DetailForm))
    def get(self, request: Request, id: UUID) -> Response:
        """One campaign, with the vendor's totals of each UTC day they were read, and what its mirrored calls show.

        ``attempts`` counts contacts by how often they were tried, ``first_connects`` by the attempt that reached them.
        """
        row = asked.campaign(id, self.scope)
        history = asked.histories([row], self.scope)[0]
        calls = campaign_calls(row, self.scope, now=timezone.now())
        single = {
            "history": history,
            "totals": history.latest,
            "single": asked.detail(row),
            "named": calls.named,
            "effort": calls.effort,
        }
        return Response(write(DetailForm, single))

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
from reports.definitions.filters import Filters
from reports.definitions.labels import CAMPAIGN_UNKNOWN_LABELS, Unknown
from reports.queries.campaigns import lists as asked
from reports.queries.campaigns.calls import CampaignCalls, campaign_calls
from reports.queries.campaigns.lists import CampaignHistory, CampaignTotals
from reports.queries.campaigns.progress import Progress, calls_standing, during, list_standing, progress
from reports.queries.selector import resolve


def _unknown(*reasons: Unknown) -> s.ChoiceField:
    return s.ChoiceField(
        choices=[(reason.value, CAMPAIGN_UNKNOWN_LABELS[reason]) for reason in reasons],
        allow_null=True,
        help_text=_("Why the figure is not known; null where it is."),
    )


_totals: dict[str, Any] = {
    "total_calls": s.IntegerField(allow_null=True),
    "completed_calls": s.IntegerField(allow_null=True),
    "failed_calls": s.IntegerField(allow_null=True),
    "success_rate": s.FloatField(allow_null=True),
}
_campaign: dict[str, Any] = {
    "id": s.UUIDField(),
    "external_id": s.CharField(),
    "environment": s.UUIDField(),
    "agent": doc.form("CampaignAgent", id=s.UUIDField(), name=s.CharField())(allow_null=True),
    "name": s.CharField(),
    "status": s.CharField(),
    "kind": s.CharField(),
    **_totals,
    "read_on": s.DateField(
        allow_null=True,
        help_text=_("The UTC day of the reading that the totals are of; null where they are not known."),
    ),
    "first_seen_at": s.DateTimeField(),
    "missing_since": s.DateTimeField(allow_null=True),
}
PeriodForm = doc.form(
    "CampaignPeriod",
    totals_unknown=_unknown(Unknown.FIRST_READ_LATER, Unknown.NOT_TOLD),
    calls=s.IntegerField(
        allow_null=True,
        help_text=_("Mirrored calls of the days that the vendor names for the campaign, test calls left out."),
    ),
    calls_unknown=_unknown(Unknown.NOT_BEGUN, Unknown.CALLS_NOT_NAMED, Unknown.CALLS_NOT_READ),
    added_calls=s.IntegerField(
        allow_null=True,
        help_text=_(
            "What the vendor's total grew by: from the last reading before the days to the last one by their end."
        ),
    ),
    added_since=s.DateField(
        allow_null=True, help_text=_("The UTC day of that reading before; null where the days have no first one.")
    ),
    added_unknown=_unknown(
        Unknown.NOT_BEGUN,
        Unknown.FIRST_READ_LATER,
        Unknown.NOT_READ_BEFORE,
        Unknown.NOT_READ_WITHIN,
        Unknown.NOT_TOLD,
    ),
)
_standing: dict[str, Any] = doc.STANDING | {
    "complete": s.BooleanField(
        help_text=_("Whether the vendor's list and, with days, every call of these was read whole.")
    )
}
CampaignForm = doc.form(
    "Campaign",
    **_campaign,
    period=PeriodForm(allow_null=True, help_text=_("What became of it over the days asked for; null without any.")),
)
DetailForm = doc.form(
    "CampaignDetail",
    **_campaign,
    starts=s.DateField(allow_null=True),
    records_total=s.IntegerField(allow_null=True),
    records_processed=s.IntegerField(allow_null=True),
    days=doc.form("CampaignDay", day=s.DateField(), **_totals)(many=True),
    calls_named=s.IntegerField(),
    calls_mirrored=s.IntegerField(),
    contacts=s.IntegerField(),
    contacts_reached=s.IntegerField(),
    attempts_per_contact=s.FloatField(allow_null=True),
    attempt_of_first_connect=s.FloatField(allow_null=True),
    attempts=s.DictField(child=s.IntegerField()),
    first_connects=s.DictField(child=s.IntegerField()),
)


class CampaignList(ReaderView):
    params = ("environment", "date_from", "date_to", *PAGING)

    @extend_schema(operation_id="campaigns_list", **doc.listed(CampaignForm, **_standing))
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
            return progress(asked.histories_as_listed(page), self.scope, period, standing.calls)

        return self.short_list(rows, over_period, together=together, **forms.standing(standing))


class CampaignOne(ReaderView):
    @extend_schema(operation_id="campaigns_one", **doc.single(DetailForm))
    def get(self, request: Request, id: UUID) -> Response:
        """One campaign, with the vendor's totals of each UTC day they were read, and what its mirrored calls show.

        ``attempts`` counts contacts by how often they were tried, ``first_connects`` by the attempt that reached them.
        """
        row = asked.campaign(id, self.scope)
        history = asked.histories([row])[0]
        return Response(detail(history, asked.detail(row), campaign_calls(row, self.scope, now=timezone.now())))


def over_period(campaign_progress: Progress) -> dict[str, Any]:
    growth = campaign_progress.growth
    period = growth and {
        "totals_unknown": campaign_progress.totals_unknown,
        "calls": campaign_progress.calls,
        "calls_unknown": campaign_progress.calls_unknown,
        "added_calls": growth.added,
        "added_since": growth.since,
        "added_unknown": growth.unknown,
    }
    return campaign(campaign_progress.history.row, campaign_progress.totals) | {"period": period}


def campaign(row: Any, totals: CampaignTotals | None) -> dict[str, Any]:
    return {
        "id": str(row.public_id),
        "external_id": row.external_id,
        "environment": str(row.environment.public_id),
        "agent": None if row.agent is None else {"id": str(row.agent.public_id), "name": str(row.agent)},
        "name": row.name,
        "status": row.status,
        "kind": row.kind,
        "total_calls": totals and totals.total,
        "completed_calls": totals and totals.completed,
        "failed_calls": totals and totals.failed,
        "success_rate": totals and totals.success_rate,
        "read_on": totals and totals.day,
        "first_seen_at": row.first_seen_at,
        "missing_since": row.missing_since,
    }


def detail(history: CampaignHistory, single: asked.Detail, calls: CampaignCalls) -> dict[str, Any]:
    effort = calls.effort
    return campaign(history.row, history.latest) | {
        "starts": history.starts,
        "records_total": single.records,
        "records_processed": single.worked,
        "days": [
            {
                "day": day.day,
                "total_calls": day.total,
                "completed_calls": day.completed,
                "failed_calls": day.failed,
                "success_rate": day.success_rate,
            }
            for day in history.days
        ],
        "calls_named": calls.named.calls,
        "calls_mirrored": calls.named.mirrored,
        "contacts": effort.contacts,
        "contacts_reached": effort.reached,
        "attempts_per_contact": effort.mean_attempts,
        "attempt_of_first_connect": effort.mean_first_connect,
        "attempts": {str(number): n for number, n in effort.attempts.items()},
        "first_connects": {str(number): n for number, n in effort.first_connect.items()},
    }

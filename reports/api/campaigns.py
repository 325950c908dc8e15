"""Campaigns: the vendor's figures with the days they were kept, and of a single one what the calls it names show."""

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from reports.api import documented as doc
from reports.api.base import PAGING, ReaderView
from reports.queries import campaigns as asked
from reports.queries.campaign_calls import CampaignCalls, campaign_calls
from reports.queries.campaigns import CampaignTold

_told: dict[str, Any] = {
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
    **_told,
    "first_seen_at": s.DateTimeField(),
    "missing_since": s.DateTimeField(allow_null=True),
}
CampaignForm = doc.form("Campaign", **_campaign)
DetailForm = doc.form(
    "CampaignDetail",
    **_campaign,
    starts=s.DateField(allow_null=True),
    records_total=s.IntegerField(allow_null=True),
    records_processed=s.IntegerField(allow_null=True),
    days=doc.form("CampaignDay", day=s.DateField(), **_told)(many=True),
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
    params = ("environment", *PAGING)

    @extend_schema(operation_id="campaigns_list", **doc.listed(CampaignForm, "environment"))
    def get(self, request: Request) -> Response:
        """Campaigns as the vendor last told of them, newest first. Its ``success_rate`` is completed ÷ total calls."""
        rows = asked.campaigns(self.scope, environments=self.ids("environment"))
        return self.short_list(rows, campaign)


class CampaignOne(ReaderView):
    @extend_schema(operation_id="campaigns_one", **doc.single(DetailForm))
    def get(self, request: Request, id: UUID) -> Response:
        """One campaign, with the vendor's totals of each UTC day they were read, and what its mirrored calls show.

        ``attempts`` counts contacts by how often they were tried, ``first_connects`` by the attempt that reached them.
        """
        row = asked.campaign(id, self.scope)
        found = asked.told([row])[0]
        return Response(detail(found, asked.detail(row), campaign_calls(row, self.scope, now=timezone.now())))


def campaign(row: Any) -> dict[str, Any]:
    return {
        "id": str(row.public_id),
        "external_id": row.external_id,
        "environment": str(row.environment.public_id),
        "agent": None if row.agent is None else {"id": str(row.agent.public_id), "name": str(row.agent)},
        "name": row.name,
        "status": row.status,
        "kind": row.kind,
        "total_calls": row.total_calls,
        "completed_calls": row.completed_calls,
        "failed_calls": row.failed_calls,
        "success_rate": row.success_rate,
        "first_seen_at": row.first_seen_at,
        "missing_since": row.missing_since,
    }


def detail(told: CampaignTold, single: asked.Detail, calls: CampaignCalls) -> dict[str, Any]:
    effort = calls.effort
    return campaign(told.row) | {
        "starts": told.starts,
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
            for day in told.days
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

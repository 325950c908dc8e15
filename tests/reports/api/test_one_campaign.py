"""One campaign over the API: the vendor's totals day by day, and what the calls that it names show."""

import json
from datetime import date, timedelta

from portal.tenants import wall
from reports.api.campaigns import DetailForm
from sync.models.campaigns import Campaign, CampaignCall, CampaignDay
from tests import factories
from tests.reports.api.conftest import make_key


def test_its_days_and_what_its_calls_show(get, acme, sales):
    with wall.tenant(acme):
        agent = factories.agent(sales, "sells", label="Vendas")
        row = Campaign.objects.create(
            tenant=acme,
            environment=sales,
            external_id="k-1",
            name="K",
            status="active",
            kind="sales",
            agent=agent,
            total_calls=4,
            completed_calls=1,
            failed_calls=2,
            success_rate=25.0,
            changed_at=factories.TIME_ZERO,
            payload=json.dumps({"start_date": "2026-07-07"}),
            detail_payload=json.dumps({"start_date": "2026-07-07", "files": [{"total_records": 9}]}),
        )
        for number, (contact, status) in enumerate((("1", "busy"), ("1", "completed"), ("2", "busy"))):
            at = factories.TIME_ZERO + timedelta(minutes=number)
            person = f"+551198765432{contact}"
            factories.call(sales, f"c{number}", agent=agent, status=status, to_number=person, started_at=at)
        for key in ("c0", "c1", "c2", "lost"):
            CampaignCall.objects.create(tenant=acme, environment=sales, campaign=row, call_key=key)
        for day, total in ((7, None), (8, 4)):
            CampaignDay.objects.create(
                tenant=acme, environment=sales, campaign=row, day=date(2026, 7, day), total_calls=total
            )
        row.refresh_from_db()
    answer = get(f"/api/v1/campaigns/{row.public_id}/", make_key(acme))
    unknown = {"completed_calls": None, "failed_calls": None, "success_rate": None}
    assert answer.data == {
        "id": str(row.public_id),
        "external_id": "k-1",
        "environment": str(sales.public_id),
        "agent": {"id": str(agent.public_id), "name": "Vendas"},
        "name": "K",
        "status": "active",
        "kind": "sales",
        "total_calls": 4,
        "completed_calls": 1,
        "failed_calls": 2,
        "success_rate": 25.0,
        "read_on": "2026-07-08",
        "first_seen_at": row.first_seen_at.isoformat().replace("+00:00", "Z"),
        "missing_since": None,
        "starts": "2026-07-07",
        "records_total": 9,
        "records_processed": None,
        "days": [
            {"day": "2026-07-07", "total_calls": None, **unknown},
            {"day": "2026-07-08", "total_calls": 4, **unknown},
        ],
        "calls_named": 4,
        "calls_mirrored": 3,
        "contacts": 2,
        "contacts_reached": 1,
        "attempts_per_contact": 1.5,
        "attempt_of_first_connect": 2.0,
        "attempts": {"1": 1, "2": 1},
        "first_connects": {"2": 1},
    }
    assert list(answer.data) == list(DetailForm.names)

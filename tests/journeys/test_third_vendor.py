"""A vendor nobody has heard of: a folder and a line in the registry, and every face measures its calls at once."""

import csv
import re
from datetime import UTC, date, datetime, timedelta
from io import BytesIO, StringIO

import pytest
import python_calamine
import time_machine
from django.core.management import call_command

from portal.tenants import wall
from portal.tenants.guards import membership_of
from portal.tenants.models.tenants import Environment
from reports.definitions.metrics import METRICS
from reports.files import jobs
from reports.files.making import make
from reports.files.orders import read_order
from reports.mail.preview import as_reader, preview
from reports.mail.subscriptions import create_weekly
from reports.queries.scope import Scope
from sync.models.calls import Call
from sync.providers import registry
from tests.invented.client import PABX
from tests.reports.api.conftest import make_key
from tests.sync.conftest import make_connection

pytestmark = pytest.mark.django_db(transaction=True)

MONDAY = datetime(2026, 7, 13, 15, 0, tzinfo=UTC)
WEEK = "date_from=2026-07-06&date_to=2026-07-12"
MEASURED = {"attempts": 21, "connected": 14, "connect_rate": 200 / 3, "time_to_answer": 6.0, "average_duration": 60.0}
NOT_MEASURABLE = ("estimated_cost", "billed_minutes", "callbacks_received", "derived_callbacks", "llm_latency_p50")


@pytest.fixture
def pabx(acme, settings, monkeypatch) -> Environment:
    """Two weeks of calls, three a day, read by the portal's own command."""
    settings.UPSTREAM_ALLOW_PRIVATE = True
    monkeypatch.setattr(registry, "PROVIDERS", (*registry.PROVIDERS, PABX))
    with time_machine.travel(MONDAY, tick=True):
        with wall.tenant(acme):
            environment = Environment.objects.create(tenant=acme, name="Switchboard", provider="pabx")
            make_connection(environment, since=date(2026, 6, 29))
        call_command("pull", environment=environment.public_id, stderr=StringIO(), stdout=StringIO())
        yield environment


@pytest.fixture
def reader(client, ana):
    client.force_login(ana)
    return client


def test_its_calls_are_mirrored_and_settle_by_their_end(acme, pabx):
    with wall.tenant(acme):
        calls = Call.objects.filter(environment=pabx)
        # Up to the day of the test: a server's clock goes its own way, and the days after it are read as well there.
        assert calls.filter(started_at__lt=MONDAY + timedelta(days=1) - timedelta(hours=15)).count() == 15 * 3


def test_the_api_measures_what_it_tells_and_nothing_else(acme, pabx, client):
    key = make_key(acme, environment=pabx)
    metrics = ",".join((*MEASURED, *NOT_MEASURABLE))
    address = f"/api/v1/reports/query/?metrics={metrics}&{WEEK}"
    answer = client.get(address, headers={"Authorization": f"Bearer {key}"}).json()
    assert answer["complete"] is True
    assert (answer["mirrored"], answer["vendor_total"]) == (24, 24)  # of the eight UTC days
    values = {name: cell["value"] for name, cell in answer["totals"].items()}
    assert values == pytest.approx(MEASURED | dict.fromkeys(NOT_MEASURABLE), nan_ok=False)
    told = client.get("/api/v1/metrics/", headers={"Authorization": f"Bearer {key}"}).json()["results"]
    assert {row["key"] for row in told if "pabx" in row["vendors"]} == {
        row.key for row in METRICS.values() if row.needs <= PABX.facts
    }
    assert {"attempts", "service_level"} <= {row["key"] for row in told if "pabx" in row["vendors"]}
    assert not {row["key"] for row in told if "pabx" in row["vendors"]} & set(NOT_MEASURABLE)


def test_pages_show_its_figures_and_name_what_it_does_not_tell(pabx, reader):
    def page(rest: str) -> str:
        answer = reader.get(f"/t/acme/{rest}", headers={"Accept-Language": "en"})
        assert answer.status_code == 200
        return answer.content.decode()

    overview = page(f"?{WEEK}")
    assert "66.7" in overview
    assert "Estimated cost" in re.search(r"Not measurable with this vendor:[^/]*</p>", overview).group()
    chosen = page(f"reports/query/?metrics=attempts,estimated_cost&{WEEK}")
    assert '<data value="21"' in chosen
    assert re.search(r"Not measurable with this vendor: Estimated cost</p>", chosen)
    with wall.tenant(pabx.tenant):
        first = Call.objects.filter(environment=pabx).first()
    call = page(f"calls/{first.pk}/")
    assert "Ring time" in call
    assert "who hung up and why" in call  # among what the vendor never tells
    assert "pick-up and ring time" not in call
    assert "it does not say which agents take callbacks" in page("callbacks/")
    assert "Front desk" in page("agents/")
    assert page("campaigns/")


def test_files_hold_its_figures_and_a_blank_for_what_it_does_not_tell(acme, pabx, ana, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    membership = membership_of(ana, "acme")
    params = {"what": "report", "metrics": "attempts,connect_rate,estimated_cost", "by": "environment"}
    params |= {"date_from": "2026-07-06", "date_to": "2026-07-12", "compare": "none"}
    with wall.tenant(acme):
        made = {}
        for format in ("csv", "xlsx"):
            order = read_order(params | {"format": format}, Scope.of(membership.grant))
            row = jobs.ask(order, jobs.Asker(acme.pk, user=ana), lambda *pair: None)
            make(row.pk)
            row.refresh_from_db()
            made[format] = (tmp_path / "exports" / str(acme.pk) / row.file).read_bytes()
    rows = list(csv.reader(StringIO(made["csv"].decode("utf-8-sig"))))
    header, values = next((rows[n], rows[n + 1]) for n, row in enumerate(rows) if "attempts" in row)
    told = dict(zip(header, values, strict=True))
    assert (told["attempts"], told["estimated_cost"]) == ("21", "")
    sheet = python_calamine.CalamineWorkbook.from_filelike(BytesIO(made["xlsx"])).get_sheet_by_index(0).to_python()
    row = next(row for row in sheet if "Switchboard" in row)
    assert 21 in row


def test_the_mail_tells_of_it(acme, pabx, ana):
    with wall.tenant(acme):
        subscription = create_weekly(acme, ana.email, "en")
        made = preview(subscription, as_reader(subscription, ana), MONDAY + timedelta(hours=1))
    assert "21 calls, 66.7 % connected" in made.rendered.subject
    assert "Switchboard" in made.rendered.text


def test_a_vendor_without_a_form_of_its_own_has_no_such_address(acme, pabx, client):
    key = make_key(acme, environment=pabx)
    for form in ("talkover/api/v1/calls", "originsai/api/agents/1/call_stats"):
        assert client.get(f"/vendor/{form}", headers={"Authorization": f"Bearer {key}"}).status_code == 401
    assert client.get("/vendor/pabx/api/calls", headers={"Authorization": f"Bearer {key}"}).status_code == 404

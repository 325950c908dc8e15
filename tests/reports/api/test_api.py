"""The other lists, the figures, and how the API speaks of what it can't answer."""

import json
from datetime import date, timedelta
from urllib.parse import urlsplit

import pytest
from django.urls import reverse

from portal.tenants import wall
from portal.tenants.models.grants import Grant
from portal.tenants.models.people import Membership, Role
from reports.api import forms, views
from reports.definitions.metrics import METRICS
from sync.models.callbacks import CallbackDay
from sync.models.campaigns import Campaign
from sync.models.runs import Gap
from tests import factories
from tests.conftest import member
from tests.reports.api.conftest import make_key, read_days

API = "/api/v1"


@pytest.fixture
def key(acme):
    return make_key(acme)


def test_environments_tell_how_far_they_are_mirrored(get, acme, sales, care, key):
    with wall.tenant(acme):
        factories.call(sales, "one")
        read_days(sales, "calls", date(2026, 7, 6), date(2026, 7, 8))
        Gap.objects.create(
            tenant=acme,
            environment=sales,
            stream="calls",
            part="2026-07-09",
            day=date(2026, 7, 9),
            fault="server",
            opened_at=factories.TIME_ZERO,
        )
    rows = get(f"{API}/environments/", key).data["results"]
    assert [row["name"] for row in rows] == ["Care", "Sales"]
    assert list(rows[0]) == list(forms.Environment().fields)
    calls = rows[1]["freshness"]["calls"]
    assert list(calls) == list(forms.StreamFreshness().fields)
    assert calls["as_of"] == "2026-07-12T00:00:00Z"
    assert (calls["complete_from"], calls["complete_through"]) == ("2026-07-06", "2026-07-08")
    assert calls["gaps"][0]["day"] == "2026-07-09"
    assert list(calls["gaps"][0]) == list(forms.Gap().fields)
    assert get(f"{API}/environments/{sales.public_id}/", key).data == rows[1]


def test_agents_of_all_environments_or_of_one(get, acme, sales, care, key):
    with wall.tenant(acme):
        for number in range(3):
            factories.agent(sales, f"s{number}", price_per_minute="0.085500", currency="USD")
        factories.agent(care, "7")
    rows = get(f"{API}/agents/", key).data["results"]
    assert [row["external_id"] for row in rows] == ["7", "s0", "s1", "s2"]
    assert list(rows[1]) == list(forms.Agent().fields)
    assert rows[1]["price_per_minute"] == 0.0855
    assert len(get(f"{API}/agents/?environment={sales.public_id}", key).data["results"]) == 3
    assert len(get(f"{API}/agents/?environment={sales.public_id},{care.public_id}", key).data["results"]) == 4
    first = get(f"{API}/agents/?page_size=3&count=true", key).data
    assert (len(first["results"]), first["count"], first["previous"]) == (3, 4, None)
    second = get(first["next"].removeprefix("http://testserver"), key).data
    assert (len(second["results"]), second["next"]) == (1, None)
    assert get(second["previous"].removeprefix("http://testserver"), key).data["results"] == first["results"]


def test_callback_days_are_the_vendors_totals(get, acme, sales, key):
    sources = [{"agent": "a", "name": "Anna", "count": 3}]
    with wall.tenant(acme):
        for number in range(5):
            CallbackDay.objects.create(
                tenant=acme,
                environment=sales,
                day=date(2026, 7, 6) + timedelta(days=number),
                received=number,
                answered=1,
                unmatched=0,
                sources=sources,
                payload="{}",
                digest=b"0" * 16,
                changed_at=factories.TIME_ZERO,
            )
    rows = get(f"{API}/callbacks/days/?date_from=2026-07-07&date_to=2026-07-09", key).data["results"]
    assert [(row["day"], row["received"]) for row in rows] == [("2026-07-09", 3), ("2026-07-08", 2), ("2026-07-07", 1)]
    assert rows[0]["sources"] == sources
    assert list(rows[0]) == list(forms.CallbackDay().fields)
    wrong = get(f"{API}/callbacks/days/?date_from=2026-07-09&date_to=2026-07-01", key)
    assert list(wrong.data["errors"]) == ["date_to"]


@pytest.mark.parametrize("path", ["agents", "callbacks/days", "campaigns"])
def test_lists_take_several_environments(get, acme, sales, care, key, path):
    with wall.tenant(acme):
        for environment in (sales, care):
            factories.agent(environment, "a")
            told = {"tenant": acme, "environment": environment, "payload": "{}", "changed_at": factories.TIME_ZERO}
            amounts = {"received": 1, "answered": 1, "unmatched": 0, "sources": []}
            CallbackDay.objects.create(**told, **amounts, day=date(2026, 7, 6), digest=b"0" * 16)
            Campaign.objects.create(**told, external_id="c", name="C")

    def homes(*environments) -> list[str]:
        asked = ",".join(str(row.public_id) for row in environments)
        return sorted(row["environment"] for row in get(f"{API}/{path}/?environment={asked}", key).data["results"])

    assert homes(sales, care) == sorted((str(sales.public_id), str(care.public_id)))
    assert homes(care) == [str(care.public_id)]
    wrong = get(f"{API}/{path}/?environment={care.public_id},7", key)
    assert (wrong.status_code, list(wrong.data["errors"])) == (400, ["environment"])


def test_every_metric_is_declared_in_the_readers_language(get, key):
    rows = get(f"{API}/metrics/", key).data["results"]
    assert [row["key"] for row in rows] == list(METRICS)
    assert list(rows[0]) == list(forms.Metric().fields)
    assert all(row["label"] and row["definition"] and row["formula"] and row["vendors"] for row in rows)


def test_figures_by_day_and_agent(get, acme, sales, key):
    with wall.tenant(acme):
        anna = factories.agent(sales, "anna")
        for number, status in enumerate(("completed", "failed", "completed", "no-answer")):
            at = factories.TIME_ZERO + timedelta(days=number % 2)
            factories.call(sales, f"c{number}", agent=anna, status=status, started_at=at)
        factories.call(sales, "test", agent=anna, is_test=True)
    query = "metrics=attempts,connect_rate&by=day,agent&date_from=2026-07-08&date_to=2026-07-09"
    answer = get(f"{API}/reports/query/?{query}", key)
    assert answer.status_code == 200, answer.body
    found = answer.data
    assert list(found) == list(forms.Answer().fields)
    assert [column["key"] for column in found["columns"]] == ["attempts", "connect_rate"]
    assert [row["key"] for row in found["rows"]] == [
        {"day": "2026-07-08", "agent": str(anna.public_id)},
        {"day": "2026-07-09", "agent": str(anna.public_id)},
    ]
    assert [row["cells"]["attempts"]["value"] for row in found["rows"]] == [2, 2]
    assert [row["cells"]["connect_rate"]["value"] for row in found["rows"]] == [100, 0]
    assert found["totals"]["connect_rate"] | {"small": True} == {
        "value": 50,
        "n": 4,
        "previous": None,
        "change": None,
        "small": True,
        "previous_n": None,
        "previous_small": False,
    }
    assert found["period"] == {"date_from": "2026-07-08", "date_to": "2026-07-09", "zone": "America/Sao_Paulo"}
    assert found["previous_period"]["date_to"] < "2026-07-08"
    assert found["complete"] is False  # nothing was read by the ledger's account
    assert list(found["rows"][0]) == list(forms.AnswerRow().fields)
    assert list(found["definitions"]) == ["attempts", "connect_rate"]
    alone = get(f"{API}/reports/query/?{query}&compare=none", key).data
    assert alone["previous_period"] is None


def test_each_ready_made_report_is_a_link_that_answers(get, acme, sales, key):
    rows = get(f"{API}/reports/", key).data["results"]
    assert rows
    assert list(rows[0]) == list(forms.Report().fields)
    for row in rows:
        parts = urlsplit(row["query"])
        answer = get(f"{parts.path}?{parts.query}", key)
        assert answer.status_code == 200, (row["key"], answer.body)
        assert [column["key"] for column in answer.data["columns"]] == row["metrics"]


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("calls/?status_=x", "status_"),
        ("calls/?format=csv", "format"),
        ("calls/?date_from=13/07/2026", "date_from"),
        ("calls/?direction=up", "direction"),
        ("calls/?environment=sales", "environment"),
        ("calls/?cursor=bm90aGluZw", "cursor"),
        ("calls/?changed_since=yesterday", "changed_since"),
        ("calls/?ordering=sideways", "ordering"),
        ("calls/?count=yes", "count"),
        ("calls/?zone=Mars/Base", "zone"),
        ("calls/?number=ab", "number"),
        ("calls/csv/?dialect=xls", "dialect"),
        ("agents/?environment=sales", "environment"),
        ("agents/?cursor=%00", "cursor"),
        ("callbacks/days/?date_to=soon", "date_to"),
        ("reports/query/?metrics=attempts,happiness", "metrics"),
        ("reports/query/?by=colour", "by"),
        ("reports/query/?compare=now", "compare"),
    ],
)
def test_a_bad_parameter_is_named(get, key, path, field):
    answer = get(f"{API}/{path}", key)
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert list(answer.data) == ["type", "title", "status", "detail", "errors"]
    assert list(answer.data["errors"]) == [field]
    assert all(isinstance(text, str) and text for text in answer.data["errors"][field])


@pytest.mark.parametrize("address", ["exports/none", "calls/a%0Ab", "exports/%0A/download"])
@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_an_address_that_is_none_is_none_for_every_method(client, key, method, address):
    told = getattr(client, method)(f"/api/v1/{address}/", headers={"Authorization": f"Bearer {key}"})
    assert (told.status_code, told.headers["Content-Type"]) == (404, "application/problem+json")


def test_problems_have_one_form(get, key, client):
    for answer, status, title in (
        (get(f"{API}/calls/"), 401, "Not signed in"),
        (get(f"{API}/calls/", "ring_wrong"), 401, "Not signed in"),
        (get(f"{API}/nothing/", key), 404, "Not found"),
        (get(f"{API}/calls/{'0' * 8}-0000-4000-8000-{'0' * 12}/", key), 404, "Not found"),
        (get(f"{API}/calls/7/", key), 404, "Not found"),
        (get(f"{API}/calls/", key, method="DELETE"), 405, "Method not allowed"),
        (get(f"{API}/calls/", key, Accept="text/html"), 406, "Not acceptable"),
    ):
        assert answer.status_code == status
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.data["status"] == status
        assert answer.data["title"] == title
        assert answer.data["type"].startswith("urn:ringbook:problem:")
        assert answer["Cache-Control"] == "private, no-store"
        assert ("WWW-Authenticate" in answer) == (status == 401)


@pytest.mark.parametrize("body", ["{", "[]", "7", "\xff"])
def test_a_body_that_cannot_be_read_is_named_as_such(client, key, body):
    answer = client.post(
        f"{API}/exports/", body, content_type="application/json", headers={"Authorization": f"Bearer {key}"}
    )
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert answer.json()["errors"] == {"body": ["Send one JSON object."]}


def test_a_key_is_of_one_company(get, acme, globex, sales, key):
    assert get(f"{API}/environments/?tenant=acme", key).status_code == 200
    strange, absent = (get(f"{API}/environments/?tenant={slug}", key) for slug in ("globex", "nobody"))
    assert (strange.status_code, strange.body) == (404, absent.body)


def test_a_fault_of_ours_is_a_problem_too(get, key, monkeypatch, caplog):
    def broken(*args, **kwargs):
        raise RuntimeError("a secret +5511987654321")

    monkeypatch.setattr(views.calls, "page", broken)
    answer = get(f"{API}/calls/", key)
    assert (answer.status_code, answer.data["title"]) == (500, "Internal error")
    assert b"secret" not in answer.body
    assert "an API request failed" in caplog.text


def test_a_member_reads_by_session(get, client, acme, globex, sales, foreign, bruno, carla):
    client.force_login(bruno)
    assert [row["id"] for row in get(f"{API}/environments/").data["results"]] == [str(sales.public_id)]
    assert get(f"{API}/environments/?tenant=acme").status_code == 200
    strange, absent = get(f"{API}/environments/?tenant=globex"), get(f"{API}/environments/?tenant=nobody")
    assert (strange.status_code, strange.body) == (404, absent.body)
    assert get(f"{API}/environments/", method="POST").status_code in (403, 405)


def test_a_member_of_several_companies_names_one(get, client, acme, globex, sales, foreign):
    dora = member(acme, "dora@acme.example", Role.VIEWER)
    client.force_login(dora)
    assert get(f"{API}/environments/").status_code == 200
    with wall.tenant(globex):
        grant = Grant.objects.create(tenant=globex)
        Membership.objects.create(tenant=globex, user=dora, role=Role.VIEWER, grant=grant)
    answer = get(f"{API}/environments/")
    assert (answer.status_code, list(answer.data["errors"])) == (400, ["tenant"])
    assert [row["id"] for row in get(f"{API}/environments/?tenant=globex").data["results"]] == [str(foreign.public_id)]


def test_somebody_of_no_company_is_told_so(get, client, django_user_model, acme):
    client.force_login(django_user_model.objects.create_user("eve@nowhere.example", "correct horse battery"))
    assert get(f"{API}/calls/").status_code == 403


def test_the_schema_and_its_pages_are_open(client, acme):
    schema = client.get(reverse("schema"), headers={"Accept": "application/vnd.oai.openapi+json"})
    assert schema.status_code == 200
    paths = json.loads(schema.content)["paths"]
    assert f"{API}/calls/" in paths
    page = client.get(reverse("docs"))
    assert page.status_code == 200

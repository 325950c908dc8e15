"""Hostile texts of both vendors in a real browser: nothing of them runs or is loaded; the policy is not even asked."""

import re

import pytest
from django.test import Client

from portal.tenants import wall
from reports.web.calls.columns import COLUMNS
from sync.models.agents import Agent
from sync.models.calls import Call
from sync.models.campaigns import Campaign
from tests.browser.conftest import NARROW
from tests.browser.watch import pushed_aside
from tests.journeys.hostile import MARK, POISONS

pytestmark = [pytest.mark.browser, pytest.mark.looks, pytest.mark.django_db]


@pytest.fixture
def town(hostile_town):
    return hostile_town


@pytest.fixture
def paths(town) -> list[str]:
    """Lists, and what hostile names lead to: calls of both vendors, contacts, campaigns, reports."""
    with wall.tenant(town.tenant):
        poisoned = Call.objects.filter(external_id__regex="^(hostile-|0000|long|odd-1)").order_by("pk")
        calls = [f"calls/{key}/" for key in poisoned.values_list("pk", flat=True)]
        agent = Agent.objects.filter(external_id="hostile-1").values_list("public_id", flat=True)[0]
        campaigns = [f"campaigns/{key}/" for key in Campaign.objects.values_list("public_id", flat=True)]
    client = Client()
    client.force_login(town.readers["en"])
    rows = client.get("/api/v1/calls/?page_size=500").json()["results"]
    contacts = list(dict.fromkeys(f"contacts/{row['contact']}/" for row in rows if row["contact"] and odd(row)))
    assert len(calls) > 2 * len(POISONS)
    assert campaigns
    assert contacts
    columns = ",".join(COLUMNS)
    return [
        *("", f"?agent={agent}", f"agents/?agent={agent}", "callbacks/", "campaigns/", "reports/", "exports/"),
        *("calls/", f"calls/?environment={rows[0]['environment']}&agent={agent}&columns={columns}"),
        *(f"reports/query/?metrics=attempts&by={by}&testing=include" for by in ("agent,status", "cause,line")),
        "reports/query/?metrics=attempts&by=status,agent&view=crossed",
        *calls,
        *contacts[:4],
        *campaigns[:3],
    ]


def odd(row: dict[str, str]) -> bool:
    """A call with a number that is none."""
    return not all(re.fullmatch(r"[+\d]*", row[name] or "") for name in ("from", "to"))


def test_nothing_of_it_runs(visit, town, paths) -> None:
    page = visit.open(viewport=NARROW)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    found = {}
    for path in paths:
        answer = page.goto(town.page(path))
        page.evaluate("document.querySelectorAll('details').forEach((part) => (part.open = true))")
        assert answer.status == 200, path
        assert page.evaluate(f"typeof {MARK}") == "undefined", path
        assert page.locator("main").count() == 1, path
        # Endless words do not push the page aside.
        if wide := pushed_aside(page):
            found[path] = wide
    assert not found, "\n".join(f"{path}: {'; '.join(wide)}" for path, wide in found.items())
    assert {url for url in asked if not url.startswith(town.url)} == set()

"""Agents of one name: every list and every picker tells which of them it means."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
import time_machine

from portal.tenants import wall
from portal.tenants.models.people import Membership
from reports.queries.contacts.ids import contact_id
from reports.queries.scope import Scope
from tests import factories

pytestmark = pytest.mark.django_db
PERSON = "+5521912345678"
MONDAY = datetime(2026, 7, 13, 15, 0, tzinfo=UTC)
WITHIN = {"Desk · d2", "Desk · d3"}  # under the name of their environment
ANYWHERE = {"Desk · Sales", "Desk · Care · d2", "Desk · Care · d3"}


@pytest.fixture(autouse=True)
def twins(acme, sales, care):
    """Three agents called Desk, one of Sales and two of Care, each with an unanswered call of the same person."""
    with time_machine.travel(MONDAY, tick=False):
        with wall.tenant(acme):
            made = [
                factories.agent(home, key, name="Desk") for home, key in ((sales, "d1"), (care, "d2"), (care, "d3"))
            ]
            for number, agent in enumerate(made, 1):
                factories.call(
                    agent.environment,
                    f"c{number}",
                    agent=agent,
                    status="no_answer",
                    direction="inbound",
                    from_number=PERSON,
                    started_at=MONDAY - timedelta(hours=number),
                )
        yield made


@pytest.fixture
def read(client, ana):
    client.force_login(ana)

    def read(path: str) -> str:
        answer = client.get(f"/t/acme/{path}")
        assert answer.status_code == 200
        return unescape(answer.content.decode())

    return read


def desks(page: str) -> set[str]:
    """Every name of theirs that the page says, in its rows, choices and chips."""
    return set(re.findall(r"Desk(?: · (?:Sales|Care|d\d))*", page.replace("\u00a0", " ")))


@pytest.mark.parametrize(
    "path",
    [
        "calls/",
        "exports/",
        "alerts/new/",
        "mail/new/",
        "exports/scheduled/new/",
        "team/invite/",
        "reports/query/?metrics=attempts",
        "agents/",
    ],
)
def test_pickers_tell_them_apart(read, path) -> None:
    page = read(path)
    options = re.sub(r"<table.*?</table>", "", page, flags=re.DOTALL)
    assert desks(options) - ANYWHERE == {"Desk", *WITHIN}  # the one of Sales is alone under its environment
    assert re.search(r'(>|label=")\s*Care\s*["<]', options)


def test_rows_and_what_is_chosen_tell_them_apart(read, acme, ana, twins) -> None:
    def rows(path: str) -> set[str]:
        return desks(" ".join(re.findall(r"<tbody.*?</tbody>", read(path), re.DOTALL)))

    assert rows("calls/") == ANYWHERE
    assert rows("reports/query/?metrics=attempts&by=agent&period=today") == ANYWHERE
    with wall.tenant(acme):
        person = contact_id(PERSON[1:], Scope.of(Membership.objects.get(user=ana).grant))
    assert desks(read(f"contacts/{person}/")) == ANYWHERE
    assert "Agent: Desk · Care · d2" in read(f"calls/?agent={twins[1].public_id}")
    assert {"Desk · Sales"} == desks(re.search(r'id="agent-chosen">(.*?)<', read(f"?agent={twins[0].public_id}"))[1])


def test_the_search_tells_them_apart(read) -> None:
    hits = re.findall(r"<li><a[^>]*>Desk</a> <span[^>]*>(.*?)</span>", read("search/?search=desk"))
    assert sorted(hits) == ["Care · d2", "Care · d3", "Sales"]

"""The agents page: side by side against counts of our own, in every order, and what the vendor says of each."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
import time_machine

from portal.tenants import wall
from portal.tenants.models.people import Membership
from reports.web.agents.views import SORTS
from sync.models.agents import Agent
from tests import factories

MONDAY = datetime(2026, 7, 13, 15, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _on_monday():
    with time_machine.travel(MONDAY, tick=False):
        yield


@pytest.fixture
def agents(acme, sales, care):
    """Ada answers more than before, Bia as much, Fay less. Cora takes Ada's callbacks, Dot is idle, Eve has left."""
    with wall.tenant(acme), factories.at_once():
        people = {
            "ada": factories.agent(sales, "ada", price_per_minute=Decimal("0.0825"), currency="BRL"),
            "bia": factories.agent(sales, "bia"),
            "cora": factories.agent(
                sales, "cora", direction="inbound", takes_callbacks=True, callback_sources=["ada", "unknown"]
            ),
            "dot": factories.agent(sales, "dot", state="draft"),
            "eve": factories.agent(sales, "eve", missing_since=MONDAY - timedelta(days=3)),
            "fay": factories.agent(care, "fay", direction="", state=""),
        }
        for name, before, now in (("ada", 5, 15), ("bia", 10, 10), ("fay", 12, 8)):
            for week, connected in ((9, before), (2, now)):
                for n in range(20):
                    factories.call(
                        people[name].environment,
                        f"{name}-{week}-{n}",
                        agent=people[name],
                        status="completed" if n < connected else "failed",
                        seconds=60 if n < connected else 0,
                        started_at=MONDAY - timedelta(days=week, minutes=n),
                        ended_at=MONDAY - timedelta(days=week),
                    )
    return people


def open_page(client, query: str = ""):
    answer = client.get(f"/t/acme/agents/{query}")
    assert answer.status_code == 200
    return answer


def test_figures_are_those_of_the_calls(client, ana, agents) -> None:
    client.force_login(ana)
    page = open_page(client)
    shown = {row.name: [spot.figure.cell.value for spot in row.spots[:4]] for row in page.context["rows"]}
    assert shown == {"Ada": [20, 75.0, 60.0, 15.0], "Bia": [20, 50.0, 60.0, 10.0], "Fay": [20, 40.0, 60.0, 8.0]}
    changes = {row.name: row.spots[1].figure.cell.change for row in page.context["rows"]}
    assert changes == {"Ada": 50.0, "Bia": 0.0, "Fay": -20.0}
    assert [name for name, _href in page.context["idle"]] == ["Cora", "Dot", "Eve"]


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("", ["Ada", "Fay", "Bia"]),
        ("?sort=-agent", ["Fay", "Bia", "Ada"]),
        ("?sort=-connect_rate", ["Ada", "Bia", "Fay"]),
        ("?sort=talk_minutes", ["Fay", "Bia", "Ada"]),
        ("?sort=nonsense", ["Ada", "Fay", "Bia"]),
        ("?compare=none", ["Ada", "Bia", "Fay"]),
    ],
)
def test_the_order_is_the_readers(client, ana, agents, sort, names) -> None:
    client.force_login(ana)
    assert [row.name for row in open_page(client, sort).context["rows"]] == names


@pytest.mark.parametrize("sort", SORTS)
def test_every_order_has_every_agent(client, ana, agents, sort) -> None:
    client.force_login(ana)
    assert len(open_page(client, f"?sort={sort}").context["rows"]) == 3


def test_what_the_vendor_says_of_each(client, ana, agents) -> None:
    client.force_login(ana)
    told = {profile.name: profile for profile in open_page(client).context["profiles"]}
    assert told["Ada"].callbacks == "callbacks go to Cora"
    assert told["Ada"].price == "R$\N{NO-BREAK SPACE}0.0825 a minute"
    assert told["Cora"].callbacks == "takes callbacks for Ada and 1 more"
    assert {name for name, profile in told.items() if profile.uncovered} == {"Bia"}
    assert list(told)[-1] == "Eve"
    assert told["Eve"].missing_since is not None
    assert (told["Dot"].mark, told["Dot"].state) == ("off", "draft")


def test_links_lead_to_the_overview_and_the_calls_of_one_agent(client, ana, agents) -> None:
    client.force_login(ana)
    ada = next(row for row in open_page(client, "?sort=agent&period=last_week").context["rows"] if row.name == "Ada")
    key = agents["ada"].public_id
    assert ada.href == f"/t/acme/?period=last_week&agent={key}"
    days = f"date_from=2026-07-06&date_to=2026-07-12&agent={key}"
    assert ada.spots[0].href.endswith(f"?{days}")
    assert ada.spots[1].href.endswith(f"?{days}&outcome=connected,unreached")


def test_latency_is_not_asked_of_who_cannot_tell_it(client, ana, agents, sales) -> None:
    client.force_login(ana)
    page = open_page(client, f"?environment={sales.public_id}")
    assert [row.name for row in page.context["rows"]] == ["Ada", "Bia"]
    assert "atency" not in page.content.decode()


def test_several_agents_and_environments_at_once(client, ana, agents, sales, care) -> None:
    client.force_login(ana)
    chosen = f"{agents['ada'].public_id},{agents['fay'].public_id}"
    assert {row.name for row in open_page(client, f"?agent={chosen}").context["rows"]} == {"Ada", "Fay"}
    both = f"?environment={sales.public_id}&environment={care.public_id}&agent={chosen}"  # as a form without a script
    assert {row.name for row in open_page(client, both).context["rows"]} == {"Ada", "Fay"}
    page = open_page(client, f"?environment={care.public_id}&agent={chosen}")
    assert {row.name for row in page.context["rows"]} == {"Fay"}
    assert page.context["selection"].errors == ("Agents of other environments were left out.",)


def test_readers_of_some_agents_see_no_others(client, bruno, agents, acme) -> None:
    with wall.tenant(acme):
        grant = Membership.objects.get(user=bruno).grant
        grant.agent_keys = ["ada"]
        grant.save()
    client.force_login(bruno)
    page = open_page(client)
    assert [profile.name for profile in page.context["profiles"]] == ["Ada"]
    assert not page.context["profiles"][0].uncovered  # Cora covers Ada, though Bruno may not know her
    assert "Cora" not in page.content.decode()
    assert client.get(f"/t/acme/agents/?agent={agents['bia'].public_id}").status_code == 404
    assert client.get(f"/t/acme/agents/?agent={uuid4()}").status_code == 404


def test_an_empty_portal_leads_to_the_first_connection(client, ana) -> None:
    client.force_login(ana)
    text = open_page(client).content.decode()
    assert "Connect your first environment" in text
    assert "Side by side" not in text


def test_an_environment_that_was_not_read_yet_says_so(client, ana, sales) -> None:
    client.force_login(ana)
    text = open_page(client).content.decode()
    assert "Nothing of this period was read from the vendor yet." in text
    assert "No agents are known yet." in text


def test_an_agent_is_known_since_its_first_call(client, acme, ana, sales, agents) -> None:
    early = datetime(2024, 3, 2, 15, tzinfo=UTC)
    with wall.tenant(acme):
        ada = Agent.objects.get(name="Ada")
        factories.call(sales, "early", agent=ada, started_at=early)
    client.force_login(ana)
    seen = {profile.name: profile.first_seen for profile in open_page(client).context["profiles"]}
    assert seen["Ada"] == early
    assert seen["Cora"] > early

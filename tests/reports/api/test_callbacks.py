"""The callback loop over the API: pairs by cursor, who still waits, and numbers by right."""

from datetime import timedelta

import pytest
import time_machine

from portal.tenants import wall
from reports.columns import sources
from tests import factories
from tests.factories import TIME_ZERO
from tests.reports.api.conftest import make_key

API = "/api/v1/callbacks"
NUMBER = "+5511987654321"


@pytest.fixture(autouse=True)
def _next_day():
    with time_machine.travel(TIME_ZERO + timedelta(days=1), tick=False):
        yield


@pytest.fixture
def line(acme, sales):
    """Three contacts that were dialled; the first and second ring back, the second is missed and dialled again."""
    with wall.tenant(acme):
        dials = factories.agent(sales, "dials")
        takes = factories.agent(sales, "takes", takes_callbacks=True, callback_sources=["dials"])
        made = {}
        for n in range(3):
            number = f"+551198765432{n}"
            at = TIME_ZERO + timedelta(minutes=n)
            made[f"out-{n}"] = factories.call(
                sales, f"out-{n}", agent=dials, status="no-answer", to_number=number, started_at=at
            )
        for n, status in enumerate(("completed", "no-answer")):
            made[f"in-{n}"] = factories.call(
                sales,
                f"in-{n}",
                agent=takes,
                direction="inbound",
                status=status,
                from_number=f"+551198765432{n}",
                started_at=TIME_ZERO + timedelta(hours=n + 1),
            )
        factories.call(
            sales,
            "again",
            agent=dials,
            status="busy",
            to_number="+5511987654321",
            started_at=TIME_ZERO + timedelta(hours=5),
        )
    return made


def get(client, path: str, key: str):
    return client.get(f"{API}{path}", HTTP_AUTHORIZATION=f"Bearer {key}")


def test_returns_name_the_calls_they_answer_page_by_page(client, acme, line):
    key = make_key(acme, numbers=True)
    first = get(client, "/returns/?page_size=1&count=true", key).json()
    (newest,) = first["results"]
    assert first["count"] == 2
    assert newest == {
        "id": str(line["in-1"].pk),
        "environment": str(line["in-1"].environment.public_id),
        "agent": {"id": str(line["in-1"].agent.public_id), "name": "Takes"},
        "started_at": "2026-07-08T17:00:00Z",
        "status": "no-answer",
        "outcome": "unreached",
        "number": "+5511987654321",
        "contact": newest["contact"],
        "answers": str(line["out-1"].pk),
        "answered_started_at": "2026-07-08T15:01:00Z",
        "source": {"id": str(line["out-1"].agent.public_id), "name": "Dials"},
        "attempts": 1,
        "waited": 7140.0,
        "waited_first": 7140.0,
    }
    second = client.get(first["next"], HTTP_AUTHORIZATION=f"Bearer {key}").json()
    assert [row["answers"] for row in second["results"]] == [str(line["out-0"].pk)]
    assert second["next"] is None
    assert client.get(second["previous"], HTTP_AUTHORIZATION=f"Bearer {key}").json()["results"] == [newest]
    assert get(client, "/returns/?date_to=2026-07-07", key).json()["results"] == []


def test_contacts_wait_until_a_call_connects(client, acme, sales, line):
    key = make_key(acme, numbers=True)
    with wall.tenant(acme):  # a test call is no attempt at anybody, nor does it meet him
        for n, status in enumerate(("no-answer", "completed")):
            at = TIME_ZERO + timedelta(hours=6, minutes=n)
            agent = line["out-0"].agent
            factories.call(
                sales, f"trial-{n}", agent=agent, status=status, to_number=NUMBER, started_at=at, is_test=True
            )
    (row,) = get(client, "/open/?count=true", key).json()["results"]
    assert (row["number"], row["call"], row["missed"], row["attempts_since"]) == (
        "+5511987654321",
        str(line["in-1"].pk),
        1,
        1,
    )
    with wall.tenant(acme):
        at = TIME_ZERO + timedelta(hours=9)
        factories.call(sales, "met", agent=line["out-0"].agent, to_number=NUMBER, started_at=at)
    page = get(client, "/open/?count=true", key).json()
    assert {name: page[name] for name in ("next", "previous", "count", "results")} == {
        "next": None,
        "previous": None,
        "count": 0,
        "results": [],
    }


@pytest.mark.parametrize("path", ["/returns/", "/open/"])
def test_a_list_says_that_days_could_not_be_looked_at(client, acme, sales, line, monkeypatch, path):
    """Of no day there is a file, and all of them are too many calls to read."""
    monkeypatch.setattr(sources, "MOST_LIVE", 0)
    page = get(client, f"{path}?date_from=2026-07-01&date_to=2026-07-03", make_key(acme)).json()
    assert (page["results"], page["complete"]) == ([], False)
    faults = {(gap["environment"], gap["fault"]) for gap in page["gaps"]}
    assert (str(sales.public_id), "not-counted") in faults


def test_numbers_are_masked_and_calls_of_hidden_agents_are_not_named(client, acme, line):
    blind = make_key(acme, numbers=False)
    for path in ("/returns/", "/open/"):
        assert all("•" in row["number"] for row in get(client, path, blind).json()["results"])
    with wall.tenant(acme):
        takes = make_key(acme, numbers=True, agents=["takes"])
        dials = make_key(acme, numbers=True, agents=["dials"])
    row = get(client, "/returns/", takes).json()["results"][0]
    assert (row["answers"], row["source"], row["answered_started_at"], row["attempts"]) == (None, None, None, 1)
    assert get(client, "/returns/", dials).json()["results"] == []


@pytest.mark.parametrize("query", ["agent=x", "date_from=2026-07-09&date_to=2026-07-01", "cursor=no", "agents=1"])
@pytest.mark.parametrize("path", ["/returns/", "/open/"])
def test_what_cannot_be_asked_is_refused(client, acme, sales, path, query):
    answer = get(client, f"{path}?{query}", make_key(acme))
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


@pytest.fixture
def dialled_twice(acme, sales, line):
    """A second source agent, whose one attempt is answered by a call to the same agent."""
    with wall.tenant(acme):
        other = factories.agent(sales, "other")
        takes = factories.agent(sales, "takes")
        takes.callback_sources = ["dials", "other"]
        takes.save()
        last = f"{NUMBER[:-1]}9"
        line["out-9"] = factories.call(sales, "out-9", agent=other, to_number=last, started_at=TIME_ZERO)
        line["in-9"] = factories.call(
            sales,
            "in-9",
            agent=takes,
            direction="inbound",
            from_number=last,
            started_at=TIME_ZERO + timedelta(hours=3),
        )
    return line


def test_returns_are_chosen_by_the_agent_rung_and_by_the_one_that_had_called(client, acme, dialled_twice):
    line, key = dialled_twice, make_key(acme)
    takes, dials, other = (line[name].agent.public_id for name in ("in-0", "out-0", "out-9"))

    def answers(query: str, key: str = key) -> set[str]:
        page = get(client, f"/returns/?count=true&{query}", key).json()
        assert page["count"] == len(page["results"])
        return {row["id"] for row in page["results"]}

    found = {name: str(line[name].pk) for name in ("in-0", "in-1", "in-9")}
    assert answers(f"agent={takes}") == answers(f"source_agent={dials},{other}") == set(found.values())
    assert answers(f"agent={dials}") == set()
    assert answers(f"source_agent={dials}") == {found["in-0"], found["in-1"]}
    assert answers(f"source_agent={other}") == answers(f"agent={takes}&source_agent={other}") == {found["in-9"]}
    assert answers(f"source_agent={takes}") == answers(f"agent={dials}&source_agent={other}") == set()
    with wall.tenant(acme):
        narrow = make_key(acme, agents=["takes", "dials"])
    assert answers(f"source_agent={other}", narrow) == set()
    assert answers(f"source_agent={dials},{other}", narrow) == {found["in-0"], found["in-1"]}


def test_figures_of_returns_are_chosen_by_who_had_called_and_others_refuse_it(client, acme, dialled_twice):
    key, other = make_key(acme), dialled_twice["out-9"].agent.public_id
    days = "date_from=2026-07-08&date_to=2026-07-08&compare=none"

    def ask(path: str, status: int = 200):
        answer = client.get(f"/api/v1/{path}&source_agent={other}", HTTP_AUTHORIZATION=f"Bearer {key}")
        assert answer.status_code == status, answer.content
        return answer.json()

    metrics = "metrics=derived_callbacks,return_rate,time_to_callback_median,attempts_before_callback"
    cells = ask(f"reports/query/?{metrics}&{days}")["totals"]
    assert {key: (cell["value"], cell["n"]) for key, cell in cells.items()} == {
        "derived_callbacks": (1, 1),
        "return_rate": (None, 0),  # who was dialled did answer
        "time_to_callback_median": (180, 1),
        "attempts_before_callback": (1, 1),
    }
    said = ask(f"reports/query/?metrics=attempts,derived_callbacks,still_open&{days}", 400)["errors"]["source_agent"]
    assert "Attempts, Still open" in str(said)
    for path in ("calls/?count=true", "calls/csv/?dialect=csv", "callbacks/open/?count=true"):
        assert set(ask(path, 400)["errors"]) == {"source_agent"}


def test_the_document_says_which_agent_is_meant(client):
    document = client.get("/api/schema/", headers={"Accept": "application/vnd.oai.openapi+json"}).json()

    def told(path: str) -> dict[str, str]:
        rows = document["paths"][f"/api/v1/{path}"]["get"]["parameters"]
        return {row["name"]: row["description"] for row in rows if row["name"].endswith("agent")}

    assert told("callbacks/returns/").keys() == told("reports/query/").keys() == {"agent", "source_agent"}
    assert told("callbacks/open/").keys() == told("calls/").keys() == {"agent"}
    assert "of callbacks the one that the contact rang" in told("callbacks/open/")["agent"]
    assert "whose call a callback answers" in told("callbacks/returns/")["source_agent"]

"""The callback loop over the API: pairs by cursor, who still waits, and numbers by right."""

from datetime import timedelta

import pytest
import time_machine

from portal.tenants import wall
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
    assert get(client, "/open/?count=true", key).json() == {"next": None, "previous": None, "count": 0, "results": []}


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

"""Who may see one agent alone: whatever other agents of the same environments did changes nothing that he is shown.

The same addresses are asked twice, by a member and by keys: before the other agents did anything, and after. Both
answers have to be equal, and no name, number or id of theirs may stand in the second.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from portal.tenants import wall
from reports.columns.refresh import refresh_tenant
from reports.definitions.metrics import METRICS
from reports.queries.contacts.ids import contact_id
from reports.queries.scope import Scope
from sync.models.agents import Agent
from sync.models.changes import DirtyDay
from tests import factories
from tests.isolation.exchange import Exchange, but, visit
from tests.isolation.routes import matrix
from tests.isolation.world import ABSENT, NOW, ORIGINSAI, TALKOVER
from tests.journeys.one_agent import BOTH, CANARY, THEIRS, at, did, marks, the_other_acts
from tests.reports.api.conftest import make_key

pytestmark = pytest.mark.django_db

GROUPS = ("day", "hour_of_day", "weekday", "week", "agent", "status", "direction", "environment", "cause", "area_code")


def questions(ids: dict[str, str]) -> Iterator[str]:
    """Every address that can be made of the ids, with the parameters that narrow it, and reports by everything."""
    for row in matrix().values():
        if "GET" not in row.expected or not set(row.names) <= ids.keys():
            continue
        if not row.route.startswith(("/t/", "/api/", TALKOVER, ORIGINSAI)):
            continue
        yield row.path(ids)[0]
        for query in row.queries:
            if set(re.findall(r"\{(\w+)\}", query)) <= ids.keys():
                yield row.asked(query, ids, ids)[0]
    days = "date_from=2026-07-01&date_to=2026-07-10"
    metrics = ",".join(METRICS)
    for group in GROUPS:
        yield f"/api/v1/reports/query/?metrics={metrics}&by={group}&{days}"
    yield f"/api/v1/reports/query/?metrics={metrics}&{days}&zone=Asia/Kathmandu"
    yield f"/api/v1/reports/query/?metrics={metrics}&{days}&direction=outbound&testing=include"
    yield f"/api/v1/calls/?{days}&testing=include&page_size=500"
    yield f"/api/v1/calls/csv/?{days}"
    yield f"/api/v1/callbacks/returns/?{days}&count=true"
    yield f"/api/v1/callbacks/open/?{days}&count=true"
    yield f"/t/acme/?{days}"
    yield f"/t/acme/callbacks/?{days}"
    yield f"/t/acme/campaigns/?{days}"


def reader_of(path: str) -> str:
    """Who asks an address: the member, or the key that it is made for."""
    among = {"/t/": "eva", "/api/": "key", TALKOVER: "sales-key", ORIGINSAI: "care-key"}
    return next(name for start, name in among.items() if path.startswith(start))


def shown(readers: dict[str, Any], ids: dict[str, str]) -> dict[str, Exchange]:
    return {path: _but_completeness(path, visit(readers[reader_of(path)], path)) for path in questions(ids)}


def _but_completeness(path: str, told: Exchange) -> Exchange:
    """Under a figure it is told to whoever may see the environment how many calls of it are mirrored."""
    told = but(told, {})
    if "/environments/" in path:
        return told
    return replace(told, body=re.sub(r'(?<="mirrored":)\d+|\d+(?= calls mirrored)', "", told.body))


def test_what_other_agents_did_changes_nothing_that_is_shown(acme, sales, care, town, readers):
    before = shown(readers, town)
    with wall.tenant(acme):
        theirs = the_other_acts(sales, care)
    after = shown(readers, town)
    changed = [case for case, told in before.items() if told != after[case]]
    assert changed == []
    assert [case for case, told in after.items() for word in marks(theirs) if word in told.body.lower()] == []


def test_what_other_agents_hold_answers_like_nothing(acme, sales, care, town, readers):
    with wall.tenant(acme):
        did(care, "other", CANARY, [*BOTH, THEIRS])
        theirs = did(sales, "other", CANARY, [*BOTH, THEIRS])
    own = {"tenant", "slug", "environment", "contact_id", "number"}
    absent = {name: value if name in own else ABSENT[name] for name, value in theirs.items()}
    for there, nowhere in zip(questions(theirs), questions(absent), strict=True):
        if there == nowhere:  # names nothing of theirs
            continue
        used = {key: value for key, value in theirs.items() if key not in own}
        unused = {key: value for key, value in absent.items() if key not in own}
        reader = readers[reader_of(there)]
        assert but(visit(reader, there), used) == but(visit(reader, nowhere), unused), there


def test_who_takes_the_callbacks_of_a_hidden_agent_is_not_told_whose_they_are(acme, sales, town, readers):
    """The call back is his to see; the attempt that it answers, and who placed it, are not."""
    number = "+5511955550000"
    with wall.tenant(acme):
        hidden = factories.agent(sales, "agent-hidden", name=CANARY, label=CANARY)
        takes = Agent.objects.get(environment=sales, external_id="agent-mine-takes")
        takes.callback_sources = ["agent-mine", hidden.external_id]
        takes.save()
        dialled = [
            factories.call(sales, f"hidden-{day}", agent=hidden, status="no-answer", seconds=0, to_number=number,
                           started_at=at(day, 10), hangup_cause=CANARY)
            for day in (3, 9)
        ]  # fmt: skip
        rung = [
            factories.call(sales, f"rung-{day}", agent=takes, direction="inbound", from_number=number,
                           started_at=at(day, 11))
            for day in (3, 9)
        ]  # fmt: skip
        for day in (3, 9):
            since = {"since": NOW}
            DirtyDay.objects.get_or_create(tenant=acme, environment=sales, day=at(day, 0).date(), defaults=since)
        refresh_tenant()
    contact = contact_id(number.removeprefix("+"), Scope(acme.pk, "UTC", frozenset()))
    own = town | {"contact_id": contact, "number": number[3:]}
    for path in {path: None for call in rung for path in questions(own | {"call": str(call.pk)})}:
        told = visit(readers[reader_of(path)], path)
        words = (CANARY, str(hidden.public_id), *(str(row.pk) for row in dialled))
        assert [word for word in words if word in told.body] == [], path
    answers = visit(readers["key"], "/api/v1/callbacks/returns/?date_from=2026-07-01&date_to=2026-07-10").body
    assert all(str(call.pk) in answers for call in rung)


def test_the_marks_would_be_seen(acme, sales, care, town, readers, ana):
    """The other way round: who may see every agent is shown them, so a leak could be seen; and one's own are shown."""
    client = Client()
    client.force_login(ana)
    everyone = {"eva": (client, {"Accept-Language": "en"})}
    for name, environment in (("key", None), ("sales-key", sales), ("care-key", care)):
        everyone[name] = (Client(), {"Authorization": f"Bearer {make_key(acme, environment=environment)}"})
    with wall.tenant(acme):
        did(care, "other", CANARY, [*BOTH, THEIRS])
        did(sales, "other", CANARY, [*BOTH, THEIRS])
        refresh_tenant()
    pages = ("/", "/agents/", "/callbacks/", "/campaigns/", "/calls/", "/calls.csv")
    for path in (
        *(f"/t/acme{page}" for page in pages),
        *("/api/v1/agents/", "/api/v1/calls/", "/api/v1/campaigns/", "/api/v1/reports/query/?by=agent"),
        *(f"{TALKOVER}/agents", f"{TALKOVER}/calls", f"{TALKOVER}/campaigns", f"{TALKOVER}/callback-agents"),
    ):
        assert CANARY in visit(everyone[reader_of(path)], path).body, path
        assert "Mine" in visit(readers[reader_of(path)], path).body, path

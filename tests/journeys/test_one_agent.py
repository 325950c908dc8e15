"""Who may see one agent alone: whatever other agents of the same environments did changes nothing that he is shown.

The same addresses are asked twice, by a member and by keys: before the other agents did anything, and after. Both
answers have to be equal, and no name, number or id of theirs may stand in the second.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from portal.tenants import wall
from portal.tenants.models.grants import Grant
from portal.tenants.models.people import Membership, Role, User
from portal.tenants.models.tenants import Environment
from reports.annotations.models import CallNote
from reports.columns.refresh import refresh_tenant
from reports.definitions.metrics import METRICS
from reports.queries.contacts.ids import contact_id
from reports.queries.scope import Scope
from sync.models.agents import Agent
from sync.models.callbacks import CallbackDay
from sync.models.campaigns import Campaign, CampaignCall, CampaignDay
from sync.models.changes import DirtyDay
from sync.models.runs import Window
from tests import factories
from tests.conftest import member
from tests.journeys.test_isolation import (
    ABSENT,
    DAYS,
    NOW,
    ORIGINSAI,
    QUERIES,
    ROUTES,
    TALKOVER,
    Exchange,
    but,
    visit,
)
from tests.reports.api.conftest import make_key

pytestmark = pytest.mark.django_db

SEEN = ("agent-mine", "agent-mine-takes", "7", "77")
BOTH = [f"+55119876543{number:02}" for number in range(6)]  # called by either agent
CANARY = "CANARY-other"
THEIRS = "+5541912345678"  # called by the other agent alone
GROUPS = ("day", "hour_of_day", "weekday", "week", "agent", "status", "direction", "environment", "cause", "area_code")


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 7, day, hour, minute, tzinfo=UTC)


def did(environment: Environment, who: str, name: str, numbers: list[str]) -> dict[str, str]:
    """What an agent and the one that takes its callbacks did: calls, missed and answered calls back, a campaign."""
    numeric = environment.provider == "originsai"
    keys = {"mine": ("7", "77"), "other": ("8", "88")}[who] if numeric else (f"agent-{who}", f"agent-{who}-takes")
    element = json.dumps({"id": keys[0], "name": name, "direction": "outbound"})
    dials = factories.agent(environment, keys[0], name=name, label=name, payload=element, currency="BRL",
                            price_per_minute=1 if who == "mine" else 3)  # fmt: skip
    takes = factories.agent(environment, keys[1], name=name, label=name, direction="inbound", payload=element,
                            takes_callbacks=True, callback_sources=[keys[0]], callback_payload=element)  # fmt: skip
    number = 0
    call: Any = None

    def ring(agent: Any, to: str, when: datetime, status: str, direction: str = "outbound", **fields: Any) -> Any:
        nonlocal number
        number += 1
        key = f"{who}-{number}"
        told = {"id": key, "call_id": key, "to_number": to, "to": to, "created_at": when.isoformat(),
                "agent": {"id": agent.external_id, "name": name}, "hangup_cause": name}  # fmt: skip
        ends = {"to_number": to} if direction == "outbound" else {"from_number": to}
        return factories.call(environment, key, agent=agent, started_at=when, status=status, direction=direction,
                              hangup_cause=name, raw=json.dumps(told), **ends, **fields)  # fmt: skip

    with factories.at_once():
        for day in (3, 8, 9):
            for place, to in enumerate(numbers):
                ring(dials, to, at(day, 13, place), "no-answer", seconds=0)
                call = ring(dials, to, at(day, 14, place), "busy", seconds=0)
            ring(dials, numbers[0], at(day, 14, 30), "completed", seconds=60 if who == "mine" else 333)
            ring(dials, numbers[0], at(day, 14, 40), "completed", is_test=True)
            ring(takes, numbers[1], at(day, 15), "completed", "inbound", seconds=45)
            ring(takes, numbers[2], at(day, 15, 5), "no-answer", "inbound", seconds=0)
            ring(takes, numbers[3], at(day, 15, 6), "no-answer", "inbound", seconds=0)
            ring(dials, numbers[3], at(day, 15, 30), "no-answer", seconds=0)
    campaign = Campaign.objects.create(
        tenant_id=environment.tenant_id, environment=environment, external_id=f"campaign-{who}", name=name,
        status="active", agent=dials, payload=element, detail_payload=element, changed_at=NOW,
        total_calls=40, completed_calls=10 if who == "mine" else 35,
    )  # fmt: skip
    for read_on in DAYS[-4:]:
        CampaignDay.objects.create(
            tenant_id=environment.tenant_id, environment=environment, campaign=campaign, day=read_on,
            total_calls=read_on.day * 4, completed_calls=read_on.day if who == "mine" else 0,
        )  # fmt: skip
    CampaignCall.objects.create(
        tenant_id=environment.tenant_id, environment=environment, campaign=campaign, call_key=call.external_id
    )
    for first in DAYS:
        DirtyDay.objects.get_or_create(
            tenant_id=environment.tenant_id, environment=environment, day=first, defaults={"since": NOW}
        )
    return {
        "tenant": "acme",
        "slug": "acme/",
        "environment": str(environment.public_id),
        "agent": str(dials.public_id),
        "campaign": str(campaign.public_id),
        "call": str(call.pk),
        "agent_key": keys[0],
        "agent_number": {"mine": "7", "other": "8"}[who],
        "campaign_key": f"campaign-{who}",
        "number": numbers[1].removeprefix("+55"),
        "contact_id": contact_id(numbers[1].removeprefix("+"), Scope(environment.tenant_id, "UTC", frozenset())),
    }


def read_whole(environment: Environment) -> None:
    """Every day's windows, read three days after; the vendor's totals tell no agent."""
    common = {"tenant_id": environment.tenant_id, "environment": environment}
    for day in DAYS:
        late = min(datetime.combine(day, time(), UTC) + timedelta(days=4), NOW)
        for stream in ("calls", "callbacks"):
            Window.objects.create(stream=stream, part=str(day), day=day, state="complete", read_at=late, **common)
        CallbackDay.objects.create(day=day, received=7, answered=5, unmatched=1, payload="{}", digest=b"0" * 16,
                                   sources=[], changed_at=NOW, **common)  # fmt: skip


@pytest.fixture
def town(acme, sales, care) -> Iterator[dict[str, str]]:
    with time_machine.travel(NOW, tick=False):
        with wall.tenant(acme):
            read_whole(sales)
            read_whole(care)
            did(care, "mine", "Mine", BOTH)
            own = did(sales, "mine", "Mine", BOTH)
            refresh_tenant()
        yield own


@pytest.fixture
def readers(acme, sales, care, town) -> dict[str, tuple[Client, dict[str, str]]]:
    eva = member(acme, "eva@acme.example", Role.MANAGER, numbers=True)
    with wall.tenant(acme):
        Grant.objects.filter(pk=Membership.objects.get(user=eva).grant_id).update(agent_keys=list(SEEN))
    found = {"eva": (Client(), {"Accept-Language": "en"})}
    found["eva"][0].force_login(eva)
    for name, environment in (("key", None), ("sales-key", sales), ("care-key", care)):
        secret = make_key(acme, environment=environment, agents=SEEN, last_used_at=NOW)
        found[name] = (Client(), {"Accept-Language": "en", "Authorization": f"Bearer {secret}"})
    return found


def questions(ids: dict[str, str]) -> Iterator[str]:
    """Every address that can be made of the ids, with the parameters that narrow it, and reports by everything."""
    for route, names in ROUTES.items():
        if names and not set(names) <= ids.keys():
            continue
        if not route.startswith(("/t/", "/api/", TALKOVER, ORIGINSAI)):
            continue
        path = route
        for name in names:
            part = {"call": "{call}", "campaign": "{campaign}"}.get(name)
            for spelt in (part, f"{{{name}}}", "{id}", "{agent_id}", "{campaign_id}", "{rest}"):
                if spelt and spelt in path:
                    path = path.replace(spelt, ids[name], 1)
                    break
        yield path
        for query in QUERIES.get(route, ()):
            try:
                yield f"{path}?{query.format(**ids)}"
            except KeyError:
                continue
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
        did(care, "other", CANARY, [*BOTH, THEIRS])
        theirs = did(sales, "other", CANARY, [*BOTH, THEIRS])
        told = [{"agent": "agent-other", "name": CANARY, "count": 63}]
        CallbackDay.objects.update(received=70, answered=50, payload=json.dumps({"told": told}), sources=told)
        CallNote.objects.create(tenant=acme, call_id=theirs["call"], text=CANARY, author=User.objects.latest("pk"))
        refresh_tenant()
    after = shown(readers, town)
    changed = [case for case, told in before.items() if told != after[case]]
    assert changed == []
    words = (CANARY.lower(), THEIRS[3:], theirs["call"], theirs["agent"], theirs["campaign"], "other-")
    assert [case for case, told in after.items() for word in words if word in told.body.lower()] == []


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

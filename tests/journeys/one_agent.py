"""A company of which some readers see one agent alone, and what another agent of the same environments did.

Whatever is the other's has a mark: :data:`CANARY` in its texts, :data:`THEIRS` among the numbers it called, ``other-``
in its vendor's ids.
"""

import json
from collections.abc import Iterator
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
from reports.queries.contacts.ids import contact_id
from reports.queries.scope import Scope
from sync.models.callbacks import CallbackDay
from sync.models.campaigns import Campaign, CampaignCall, CampaignDay
from sync.models.changes import DirtyDay
from sync.models.runs import Window
from tests import factories
from tests.conftest import member
from tests.isolation.exchange import visit
from tests.isolation.world import DAYS, NOW
from tests.reports.api.conftest import make_key

SEEN = ("agent-mine", "agent-mine-takes", "7", "77")
BOTH = [f"+55119876543{number:02}" for number in range(6)]  # called by either agent
CANARY = "CANARY-other"
THEIRS = "+5541912345678"  # called by the other agent alone


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


def the_other_acts(sales: Environment, care: Environment) -> dict[str, str]:
    """Both vendors' other agents do as much as one's own, and more; ids of theirs. The company's wall must be open."""
    did(care, "other", CANARY, [*BOTH, THEIRS])
    theirs = did(sales, "other", CANARY, [*BOTH, THEIRS])
    told = [{"agent": "agent-other", "name": CANARY, "count": 63}]
    CallbackDay.objects.update(received=70, answered=50, payload=json.dumps({"told": told}), sources=told)
    author = User.objects.latest("pk")
    CallNote.objects.create(tenant_id=sales.tenant_id, call_id=theirs["call"], text=CANARY, author=author)
    refresh_tenant()
    return theirs


def marks(theirs: dict[str, str]) -> tuple[str, ...]:
    """What of the other agent's may stand nowhere, in small letters."""
    return (CANARY.lower(), THEIRS[3:], theirs["call"], theirs["agent"], theirs["campaign"], "other-")


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
        secret = make_key(acme, environment=environment, agents=SEEN)
        found[name] = (Client(), {"Accept-Language": "en", "Authorization": f"Bearer {secret}"})
        visit(found[name], "/api/v1/agents/")  # so that no later question is the first use of it, which is told
    return found

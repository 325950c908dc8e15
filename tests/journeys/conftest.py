"""A tenant whose environments are filled from a sandbox over real HTTP."""

import json
from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from portal.tenants import wall
from sync.connections import Description, add_connection
from sync.models.calls import Call, Payload
from sync.models.connections import Connection
from sync.sandbox.server import Sandbox
from tests import databases
from tests.journeys.one_agent import readers, town
from tests.journeys.week import AUTUMN, World, mirrored_by, seen


@pytest.fixture(autouse=True)
def _generous(settings) -> None:
    settings.UPSTREAM_RATE_PER_MINUTE = 1_000_000
    settings.UPSTREAM_ALLOW_PRIVATE = True


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(days=12, calls_per_day=120, seed=3) as box:
        yield box


def since(box: Sandbox) -> date:
    return (box.now - timedelta(days=box.days + 1)).date()


def token_of(tenant, box: Sandbox, vendor: str) -> str:
    """Each company has a token of its own; all of them show the same calls."""
    token = box.token(vendor, "acme")
    if tenant.slug != "acme":
        token = f"{token}_{tenant.slug}"
        box.tokens[token] = (vendor, "acme")
    return token


def connect(tenant, box: Sandbox, name: str = "Sales") -> Connection:
    """A Talkover connection to the sandbox; the tenant's wall must be open."""
    made = Description(name, "talkover", box.talkover_url, since(box), token=token_of(tenant, box, "talkover"))
    return Connection.objects.select_related("tenant").get(pk=add_connection(tenant, made).pk)


def connect_originsai(tenant, box: Sandbox, name: str = "Care", **settings: str) -> Connection:
    agents = ",".join(f"{number}:{agent}" for number, agent in box.originsai_agents.items())
    made = Description(
        name,
        "originsai",
        box.originsai_url,
        since(box),
        token=token_of(tenant, box, "originsai"),
        settings={"agents": agents} | settings,
    )
    return Connection.objects.select_related("tenant").get(pk=add_connection(tenant, made).pk)


def mirrored(connection: Connection) -> dict[str, dict]:
    """The payloads of the calls that upstream still has, by id."""
    rows = Payload.objects.filter(environment_id=connection.environment_id, call__missing_since=None)
    return {key: json.loads(raw) for key, raw in rows.values_list("call__external_id", "raw")}


def served(box: Sandbox) -> dict[str, dict]:
    with box.world.lock:
        return {key: dict(element) for key, element in box.world.calls.items()}


def missing(connection: Connection) -> set[str]:
    rows = Call.objects.filter(environment_id=connection.environment_id, missing_since__isnull=False)
    return set(rows.values_list("external_id", flat=True))


@pytest.fixture
def acme_wall(acme) -> Iterator[None]:
    with wall.tenant(acme):
        yield


@databases.world
def autumn() -> Iterator[World]:
    with mirrored_by(AUTUMN) as filled:
        yield filled


@pytest.fixture
def world(autumn) -> Iterator[World]:
    with seen(autumn) as world:
        yield world


__all__ = ["readers", "town"]

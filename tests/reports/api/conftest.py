"""Keys of the cast, the mirror as a pull would have left it, and a short way to ask."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from portal.tenants import wall
from portal.tenants.models.grants import Grant
from portal.tenants.models.keys import PREFIX, ApiKey, digest
from portal.tenants.models.people import Role
from portal.vault import new_secret
from sync.models.runs import Window

JULY_8 = date(2026, 7, 8)


def make_key(
    tenant, *, environment=None, numbers=True, looks_up=False, sees=(), agents=(), role=Role.VIEWER, **fields
) -> str:
    """``sees``: environments of the grant, all by default; ``environment``: the one the key is bound to."""
    secret = new_secret(PREFIX)
    with wall.tenant(tenant):
        grant = Grant.objects.create(
            tenant=tenant,
            all_environments=not sees,
            agent_keys=list(agents),
            sees_numbers=numbers,
            looks_up=looks_up,
        )
        grant.environments.set(sees)
        ApiKey.objects.create(
            tenant=tenant,
            name="test",
            hint=secret[:9],
            digest=digest(secret),
            role=role,
            grant=grant,
            environment=environment,
            **fields,
        )
    return secret


def read_days(environment, stream, first, last, *, part=None, state="complete", late=timedelta(days=3)) -> None:
    """Windows of whole days, each read ``late`` after its end."""
    day = first
    while day <= last:
        read_at = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1) + late
        Window.objects.create(
            tenant_id=environment.tenant_id,
            environment=environment,
            stream=stream,
            part=part or day.isoformat(),
            day=None if part else day,
            state=state,
            read_at=read_at,
        )
        day += timedelta(days=1)


@pytest.fixture
def get(client):
    """``get(path, key)``: the answer; its ``data`` is the decoded body."""

    def ask(path, key=None, method="GET", **headers):
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        response = client.generic(method, path, headers=headers)
        response.body = b"".join(response.streaming_content) if response.streaming else response.content
        kind = response.headers.get("Content-Type", "")
        response.data = json.loads(response.body) if "json" in kind and "jsonl" not in kind and response.body else None
        return response

    return ask


@pytest.fixture
def sales_key(acme, sales):
    return make_key(acme, environment=sales)


@pytest.fixture
def care_key(acme, care):
    return make_key(acme, environment=care)

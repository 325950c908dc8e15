"""The rows around the seeded calls, made through the models: tenant, environments, agents, connections."""

from datetime import date
from typing import Any

from django.core.management import call_command
from django.utils import timezone

from portal.tenants import wall
from portal.tenants.models.tenants import Environment, Tenant
from reports.columns.models import ColumnFile
from reports.columns.refresh import rebuild
from sync.models.agents import Agent
from sync.models.connections import Connection, ConnectionState
from sync.models.runs import Window, WindowState
from sync.taxonomy import Stream

SLUG, OWNER = "bench", "bench@ringbook.example"


def migrate() -> None:
    call_command("migrate", verbosity=0)
    call_command("add_tenant", SLUG, name="Bench", zone="America/Sao_Paulo", language="en", owner=OWNER, verbosity=0)


def environment(place: int, first: date, *, rich: bool) -> dict[str, Any]:
    """An environment with ten agents: six dial, two take calls, two take callbacks; ``rich`` is OriginsAI's."""
    tenant = Tenant.objects.get(slug=SLUG)
    provider = "originsai" if rich else "talkover"
    with wall.tenant(tenant):
        made = Environment.objects.create(tenant=tenant, name=f"Environment {place + 1:02}", provider=provider)
        keys = [f"{place}-{n}" for n in range(10)]
        agents = [
            Agent.objects.create(
                tenant=tenant,
                environment=made,
                external_id=key,
                name=f"Agent {n + 1}",
                direction="outbound" if n < 6 else "inbound",
                state="published",
                takes_callbacks=n >= 8 and not rich,
                callback_sources=keys[:6:2] if n == 8 else keys[1:6:2] if n == 9 else [],
                price_per_minute="0.35" if not rich else None,
                currency="BRL" if not rich else "",
            )
            for n, key in enumerate(keys)
        ]
        Connection.objects.create(
            tenant=tenant,
            environment=made,
            provider=provider,
            base_url="https://vendor.example/api",
            token="none",
            since=first,
            state=ConnectionState.PAUSED,
        )
        if rich:
            now = timezone.now()
            Window.objects.bulk_create(
                Window(
                    tenant=tenant,
                    environment=made,
                    stream=Stream.CALLS,
                    part=f"agent:{key}",
                    state=WindowState.COMPLETE,
                    read_at=now,
                    tried_at=now,
                )
                for key in keys
            )
    return {"tenant": tenant.pk, "environment": made.pk, "agents": [agent.pk for agent in agents], "rich": rich}


def columns() -> tuple[int, int]:
    """Make all column files anew; the calls in them, and their bytes."""
    tenant = Tenant.objects.get(slug=SLUG)
    with wall.tenant(tenant):
        for made in Environment.objects.select_related("tenant"):
            rebuild(made)
        files = ColumnFile.objects.filter(retired_at__isnull=True).values_list("rows", "bytes")
        return sum(rows for rows, _size in files), sum(size for _rows, size in files)

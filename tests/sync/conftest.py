"""Connections for tests of sync that need no vendor."""

from datetime import date
from typing import Any

from sync.models.connections import Connection


def make_connection(environment, **fields: Any) -> Connection:
    values = {
        "provider": environment.provider,
        "base_url": "http://127.0.0.1:1/api/v1",
        "token": "talq_secret",
        "since": date(2026, 7, 1),
    } | fields
    return Connection.objects.create(tenant_id=environment.tenant_id, environment=environment, **values)

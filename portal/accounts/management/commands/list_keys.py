"""List a tenant's API keys: what they may, when they were used, whether they stand. Secrets are kept nowhere."""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.utils import timezone

from portal.tenants import wall
from portal.tenants.command import DONE, find_tenant
from portal.tenants.command import Command as BaseCommand
from portal.tenants.models.keys import ApiKey

_COLUMNS = ("id", "state", "begins with", "role", "environment", "expires", "last used", "name")


class Command(BaseCommand):
    help = "List the API keys of a tenant, the newest first: id, state, first characters, role, environment, uses."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", required=True, metavar="SLUG")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant, now = find_tenant(options["tenant"]), timezone.now()
        with wall.tenant(tenant):
            rows = ApiKey.objects.select_related("environment", "grant", "made_by").order_by("-created_at", "-pk")
            keys = [_told(key, now) for key in rows]
        if not self._json:
            self.stdout.write("\n".join(_table(keys)))
        self.finish(DONE, {"keys": keys})


def _told(key: ApiKey, now: datetime) -> dict[str, Any]:
    return {
        "id": str(key.public_id),
        "name": key.name,
        "begins_with": key.hint,
        "role": key.role,
        "environment": str(key.environment.public_id) if key.environment else None,
        "environment_name": key.environment.name if key.environment else None,
        "numbers": key.grant.sees_numbers,
        "look_up": key.grant.looks_up,
        "made_by": key.made_by.email if key.made_by else None,
        "state": key.state(now),
        **{
            name: moment.isoformat(timespec="seconds") if moment else None
            for name, moment in (
                ("created_at", key.created_at),
                ("expires_at", key.expires_at),
                ("last_used_at", key.last_used_at),
                ("revoked_at", key.revoked_at),
            )
        },
    }


def _table(keys: list[dict[str, Any]]) -> list[str]:
    lines = [_COLUMNS]
    for key in keys:
        environment = key["environment_name"] or "all"
        ends, used = key["expires_at"] or "never", key["last_used_at"] or "never"
        fields = (key["id"], key["state"], key["begins_with"], key["role"], environment, ends, used, key["name"])
        lines.append(fields)
    widths = [max(len(line[column]) for line in lines) for column in range(len(_COLUMNS))]
    return ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]

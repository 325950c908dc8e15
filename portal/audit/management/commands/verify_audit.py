"""Checks the audit's chains: that no entry was changed, taken out or put in."""

from typing import Any

from django.core.management.base import CommandParser

from portal.audit.chain import first_break
from portal.tenants.command import DONE, NOT_COMPLETE, find_tenant
from portal.tenants.command import Command as BaseCommand
from portal.tenants.models.tenants import Tenant


class Command(BaseCommand):
    help = "Check that no audit entry was changed or removed; status 3 names the first that does not hold."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", metavar="SLUG", help="this tenant's chain alone")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["tenant"]:
            tenant = find_tenant(options["tenant"])
            chains: dict[str, int | None] = {tenant.slug: tenant.pk}
        else:
            chains = {tenant.slug: tenant.pk for tenant in Tenant.objects.order_by("slug")} | {"": None}
        broken = []
        for slug, tenant_id in chains.items():
            found = first_break(tenant_id)
            if found is None:
                continue
            broken.append({"tenant": slug or None, "number": found.number, "reason": found.reason})
            if not self._json:
                whose = f"tenant {slug}" if slug else "the platform"
                self.stdout.write(f"{whose}: entry {found.number} does not hold: {found.reason}")
        if not broken and not self._json:
            self.stdout.write(f"{len(chains)} chains hold")
        self.finish(NOT_COMPLETE if broken else DONE, {"chains": len(chains), "broken": broken})

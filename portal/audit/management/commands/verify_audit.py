"""Checks the audit's chains: that no entry was changed, taken out or put in."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from portal.audit.chain import Break, first_break, first_break_of_lines
from portal.audit.models import Entry
from portal.tenants import wall
from portal.tenants.command import DONE, NOT_COMPLETE, find_tenant
from portal.tenants.command import Command as BaseCommand
from portal.tenants.models.tenants import Tenant


class Command(BaseCommand):
    help = "Check that no audit entry was changed or removed; status 3 names the first that does not hold."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", metavar="SLUG", help="this tenant's chain alone")
        parser.add_argument(
            "--file", help="an exported log (JSON lines) instead; with --tenant also whether that chain still holds it"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["file"]:
            self._check_file(options["file"], options["tenant"])
            return
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

    def _check_file(self, path: str, slug: str) -> None:
        try:
            with Path(path).open() as lines:
                found, number, digest = first_break_of_lines(lines)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CommandError(f"{path} cannot be read as an exported audit: {error}") from error
        if found is None and slug:
            tenant = find_tenant(slug)
            with wall.tenant(tenant):
                if number and not Entry.objects.filter(number=number, digest=digest).exists():
                    found = Break(number, "the tenant's chain does not contain it")
        if not self._json:
            says = "all hold" if found is None else f"entry {found.number} does not hold: {found.reason}"
            self.stdout.write(f"{path}: {number} entries read, {says}")
        broken = [] if found is None else [{"number": found.number, "reason": found.reason}]
        self.finish(NOT_COMPLETE if broken else DONE, {"entries": number, "last": digest, "broken": broken})

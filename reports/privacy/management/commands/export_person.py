"""Hand out what is kept of a person, as an administrator at the console."""

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.utils import translation

from portal.audit.record import record
from portal.tenants import wall
from portal.tenants.command import DONE, find_tenant
from portal.tenants.command import Command as BaseCommand
from reports.privacy.archive import write_person
from reports.privacy.person import Person


class Command(BaseCommand):
    help = (
        "Write all that one company keeps of a person into one ZIP of JSON and CSV: calls, what was said in them, "
        "notes, what the vendor sent, and where else the number is named."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", required=True, metavar="SLUG")
        parser.add_argument("--number", required=True, help="with + and country code")
        parser.add_argument("--output", metavar="FILE", help="a file that is not there yet; SLUG-person.zip by default")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = find_tenant(options["tenant"])
        path = Path(options["output"] or f"{tenant.slug}-person.zip")
        with wall.tenant(tenant), translation.override(tenant.language):
            person = Person.of(tenant.pk, options["number"])
            if not person.contacts:
                raise CommandError("Give the number with + and country code, as in +55 11 98765-4321.")
            try:
                handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            except OSError as error:
                raise CommandError(f"{path} cannot be written: {error.strerror}") from error
            with os.fdopen(handle, "w+b") as file:
                held = write_person(tenant, person, file, lambda: None)
            record("person.exported", tenant_id=tenant.pk, about={"calls": held.calls, "mentions": held.mentions})
        if not self._json:
            self.stdout.write(f"{path}: {held.calls} calls")
        self.finish(DONE, {"file": str(path), "calls": held.calls, "mentions": held.mentions})

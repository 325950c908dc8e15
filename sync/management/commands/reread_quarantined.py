"""Read the kept texts of elements again that could not be read: what an upgrade has learned is taken in."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from portal.tenants import wall
from portal.tenants.command import DONE, NOT_COMPLETE, find_environment, identifier
from portal.tenants.command import Command as BaseCommand
from sync.management.commands.accept_quarantined import find_elements
from sync.models.quarantine import OPEN, Quarantine
from sync.reading.quarantine import Refused, reread


class Command(BaseCommand):
    help = "Read elements again that could not be read, as after an upgrade: those named, or all of an environment."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("ids", nargs="*", type=identifier, metavar="ID")
        parser.add_argument("--environment", type=identifier, help="all that are open in this environment")

    def handle(self, *args: Any, **options: Any) -> None:
        if bool(options["ids"]) == bool(options["environment"]):
            raise CommandError("Name elements by their ids, or one --environment.")
        elements = find_elements(options["ids"])
        if options["environment"]:
            environment = find_environment(options["environment"])
            with wall.tenant(environment.tenant):
                rows = Quarantine.objects.filter(OPEN, environment=environment).exclude(part="")
                elements = list(rows.select_related("environment").order_by("pk"))
        read = 0
        for element in elements:
            with wall.tenant(element.tenant_id):
                try:
                    read += reread(element)
                except Refused as error:
                    self.stderr.write(f"{element.public_id}: {error}")
        left = len(elements) - read
        if not self._json:
            self.stdout.write(f"{read} read, {left} still can't be")
        self.finish(NOT_COMPLETE if left else DONE, {"read": read, "unreadable": left})

"""Compare the mirror with the vendor's totals."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from portal.tenants import wall
from portal.tenants.command import DONE, NOT_COMPLETE, day, find_environment, identifier
from portal.tenants.command import Command as BaseCommand
from sync.connections import explain
from sync.models.connections import Connection
from sync.providers.base import UpstreamError
from sync.reconcile import reconcile


class Command(BaseCommand):
    help = "Compare our counts of calls with the vendor's totals, UTC day by UTC day."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--environment", type=identifier, required=True, help="the environment's id")
        parser.add_argument("--since", type=day, help="first UTC day, YYYY-MM-DD")
        parser.add_argument("--until", type=day, help="last UTC day, YYYY-MM-DD")

    def handle(self, *args: Any, **options: Any) -> None:
        environment = find_environment(options["environment"])
        with wall.tenant(environment.tenant):
            connection = Connection.objects.filter(environment=environment).first()
            if connection is None:
                raise CommandError("The environment has no connection.")
            try:
                differing = reconcile(connection, options["since"], options["until"])
            except UpstreamError as error:
                self.stderr.write(explain(error))
                raise SystemExit(NOT_COMPLETE) from error
        days = [{"day": item.day.isoformat(), "ours": item.ours, "theirs": item.theirs} for item in differing]
        if not self._json:
            for item in differing:
                self.stdout.write(f"{item.day}: {item.ours} here, {item.theirs} at the vendor")
            if not differing:
                self.stdout.write("equal")
        self.finish(NOT_COMPLETE if days else DONE, {"status": "different" if days else "equal", "days": days})

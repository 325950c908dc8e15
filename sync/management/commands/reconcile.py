"""Compare the mirror with the vendor's totals."""

from argparse import ArgumentParser
from typing import Any, NoReturn

from django.core.management.base import CommandError

from portal.tenants import wall
from portal.tenants.command import DONE, NOT_COMPLETE, day, find_environment, identifier
from portal.tenants.command import Command as BaseCommand
from sync.connections import explain
from sync.management.commands.pull import check_days
from sync.models.connections import Connection
from sync.providers.base import UpstreamError
from sync.reconcile import NotComparable, reconcile


class Command(BaseCommand):
    help = "Compare our counts of calls with the vendor's totals, UTC day by UTC day."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--environment", type=identifier, required=True, help="the environment's id")
        parser.add_argument("--since", type=day, help="first UTC day, YYYY-MM-DD")
        parser.add_argument("--until", type=day, help="last UTC day, YYYY-MM-DD")

    def handle(self, *args: Any, **options: Any) -> None:
        environment = find_environment(options["environment"])
        check_days(options["since"], options["until"])
        with wall.tenant(environment.tenant):
            connection = Connection.objects.defer("token").filter(environment=environment).first()
            if connection is None:
                raise CommandError("The environment has no connection.")
            try:
                found = reconcile(connection, options["since"], options["until"])
            except UpstreamError as error:
                self._give_up(explain(error))
            except NotComparable:
                self._give_up("The vendor counts other days than UTC days, so its totals can't be compared.")
        days = [{"day": item.day.isoformat(), "ours": item.ours, "theirs": item.theirs} for item in found.differing]
        if not self._json:
            for item in found.differing:
                self.stdout.write(f"{item.day}: {item.ours} here, {item.theirs} at the vendor")
            if not found.compared:
                self.stdout.write("The vendor names no totals; nothing was compared.")
            elif not days:
                self.stdout.write("equal")
        status = "different" if days else "equal"
        self.finish(NOT_COMPLETE if days else DONE, {"status": status, "days": days, "compared": found.compared})

    def _give_up(self, why: str) -> NoReturn:
        self.stderr.write(why)
        self.finish(NOT_COMPLETE, {"status": "different", "days": [], "compared": 0, "error": why})
        raise AssertionError("unreachable")

"""Count the rollups anew from the mirror."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils.timezone import now

from portal.tenants import wall
from portal.tenants.command import DONE, day, find_environment, identifier
from portal.tenants.command import Command as BaseCommand
from portal.tenants.models.tenants import Environment
from reports.periods import local_date
from reports.rollups.refresh import rebuild


class Command(BaseCommand):
    help = "Count the rollups anew from the mirrored calls, at any time, with the same result."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--environment", type=identifier, help="the environment's id; all of them without it")
        parser.add_argument("--since", type=day, help="first day in the tenant's zone, YYYY-MM-DD")
        parser.add_argument("--until", type=day, help="last day in the tenant's zone, YYYY-MM-DD")

    def handle(self, *args: Any, **options: Any) -> None:
        since, until = options["since"], options["until"]
        if since and until and until < since:
            raise CommandError("--until is before --since.")
        if options["environment"]:
            environments = [find_environment(options["environment"])]
        else:
            with wall.every_tenant("rollups of every environment are rebuilt"):
                environments = list(Environment.objects.select_related("tenant").order_by("pk"))
        if since and environments and all(since > local_date(now(), row.tenant.zone) for row in environments):
            raise CommandError(f"--since: {since} lies in the future.")
        days = 0
        for environment in environments:
            self.tell(f"{environment.tenant.slug} · {environment.name}")
            with wall.tenant(environment.tenant):
                days += rebuild(environment, since, until)
        if not self._json:
            self.stdout.write(f"{days} days counted")
        self.finish(DONE, {"environments": len(environments), "days": days})

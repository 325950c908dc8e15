"""Make the column files anew from the mirror."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils.timezone import now

from portal.storage import Away
from portal.tenants import wall
from portal.tenants.command import DONE, NOT_COMPLETE, day, find_environment, identifier
from portal.tenants.command import Command as BaseCommand
from portal.tenants.models.tenants import Environment
from reports.columns.refresh import LeaseLost, rebuild


class Command(BaseCommand):
    help = "Make the column files anew from the mirrored calls, at any time, with the same figures."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--environment", type=identifier, help="the environment's id; all of them without it")
        parser.add_argument("--since", type=day, help="first UTC day, YYYY-MM-DD")
        parser.add_argument("--until", type=day, help="last UTC day, YYYY-MM-DD")

    def handle(self, *args: Any, **options: Any) -> None:
        since, until = options["since"], options["until"]
        if since and until and until < since:
            raise CommandError("--until is before --since.")
        if since and since > now().date():
            raise CommandError(f"--since: {since} lies in the future.")
        if options["environment"]:
            environments = [find_environment(options["environment"])]
        else:
            with wall.every_tenant("column files of every environment are made anew"):
                environments = list(Environment.objects.select_related("tenant").order_by("pk"))
        days = 0
        status = DONE
        try:
            for environment in environments:
                where = f"{environment.tenant.slug} · {environment.name}"
                self.tell(where)
                try:
                    with wall.tenant(environment.tenant):
                        days += rebuild(environment, since, until)
                except LeaseLost:  # what was made until then counts
                    self.stderr.write(f"{where}: not all was made, as another process took over. Run it again.")
                    status = NOT_COMPLETE
        except Away as error:
            self.stderr.write(f"The storage of column files does not answer: {error}.")
            status = NOT_COMPLETE
        if not self._json:
            self.stdout.write(f"{days} days read")
        self.finish(status, {"environments": len(environments), "days": days})

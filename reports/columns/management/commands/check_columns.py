"""Compare the column files with the mirror."""

from argparse import ArgumentParser
from typing import Any

from portal.storage import Away
from portal.tenants import wall
from portal.tenants.command import DONE, NOT_COMPLETE, find_environment, identifier
from portal.tenants.command import Command as BaseCommand
from portal.tenants.models.tenants import Environment
from reports.columns.check import Difference, differences
from reports.columns.sweep import repair


class Command(BaseCommand):
    help = (
        "Count column files and mirror by environment and day; 3 when they differ, each difference named."
        " What differs is made again within minutes."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--environment", type=identifier, help="the environment's id; all of them without it")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["environment"]:
            environments = [find_environment(options["environment"])]
        else:
            with wall.every_tenant("column files of every environment are checked"):
                environments = list(Environment.objects.select_related("tenant").order_by("pk"))
        named: list[dict[str, Any]] = []
        status = "equal"
        try:
            for environment in environments:
                with wall.tenant(environment.tenant):
                    found = list(differences(environment))
                    named += [self._name(environment, difference) for difference in found]
                    if found:
                        status = "different"
                        repair(environment, found)
        except Away as error:
            self.stderr.write(f"The storage of column files does not answer: {error}.")
            status = "unknown"
        if status == "equal" and not self._json:
            self.stdout.write(f"{len(environments)} environments: equal")
        if status == "different":
            self.tell("What differs is made again by the next refresh, within minutes.")
        self.finish(DONE if status == "equal" else NOT_COMPLETE, {"status": status, "differences": named})

    def _name(self, environment: Environment, difference: Difference) -> dict[str, Any]:
        if not self._json:
            where = f"{environment.tenant.slug} · {environment.name}"
            what = f"{difference.name}: not there, or damaged" if difference.name else f"{difference.day}"
            counts = "" if difference.name else f": {difference.mirror} calls mirrored, {difference.files} in files"
            self.stdout.write(f"{where} · {what}{counts}")
        return {
            "environment": str(environment.public_id),
            "day": difference.day.isoformat() if difference.day else None,
            "file": difference.name or None,
            "mirror": difference.mirror,
            "files": difference.files,
        }

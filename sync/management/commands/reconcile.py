"""Compare the mirror with the vendor's totals.

The status is ``unknown`` where no day differs but not every day could be compared; ``error`` then says why.
"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from portal.tenants import wall
from portal.tenants.command import DONE, NOT_COMPLETE, day, find_environment, identifier
from portal.tenants.command import Command as BaseCommand
from sync.connections import TokenSealed, explain
from sync.management.commands.pull import check_days
from sync.models.connections import Connection
from sync.providers.errors import UpstreamError
from sync.reading.reconcile import Comparison, Difference, NotComparable, reconcile


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
            comparison = Comparison()
            try:
                why = _left_out(reconcile(connection, options["since"], options["until"], comparison=comparison))
            except TokenSealed as error:
                raise CommandError(str(error)) from error
            except UpstreamError as error:
                why = explain(error)
            except NotComparable:
                why = "The vendor counts other days than UTC days, so its totals can't be compared."
        days = [_as_json(item) for item in comparison.differing]
        status = "different" if days else "unknown" if why else "equal"
        result = {"status": status, "days": days, "compared": comparison.compared}
        if why:
            self.stderr.write(why)
            result["error"] = why
        if not self._json:
            for item in comparison.differing:
                aside = f", {item.quarantined} could not be read" if item.quarantined else ""
                self.stdout.write(f"{item.day}: {item.ours} here, {item.theirs} at the vendor{aside}")
            if not days:
                self.stdout.write(status)
        self.finish(DONE if status == "equal" else NOT_COMPLETE, result)


def _as_json(item: Difference) -> dict[str, object]:
    fields: dict[str, object] = {"day": item.day.isoformat(), "ours": item.ours, "theirs": item.theirs}
    return fields | ({"quarantined": item.quarantined} if item.quarantined else {})


def _left_out(comparison: Comparison) -> str:
    """Why not every day was compared; "" when all were."""
    if comparison.without and comparison.compared:
        return f"The vendor names no total of {comparison.without}, so only the days before it were compared."
    if comparison.without:
        return "The vendor names no totals, so nothing was compared."
    return "" if comparison.compared else "There was no day to compare."

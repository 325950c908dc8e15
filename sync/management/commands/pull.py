"""Read a vendor now, in the foreground."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from portal.tenants import wall
from portal.tenants.command import DONE, NOT_COMPLETE, day, find_environment, identifier
from portal.tenants.command import Command as BaseCommand
from sync.leases import Busy
from sync.models.connections import Connection
from sync.runner import pull
from sync.taxonomy import Stream


class Command(BaseCommand):
    help = "Read an environment's vendor now: the given UTC days, inclusive, or what is due."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--environment", type=identifier, required=True, help="the environment's id")
        parser.add_argument("--stream", action="append", default=[], choices=[str(stream) for stream in Stream])
        parser.add_argument("--since", type=day, help="first UTC day, YYYY-MM-DD")
        parser.add_argument("--until", type=day, help="last UTC day, YYYY-MM-DD")

    def handle(self, *args: Any, **options: Any) -> None:
        environment = find_environment(options["environment"])
        since, until = options["since"], options["until"]
        if since and until and since > until:
            raise CommandError("--since must not be after --until.")
        with wall.tenant(environment.tenant):
            connection = Connection.objects.select_related("tenant").filter(environment=environment).first()
            if connection is None:
                raise CommandError("The environment has no connection.")
            try:
                report = pull(
                    connection,
                    [Stream(name) for name in options["stream"]],
                    since=since,
                    until=until,
                    progress=self._show if sys.stderr.isatty() else None,
                )
            except Busy as error:
                raise SystemExit(self._busy(error)) from error
        if not self._json:
            for stream, result in report.streams.items():
                why = f" ({result.fault})" if result.fault else ""
                self.stdout.write(
                    f"{stream}: {result.status}{why}, {result.seen} read, {result.new} new, {result.changed} changed, "
                    f"{result.quarantined} quarantined, {result.windows_incomplete} windows incomplete"
                )
        self.finish(DONE if report.status == "complete" else NOT_COMPLETE, report.as_json())

    def _busy(self, error: Busy) -> int:
        self.stderr.write(str(error))
        return NOT_COMPLETE

    def _show(self, stream: Stream, done: int, planned: int, seen: int) -> None:
        self.stderr.write(f"\r{stream}: {done} of {planned} windows, {seen:,} elements", ending="")
        if done == planned:
            self.stderr.write("")

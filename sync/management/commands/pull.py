"""Read a vendor now, in the foreground."""

import sys
from argparse import ArgumentParser
from datetime import UTC, date, datetime
from typing import Any

from django.core.management.base import CommandError

from portal.tenants import wall
from portal.tenants.command import DONE, NOT_COMPLETE, day, find_environment, identifier
from portal.tenants.command import Command as BaseCommand
from sync.models.connections import Connection
from sync.providers import registry
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
        check_days(since, until)
        with wall.tenant(environment.tenant):
            rows = Connection.objects.select_related("tenant").defer("token")
            connection = rows.filter(environment=environment).first()
            if connection is None:
                raise CommandError("The environment has no connection.")
            provider = registry.get(connection.provider)
            for name in options["stream"]:
                if name not in provider.streams:
                    raise CommandError(f"{provider.label} has no {name} to read.")
            report = pull(
                connection,
                [Stream(name) for name in options["stream"]],
                since=since,
                until=until,
                progress=self._show if sys.stderr.isatty() else None,
            )
        if not self._json:
            for stream, result in report.streams.items():
                why = f" ({result.fault})" if result.fault else " (another process is reading)" if result.busy else ""
                self.stdout.write(
                    f"{stream}: {result.status}{why}, {result.seen} read, {result.new} new, {result.changed} changed, "
                    f"{result.quarantined} quarantined, {result.windows_incomplete} windows incomplete"
                )
        self.finish(DONE if report.status == "complete" else NOT_COMPLETE, report.as_json())

    def _show(self, stream: Stream, done: int, planned: int, seen: int) -> None:
        self.stderr.write(f"\r{stream}: {done} of {planned} windows, {seen:,} elements", ending="")
        if done == planned:
            self.stderr.write("")


def check_days(since: date | None, until: date | None) -> None:
    """Raise CommandError for a span that holds no day."""
    if since and until and since > until:
        raise CommandError("--since must not be after --until.")
    if since and since > datetime.now(UTC).date():
        raise CommandError("--since must not lie in the future.")

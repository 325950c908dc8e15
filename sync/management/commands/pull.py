"""Read a vendor now, in the foreground."""

import signal
import sys
from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import CommandError

from portal.tenants import wall
from portal.tenants.command import DONE, NOT_COMPLETE, day, find_environment, identifier
from portal.tenants.command import Command as BaseCommand
from sync.connections import TokenSealed
from sync.history import WrongDay, check_day
from sync.models.connections import Connection
from sync.providers import registry
from sync.reading.ahead import put_right
from sync.reading.readings import StreamReport
from sync.reading.runner import pull
from sync.taxonomy import Stream


class Command(BaseCommand):
    help = (
        "Read an environment's vendor now: the given UTC days, inclusive, or what is due. How far back the mirror goes "
        "stays as it is."
    )

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
            if doubtful := put_right(connection):
                notice = f"The clock was ahead: {doubtful} windows were read in the future and are read again."
                self.stderr.write(notice)
            if self._called_from_command_line:
                signal.signal(signal.SIGTERM, signal.default_int_handler)
            try:
                report = pull(
                    connection,
                    [Stream(name) for name in options["stream"]],
                    since=since,
                    until=until,
                    progress=self._show if sys.stderr.isatty() else None,
                )
            except TokenSealed as error:
                raise CommandError(str(error)) from error
            except KeyboardInterrupt:
                self.stderr.write("Interrupted. What was read so far stays, and the next pull goes on from it.")
                self.finish(NOT_COMPLETE, {"status": "interrupted", "streams": {}})
        if not self._json:
            for stream, result in report.streams.items():
                why = f" ({result.fault})" if result.fault else " (another process is reading)" if result.busy else ""
                self.stdout.write(
                    f"{stream}: {result.status}{why}, {result.seen} read, {result.new} new, {result.changed} changed, "
                    f"{result.quarantined} quarantined, {result.windows_incomplete} windows incomplete"
                )
                self._name(result)
        self.finish(DONE if report.status == "complete" else NOT_COMPLETE, report.as_json())

    def _name(self, result: StreamReport) -> None:
        """Say which elements could not be read, the first of them."""
        for element in result.unreadable:
            of_day = f" of {element['day']}" if element["day"] else ""
            times = f"{element['times']} times " if element["times"] != 1 else ""
            what = f"{times}{element['kind']} {element['external_id']}".strip()
            self.stdout.write(f"  could not be read: {what}{of_day}: {element['reason']} ({element['id']})")
        if (more := result.quarantined - sum(int(str(element["times"])) for element in result.unreadable)) > 0:
            self.stdout.write(f"  and {more} more")

    def _show(self, stream: Stream, done: int, planned: int, seen: int) -> None:
        self.stderr.write(f"\r{stream}: {done} of {planned} windows, {seen:,} elements", ending="")
        if done == planned:
            self.stderr.write("")


def check_days(since: date | None, until: date | None) -> None:
    """Raise CommandError for a span that holds no day, or more of them than any vendor can tell of."""
    if since and until and since > until:
        raise CommandError("--since must not be after --until.")
    try:
        if since:
            check_day(since)
    except WrongDay as error:
        raise CommandError(f"--since: {error}") from error

"""``sandbox``: both vendors' stand-ins alone, for trying connections out and for watching what faults do."""

import signal
from argparse import ArgumentTypeError
from threading import Event
from typing import Any

from django.core.management.base import CommandError, CommandParser

from portal.tenants.command import Command as BaseCommand
from sync.sandbox.cast import TENANTS
from sync.sandbox.faults import FaultError, Faults
from sync.sandbox.server import Sandbox

_TICK = 15  # seconds between two looks at the clock


class Command(BaseCommand):
    help = "Serve stand-ins for Talkover (at /api/v1) and OriginsAI (at /api) with synthetic calls, until Ctrl-C."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--bind", type=_address, default=("127.0.0.1", 8901), metavar="HOST:PORT")
        parser.add_argument("--days", type=int, default=90, help="days of history, today included")
        parser.add_argument("--calls-per-day", type=int, default=400)
        parser.add_argument("--seed", type=int, default=1, help="the same seed tells the same history")
        parser.add_argument("--rate-limit", type=int, default=0, help="requests a minute and token; 0 is no limit")
        parser.add_argument(
            "--fault", action="append", default=[], metavar="FAULT", help="429=0.02, 500@path=/campaigns,times=2 …"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["days"] < 1 or options["calls_per_day"] < 1:
            raise CommandError("--days and --calls-per-day must be at least 1.")
        try:
            faults = Faults(*options["fault"])
        except FaultError as error:
            raise CommandError(str(error)) from error
        host, port = options["bind"]
        box = Sandbox(
            days=options["days"],
            calls_per_day=options["calls_per_day"],
            seed=options["seed"],
            faults=faults,
            rate_limit=options["rate_limit"] or None,
            host=host,
            port=port,
        )
        try:
            box.start()
        except OSError as error:
            raise CommandError(f"Can't listen on {host}:{port}: {error.strerror}.") from error
        ended = Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: ended.set())
        try:
            self._introduce(box)
            while not ended.wait(_TICK):
                box.advance()
        finally:
            box.stop()

    def _introduce(self, box: Sandbox) -> None:
        lines = [f"Talkover   {box.talkover_url}", f"OriginsAI  {box.originsai_url}", ""]
        for token, (vendor, tenant) in box.tokens.items():
            numbers = ",".join(f"{number}:{name}" for number, name in TENANTS[tenant].originsai.items())
            lines.append(f"{tenant:8} {vendor:10} {token}{f'  agents={numbers}' if vendor == 'originsai' else ''}")
        lines += ["", f'Faults: POST {{"faults": ["429=0.02"]}} to {box.address}/_sandbox/faults. Ctrl-C ends it.']
        self.stdout.write("\n".join(lines))
        self.stdout.flush()


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise ArgumentTypeError(f"{text!r} is no HOST:PORT.")
    return host.strip("[]"), int(port)

"""Web, workers and beat under one supervisor."""

import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import OperationalError

from portal.runtime.broker import BrokerError
from portal.runtime.children import CrashLoop
from portal.runtime.owner import ask_for_owner
from portal.runtime.schema import bring_up_to_date
from portal.runtime.supervisor import AddressError, Supervisor, listen
from portal.tenants.command import Command as BaseCommand


class Command(BaseCommand):
    help = "Runs the whole portal: web, workers and beat under one supervisor. SIGTERM or Ctrl-C ends all."
    requires_system_checks = ()  # `make check` runs them; a start is to be quick

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--bind", default="127.0.0.1:8000", help="where the pages are served")
        parser.add_argument("--web", type=int, default=2, help="web processes, of four threads each")
        parser.add_argument("--workers", type=int, default=2, help="task processes")
        parser.add_argument("--first-owner", action="store_true", help="ask for the first owner if there is none")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["web"] < 1 or options["workers"] < 1:
            raise CommandError("--web and --workers are 1 or more.")
        try:
            with listen(options["bind"]) as listener, Supervisor(self.stderr.write) as running:
                running.ensure_broker()
                with running.working():
                    bring_up_to_date()
                    if options["first_owner"]:
                        self.stdout.write(ask_for_owner())
                running.serve(
                    listener,
                    web=options["web"],
                    workers=options["workers"],
                    ready=lambda: self.announce(options["bind"]),
                )
        except (AddressError, BrokerError) as error:
            raise CommandError(str(error)) from error
        except OperationalError as error:
            raise CommandError(f"The database does not answer: {error}") from error
        except CrashLoop as error:
            self.stderr.write(str(error))
            sys.exit(1)

    def announce(self, bind: str) -> None:
        self.stdout.write(f"Ringbook is on http://{bind}/ - Ctrl-C ends it.")
        self.stdout.flush()

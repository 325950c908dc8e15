"""Web, workers and beat under one supervisor."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from portal.site.command import SiteCommand
from portal.site.owner import ask_for_first_people
from portal.site.schema import bring_up_to_date
from portal.site.setup import invitation_to_set_up
from portal.site.supervisor import Supervisor, listen
from reports.privacy.erasing import make_up


class Command(SiteCommand):
    help = "Runs the whole portal: web, workers and beat under one supervisor. SIGTERM or Ctrl-C ends all."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--bind", default="127.0.0.1:8000", help="where the pages are served")
        parser.add_argument("--web", type=int, default=2, help="web processes, of eight threads each")
        parser.add_argument("--workers", type=int, default=2, help="processes that read vendors")
        parser.add_argument("--first-owner", action="store_true", help="ask for the first owner, and administrator")

    def handle(self, *args: Any, **options: Any) -> None:
        bind, web, workers = options["bind"], options["web"], options["workers"]
        if web < 1 or workers < 1:
            raise CommandError("--web and --workers are 1 or more.")
        self.be_found_at(bind)
        with self.plain_errors(), listen(bind) as listener, Supervisor(self.stderr.write) as running:
            running.ensure_broker()
            with running.working():
                bring_up_to_date()
                for tenant in make_up():
                    self.stderr.write(
                        f"The erasures of {tenant.slug} could not be applied to the restored database, so nothing of "
                        "it is served until they are: the log says why, and it is tried again each minute."
                    )
                notice = ask_for_first_people() if options["first_owner"] else ""
                if notice:
                    self.stdout.write(notice)
            running.serve(listener, web=web, workers=workers, ready=lambda: self._announce(bind))

    def _announce(self, bind: str) -> None:
        self.stdout.write(f"Ringbook is on http://{bind}/ - Ctrl-C ends it.")
        if told := invitation_to_set_up():
            self.stdout.write(f"\n{told}\n")
        self.stdout.flush()

"""The whole river with synthetic data: two tenants, mirrored over real HTTP from the bundled sandbox, then served."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from portal.outbox.folder import home
from portal.site import demonstration, programs
from portal.site.children import Program
from portal.site.command import SiteCommand
from portal.site.demonstration import Notes
from portal.site.progress import Bar
from portal.site.schema import bring_up_to_date
from portal.site.supervisor import Supervisor, listen
from portal.tenants.command import DONE, NOT_COMPLETE
from portal.tenants.models.tenants import Tenant
from reports.columns.refresh import refresh_tenant
from reports.mail.send import send_due
from reports.mail.subscriptions import create_weekly
from sync.models.connections import Connection
from sync.reading.runner import pull


class Command(SiteCommand):
    help = "Shows the portal with synthetic calls: mirrors the bundled sandbox, writes one weekly mail, then serves."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=int, default=90, help="days of history, today included")
        parser.add_argument("--calls-per-day", type=int, default=400)
        parser.add_argument("--once", action="store_true", help="end after the mail, without serving")
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["days"] < 1 or options["calls_per_day"] < 1:
            raise CommandError("--days and --calls-per-day are 1 or more.")
        # For this process and those it starts, and for no other: the sandbox lives on loopback.
        os.environ["UPSTREAM_ALLOW_PRIVATE"] = "true"
        settings.UPSTREAM_ALLOW_PRIVATE = True
        bind = f"127.0.0.1:{options['port']}"
        self.be_found_at(bind)
        with self.plain_errors():
            if options["once"]:
                notes = self._notes(options["days"], options["calls_per_day"])
                with Supervisor(self.stderr.write) as running:
                    self._prepare(running, notes)
                    self._summarise()
                return
            with listen(bind) as listener, Supervisor(self.stderr.write) as running:
                notes = self._notes(options["days"], options["calls_per_day"])
                runs_already = self._prepare(running, notes)

                def ready() -> None:
                    self._announce(bind, notes)
                    if not runs_already:
                        running.start(_sandbox(notes))
                        with running.working():
                            demonstration.await_sandbox(notes.port, running.tend)

                running.serve(listener, web=2, workers=2, ready=ready)

    def _notes(self, days: int, calls_per_day: int) -> Notes:
        notes = Notes.read()
        if notes is None:
            return Notes.new(days=days, calls_per_day=calls_per_day)
        if notes.built and (notes.days, notes.calls_per_day) != (days, calls_per_day):
            self.stderr.write(
                f"The demo here was made with --days {notes.days} --calls-per-day {notes.calls_per_day} and stays so. "
                "Another DATA_DIR takes another one."
            )
        elif not notes.built:
            notes.days, notes.calls_per_day = days, calls_per_day
        return notes

    def _prepare(self, running: Supervisor, notes: Notes) -> bool:
        """Everything up to the mail, as far as an earlier start has not done it; whether the sandbox runs now.

        Where all is done already, the sandbox may wait until the page answers: only the workers need it then.
        """
        running.ensure_broker()
        with running.working():
            bring_up_to_date()
            if notes.is_new and Tenant.objects.exists():
                raise CommandError(f"{settings.DATA_DIR} holds a portal already; the demo wants a DATA_DIR of its own.")
            notes.built = notes.built and demonstration.stands()
            notes.port = demonstration.free_port(notes.port)
            notes.write()
            if notes.built:
                demonstration.build(notes)
                return False
            running.start(_sandbox(notes))
            demonstration.await_sandbox(notes.port, running.tend)
            demonstration.build(notes)
            self._fill()
            notes.built = True
            notes.write()
        return True

    def _fill(self) -> None:
        for connection in demonstration.connections():
            self._mirror(connection)
            refresh_tenant()
        self.tell("Writing Acme's weekly mail …")
        acme = demonstration.TENANTS[0]
        create_weekly(
            Tenant.objects.get(slug=acme.slug),
            acme.owner,
            acme.language,
            since=timezone.now() - timedelta(days=7),
        )
        send_due(timezone.now())

    def _mirror(self, connection: Connection) -> None:
        title = f"{connection.tenant.name} · {connection.environment.name}"
        with _bar() as bar:
            report = pull(
                connection,
                progress=lambda stream, done, planned, seen: bar.draw(f"{title}: {stream}", done, planned, f"{seen:,}"),
            )
        if report.status != "complete":
            self.stderr.write(f"{title}: {report.status}; the workers go on with it.")

    def _summarise(self) -> None:
        rows, whole = [], True
        for connection in demonstration.connections():
            calls, complete = demonstration.counted(connection)
            whole = whole and complete
            rows.append(
                {
                    "tenant": connection.tenant.slug,
                    "environment": connection.environment.name,
                    "id": str(connection.environment.public_id),
                    "calls": calls,
                    "complete": complete,
                }
            )
        mail = _newest_mail()
        if not self._json:
            for row in rows:
                state = "complete" if row["complete"] else "not complete"
                self.stdout.write(f"{row['tenant']:8} {row['environment']:10} {row['calls']:>8,} calls, {state}")
            self.stdout.write(f"The weekly mail: {mail or 'none'}")
        status = DONE if whole and mail else NOT_COMPLETE
        self.finish(status, {"environments": rows, "mail": mail and str(mail)})

    def _announce(self, bind: str, notes: Notes) -> None:
        owners = " or ".join(tenant.owner for tenant in demonstration.TENANTS)
        self.stdout.write(f"Ringbook is on http://{bind}/")
        self.stdout.write(f"Sign in as {owners}, password {notes.password}")
        self.stdout.write(f"The weekly mail is in {_newest_mail() or settings.DATA_DIR / 'outbox'}")
        self.stdout.write("Ctrl-C ends it.")
        self.stdout.flush()


def _sandbox(notes: Notes) -> Program:
    return programs.manage(
        "sandbox",
        *("sandbox", "--bind", f"127.0.0.1:{notes.port}"),
        *("--days", str(notes.days), "--calls-per-day", str(notes.calls_per_day)),
    )


@contextmanager
def _bar() -> Iterator[Bar]:
    bar = Bar(sys.stderr)
    try:
        yield bar
    finally:
        bar.end()


def _newest_mail() -> Path | None:
    """The last mail in the outbox' folder, when mail goes to one."""
    folder = home()
    mails = sorted(folder.glob("*.eml"), key=lambda path: path.stat().st_mtime) if folder.is_dir() else []
    return mails[-1] if mails else None

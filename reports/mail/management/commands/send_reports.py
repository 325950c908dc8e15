"""``manage.py send_reports``: what beat does each minute, once and in the foreground."""

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from portal.tenants.command import DONE, NOT_COMPLETE, moment
from portal.tenants.command import Command as BaseCommand
from reports.mail.send import send_due


class Command(BaseCommand):
    help = "Send the scheduled mails that are due. Ends with status 3 when one could not be sent or waits for data."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--at", type=moment, help="as if it were that moment, e.g. 2026-07-13T11:00:00Z; default now"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        summary = send_due(options["at"] or timezone.now())
        self.tell(f"{summary.due} due, {summary.sent} sent, {summary.failed} failed, {summary.held} held")
        self.finish(NOT_COMPLETE if summary.failed or summary.held else DONE, asdict(summary))

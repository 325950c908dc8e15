"""Erase a person, as an administrator at the console."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from portal.privacy.models import Reason
from portal.tenants import wall
from portal.tenants.command import DONE, NOT_COMPLETE, find_tenant
from portal.tenants.command import Command as BaseCommand
from reports.privacy.erasing import NoNumber, ask, work


class Command(BaseCommand):
    help = (
        "Erase a person from one company: his number, what was said and written, and files that hold it. Counts stay, "
        "and nothing with the number is mirrored again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", required=True, metavar="SLUG")
        parser.add_argument("--number", required=True, help="with + and country code")
        parser.add_argument("--reason", choices=Reason.values, default=Reason.REQUEST.value)

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = find_tenant(options["tenant"])
        with wall.tenant(tenant):
            try:
                erasure = ask(tenant.pk, options["number"], Reason(options["reason"]))
            except NoNumber as error:
                raise CommandError("Give the number with + and country code, as in +55 11 98765-4321.") from error
            done = work(erasure.pk)
        told: dict[str, Any] = {"erasure": str(erasure.public_id), "status": "done" if done else "waiting"}
        if done is not None:
            told |= {"calls": done.calls, "texts": done.texts}
        if not self._json:
            self.stdout.write(
                f"Erased: {done.calls} calls, and {done.texts} texts that named the number."
                if done
                else "Another process is at it already."
            )
        self.finish(DONE if done else NOT_COMPLETE, told)

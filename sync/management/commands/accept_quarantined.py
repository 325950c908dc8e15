"""Accept elements that could not be read as no call."""

from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError

from portal.tenants import wall
from portal.tenants.command import DONE, identifier
from portal.tenants.command import Command as BaseCommand
from sync.models.quarantine import Quarantine
from sync.reading.quarantine import Refused, accept, reopen


class Command(BaseCommand):
    help = "Accept elements that could not be read as no call, so that their days are complete; or take that back."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("ids", nargs="+", type=identifier, metavar="ID", help="as a pull or the console names it")
        parser.add_argument("--note", default="", help="why it is no call; needed")
        parser.add_argument("--reopen", action="store_true", help="take the acceptance back")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["reopen"] == bool(options["note"].strip()):
            raise CommandError("Say with --note why it is no call, or take that back with --reopen, one of both.")
        done = []
        for element in find_elements(options["ids"]):
            with wall.tenant(element.tenant_id):
                try:
                    if options["reopen"]:
                        reopen(element)
                    else:
                        accept(element, options["note"])
                except Refused as error:
                    raise CommandError(f"{element.public_id}: {error}") from error
            done.append(str(element.public_id))
        if not self._json:
            self.stdout.write(f"{len(done)} {'open again' if options['reopen'] else 'accepted as no call'}")
        self.finish(DONE, {"reopened" if options["reopen"] else "accepted": done})


def find_elements(ids: Iterable[UUID]) -> list[Quarantine]:
    """The elements of these ids, whoever's they are; raises CommandError before anything is done."""
    with wall.every_tenant("a command names quarantined elements"):
        rows = {
            row.public_id: row for row in Quarantine.objects.filter(public_id__in=ids).select_related("environment")
        }
    for public_id in ids:
        if public_id not in rows:
            raise CommandError(f"There is no quarantined element {public_id}.")
    return [rows[public_id] for public_id in dict.fromkeys(ids)]

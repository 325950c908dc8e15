"""Take away the second factors of somebody who lost them."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from portal.accounts.factors import reset
from portal.accounts.members import find_person
from portal.tenants.command import DONE
from portal.tenants.command import Command as BaseCommand


class Command(BaseCommand):
    help = "Take away all second factors of a person who lost them, and end his sessions. He is told by mail."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, **options: Any) -> None:
        person = find_person(options["email"].strip())
        if person is None:
            raise CommandError("Nobody signs in with that address.")
        count = reset(person)
        if not self._json:
            self.stdout.write(f"{count} factors taken away; {person.email} signs in by password and sets up a new one")
        self.finish(DONE, {"factors": count})

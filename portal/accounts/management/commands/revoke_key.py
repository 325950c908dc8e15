"""Close an API key for good."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from portal.accounts.keys import revoke_key
from portal.tenants import wall
from portal.tenants.command import DONE, identifier
from portal.tenants.command import Command as BaseCommand
from portal.tenants.models.keys import ApiKey


class Command(BaseCommand):
    help = "Close an API key for good, from its next request on. list_keys tells the ids."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("key", type=identifier, metavar="ID")

    def handle(self, *args: Any, **options: Any) -> None:
        with wall.every_tenant("a command names an API key"):
            key = ApiKey.objects.filter(public_id=options["key"]).first()
        if key is None:
            raise CommandError(f"There is no API key {options['key']}.")
        revoked = revoke_key(key)
        if not self._json:
            self.stdout.write(f"“{key.name}” is revoked." if revoked else f"“{key.name}” was revoked already.")
        self.finish(DONE, {"key": str(key.public_id), "revoked": revoked})

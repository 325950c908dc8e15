"""Encrypt every secret anew under the newest key."""

from typing import Any

from django.core.management.base import CommandError
from django.db import transaction

from portal.tenants import wall
from portal.tenants.command import DONE
from portal.tenants.command import Command as BaseCommand
from portal.vault import VaultError
from sync.models.connections import Connection


class Command(BaseCommand):
    help = "Encrypt every stored token anew under the first of TOKEN_KEYS; the others may be taken away afterwards."

    def handle(self, *args: Any, **options: Any) -> None:
        done = 0
        with wall.every_tenant("tokens are encrypted anew"), transaction.atomic():
            try:
                for connection in Connection.objects.select_for_update(of=("self",)):
                    connection.save(update_fields=["token"])
                    done += 1
            except VaultError as error:
                raise CommandError(f"{error} Nothing was changed.") from error
        if not self._json:
            self.stdout.write(f"{done} tokens encrypted anew")
        self.finish(DONE, {"rotated": done})

"""Encrypt every secret anew under the newest key."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core.management.base import CommandError
from django.db import transaction

from portal.accounts.factor_adapter import seal_anew
from portal.tenants import wall
from portal.tenants.base import TenantModel
from portal.tenants.command import DONE
from portal.tenants.command import Command as BaseCommand
from portal.vault import EncryptedText, VaultError


class Command(BaseCommand):
    help = (
        "Encrypt every stored secret anew under the first of TOKEN_KEYS, bound to its row; the other keys may be taken "
        "away afterwards, and TOKENS_BOUND be set."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        done = 0
        with wall.every_tenant("secrets are encrypted anew"), transaction.atomic():
            try:
                for row, names in _rows():
                    row.save(update_fields=names)
                    done += len(names)
                done += seal_anew()
            except VaultError as error:
                raise CommandError(f"{error} Nothing was changed.") from error
        if not self._json:
            self.stdout.write(f"{done} secrets encrypted anew")
        self.finish(DONE, {"rotated": done})


def _rows() -> Iterator[tuple[TenantModel, list[str]]]:
    """Every row that may hold secrets, locked, with the names of the fields that do."""
    for model in apps.get_models():
        secret = [field.name for field in model._meta.concrete_fields if isinstance(field, EncryptedText)]
        if secret and issubclass(model, TenantModel):
            for row in model.objects.select_for_update(of=("self",)).order_by("pk"):
                if held := [name for name in secret if getattr(row, name)]:
                    yield row, held

"""Add a tenant, and its first owner."""

import os
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.core.validators import validate_email
from django.db import transaction

from portal.accounts.members import add_member, add_person, find_person, give_password, whole
from portal.accounts.resets import send_first_link
from portal.audit.record import record
from portal.outbox import server
from portal.tenants.command import DONE
from portal.tenants.command import Command as BaseCommand
from portal.tenants.models.people import Role
from portal.tenants.models.tenants import Tenant

PASSWORD = "RINGBOOK_OWNER_PASSWORD"  # noqa: S105  # the variable's name


class Command(BaseCommand):
    help = f"Add a tenant. Its owner is invited by mail, or gets the password that {PASSWORD} holds."
    always_json = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the tenant's address: /t/SLUG/")
        parser.add_argument("--name", required=True)
        parser.add_argument("--zone", default="America/Sao_Paulo", help="IANA time zone")
        parser.add_argument("--language", default="pt-br", choices=[code for code, _ in settings.LANGUAGES])
        parser.add_argument("--owner", metavar="EMAIL", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        email, password = options["owner"].strip(), os.environ.get(PASSWORD, "")
        tenant = Tenant(
            slug=options["slug"], name=options["name"].strip(), zone=options["zone"], language=options["language"]
        )
        _check(tenant, email)
        with transaction.atomic():
            tenant.save()
            record("tenant.added", tenant_id=tenant.pk, about={"tenant": tenant.pk})
            if email:
                self._add_owner(tenant, email, password)
        self.finish(DONE, {"tenant": tenant.slug})

    def _add_owner(self, tenant: Tenant, email: str, password: str) -> None:
        """Somebody who signs in already keeps the password that is his."""
        owner = find_person(email) or add_person(email, language=tenant.language)
        if weak := give_password(owner, password):
            self.stderr.write(f"The owner's password is weak: {weak}")
        add_member(tenant, owner, whole(Role.OWNER))
        if not owner.has_usable_password():
            send_first_link(owner, at=tenant)
            if not server.leaves():
                self.stderr.write(server.promise(""))


def _check(tenant: Tenant, email: str) -> None:
    try:
        if email:
            validate_email(email)
        if Tenant.objects.filter(slug=tenant.slug).exists():
            raise CommandError(f"There is a tenant {tenant.slug!r} already.")
        tenant.full_clean()
    except ValidationError as error:
        if hasattr(error, "error_dict"):
            name, messages = next(iter(error.message_dict.items()))
            raise CommandError(f"{name}: {messages[0]}") from error
        raise CommandError(f"owner: {error.messages[0]}") from error

"""Make somebody an administrator of the platform."""

import os
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.core.validators import validate_email
from django.db import transaction

from portal.accounts.members import add_person, find_person, give_password
from portal.accounts.resets import send_first_link
from portal.audit.record import record
from portal.tenants.command import DONE
from portal.tenants.command import Command as BaseCommand

PASSWORD = "RINGBOOK_ADMINISTRATOR_PASSWORD"  # noqa: S105  # the variable's name


class Command(BaseCommand):
    help = (
        "Let somebody into the administration at /admin/. Who is new is invited by mail, or gets the password that "
        f"{PASSWORD} holds; who signs in already keeps his."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--language", default="", choices=[code for code, _ in settings.LANGUAGES])

    def handle(self, *args: Any, **options: Any) -> None:
        email = options["email"].strip()
        try:
            validate_email(email)
        except ValidationError as error:
            raise CommandError(f"email: {error.messages[0]}") from error
        with transaction.atomic():
            person = find_person(email) or add_person(email, language=options["language"])
            weak = give_password(person, os.environ.get(PASSWORD, ""))
            person.is_active = person.is_staff = person.is_superuser = True
            person.save(update_fields=["is_active", "is_staff", "is_superuser"])
            record("administrator.added", tenant_id=None, about={"user": person.pk})
            if not person.has_usable_password():
                send_first_link(person)
        if weak:
            self.stderr.write(f"The administrator's password is weak: {weak}")
        if not self._json:
            self.stdout.write(f"{person.email} administers this portal, at /admin/")
        self.finish(DONE, {"administrator": person.email})

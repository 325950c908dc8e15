"""Make the two roles of PostgreSQL and what each may, or see whether row-level security holds."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.db import DatabaseError, connection, transaction

from portal.tenants import roles
from portal.tenants.command import DONE, NOT_COMPLETE
from portal.tenants.command import Command as BaseCommand
from portal.tenants.row_security import as_owner


class Command(BaseCommand):
    help = "Makes the role that owns nothing, its grants and the policies of each table; --check says what is missing."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="change nothing; 0 when it holds, else 3")

    def handle(self, *args: Any, **options: Any) -> None:
        if connection.vendor != "postgresql":
            raise CommandError("Row-level security is PostgreSQL's: DATABASE_URL names another database.")
        if not settings.DATABASE_OWNER:
            raise CommandError(
                "DATABASE_OWNER_URL is not set: it names the role that owns the tables, and DATABASE_URL the one that"
                " owns nothing and is to be made."
            )
        with as_owner():
            if not options["check"]:
                self._make()
            holes = roles.holes()
        for hole in holes:
            self.stderr.write(hole)
        if not holes and not self._json:
            self.stdout.write("Row-level security holds.")
        self.finish(NOT_COMPLETE if holes else DONE, {"status": "open" if holes else "holds", "holes": holes})

    def _make(self) -> None:
        statements = roles.role_statements(settings.DATABASE_ROLE["PASSWORD"] and "the password in DATABASE_URL")
        try:
            with transaction.atomic():
                roles.make_roles()
        except DatabaseError as error:
            text = "\n".join(f"{statement.as_string(connection.connection)};" for statement in statements)
            raise CommandError(
                f"The role {settings.DATABASE_OWNER['USER']} may not make roles. Somebody who may has to run:\n{text}"
            ) from error
        if "tenants_tenant" in connection.introspection.table_names():
            with transaction.atomic():
                roles.secure()

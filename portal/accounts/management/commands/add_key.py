"""Issue an API key and print it, this once."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from portal.accounts.keys import NewKey, issue_key
from portal.tenants import wall
from portal.tenants.command import Command as BaseCommand
from portal.tenants.command import find_tenant, identifier
from portal.tenants.models.people import Role
from portal.tenants.models.tenants import Environment, Tenant

_LONGEST_NAME = 120


class Command(BaseCommand):
    help = "Print a new API key, and nothing else. It is shown this once. --environment binds it to one environment."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", required=True, metavar="SLUG")
        parser.add_argument("--environment", type=identifier, metavar="UUID")
        parser.add_argument("--name", required=True, help="what the key is for")
        parser.add_argument("--role", default=Role.VIEWER.value, choices=Role.values)
        parser.add_argument("--numbers", action="store_true", help="the key may see full phone numbers")
        parser.add_argument(
            "--look-up", action="store_true", help="the key may search by a whole number without seeing numbers"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = find_tenant(options["tenant"])
        name = options["name"].strip()
        if not 0 < len(name) <= _LONGEST_NAME:
            raise CommandError(f"--name takes 1 to {_LONGEST_NAME} characters.")
        new_key = NewKey(
            name=name,
            role=Role(options["role"]),
            environment=_environment(tenant, options["environment"]) if options["environment"] else None,
            sees_numbers=options["numbers"],
            looks_up=options["look_up"],
        )
        key, secret = issue_key(tenant, new_key)
        if options["json"]:
            self.finish(0, {"key": secret, "id": str(key.public_id)})
        else:
            self.stdout.write(secret)


def _environment(tenant: Tenant, public_id: Any) -> Environment:
    with wall.tenant(tenant):
        environment = Environment.objects.filter(public_id=public_id).first()
    if environment is None:
        raise CommandError(f"{tenant.slug} has no environment {public_id}.")
    return environment

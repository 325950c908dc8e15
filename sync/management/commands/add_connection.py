"""Add an environment with its connection to a vendor."""

import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from datetime import date, timedelta
from getpass import getpass
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from portal.tenants import wall
from portal.tenants.command import DONE, day, find_tenant
from portal.tenants.command import Command as BaseCommand
from sync.connections import ConnectionRefused, Description, add_connection, explain, is_token_shared
from sync.history import WrongDay, check_day, days_to_read, estimate, today
from sync.providers import registry
from sync.providers.errors import UpstreamError

HISTORY = timedelta(days=365)  # how far back a connection reads when nobody said


class Command(BaseCommand):
    help = "Add an environment and its connection; the token comes on standard input."
    always_json = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", required=True, help="the tenant's address")
        parser.add_argument("--environment", required=True, metavar="NAME", help="the new environment's name")
        parser.add_argument(
            "--provider", required=True, help=" or ".join(provider.key for provider in registry.PROVIDERS)
        )
        parser.add_argument("--base-url", required=True, help="for example https://vendor.example/api/v1")
        parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the vendor")
        parser.add_argument("--since", type=day, help="first day of history to read (a year ago)")
        parser.add_argument("--yes", action="store_true", help="read a long history without asking")
        parser.add_argument("--no-check", action="store_true", help="save without testing the connection")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = find_tenant(options["tenant"])
        vendor_settings = {}
        for pair in options["set"]:
            key, equals, value = pair.partition("=")
            if not equals or not key:
                raise CommandError("--set takes KEY=VALUE.")
            vendor_settings[key.strip()] = value.strip()
        since = options["since"] or today() - HISTORY
        self._make_sure(options["provider"], vendor_settings, since, sure=options["yes"])
        description = Description(
            name=options["environment"].strip(),
            provider=options["provider"],
            base_url=options["base_url"].strip(),
            since=since,
            token=(getpass("Token: ") if sys.stdin.isatty() else sys.stdin.read()).strip(),
            settings=vendor_settings,
        )
        if not description.name:
            raise CommandError("The environment needs a name.")
        with wall.tenant(tenant):
            used = is_token_shared(description.provider, description.token)
            try:
                connection = add_connection(tenant, description, check=not options["no_check"])
            except ConnectionRefused as error:
                raise CommandError(str(error)) from error
            except UpstreamError as error:
                raise CommandError(f"Nothing was saved. {explain(error)}") from error
        if used:
            self.stderr.write("This token fills another environment already: both will hold the same calls.")
        ids = {"environment": str(connection.environment.public_id), "connection": str(connection.public_id)}
        self.finish(DONE, ids)

    def _make_sure(self, vendor: str, vendor_settings: Mapping[str, str], since: date, *, sure: bool) -> None:
        """Have a long history agreed to before anything else is asked; raises CommandError."""
        try:
            check_day(since)
            provider = registry.get(vendor)
            needed = estimate(
                provider,
                provider.check_settings(vendor_settings),
                settings.UPSTREAM_RATE_PER_MINUTE,
                days_to_read(since),
            )
        except WrongDay as error:
            raise CommandError(f"--since: {error}") from error
        except (KeyError, ValueError):
            return  # the connection is refused in words of its own
        asks = f"Reading everything since {since} asks for {needed}."
        self.tell(asks)
        if sure or not needed.is_long:
            return
        if not sys.stdin.isatty():
            raise CommandError(f"{asks} Repeat the command with --yes, or with a later --since.")
        if input("Read as much? [y/N] ").strip().lower() not in ("y", "yes"):
            raise CommandError("Nothing was saved.")

"""The base of our commands: one exit status, one sentence, one JSON line.

    class Command(portal.tenants.command.Command):
        help = "…"
        always_json = True                       # only where the JSON line is the command's whole answer

        def add_arguments(self, parser): …       # argument types: day, moment, identifier
        def handle(self, *args, **options):
            tenant = find_tenant(options["tenant"])
            self.tell("reading …")               # progress: stderr, and only a terminal's
            raise CommandError("A sentence.")    # wrong usage: the sentence on stderr, status 2, no traceback
            self.finish(3, {"status": "partial"})  # last line on stdout with --json; ends with that status

``--json`` is there already. A database that does not answer or has no tables yet is told as wrong usage is. Under
``call_command`` every error is raised as usual, and :meth:`Command.finish` raises SystemExit only for a status other
than 0.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, NoReturn
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser, SystemCheckError
from django.db import DatabaseError

from portal.lib import times
from portal.tenants import wall
from portal.tenants.database import explain_to_operator
from portal.tenants.models.tenants import Environment, Tenant

DONE, WRONG_USAGE, NOT_COMPLETE = 0, 2, 3


class Command(BaseCommand):
    always_json = False
    _json = False
    _called_from_command_line: bool  # Django's: False under call_command

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.add_argument("--json", action="store_true", help="end with one JSON object on the last line of stdout")
        # Makes the parser raise CommandError, where argparse would print its usage over several lines.
        parser.called_from_command_line = False
        return parser

    def run_from_argv(self, argv: list[str]) -> None:
        try:
            super().run_from_argv(argv)
        except CommandError as error:
            if "--traceback" in argv:
                raise
            self._refuse(error)

    def execute(self, *args: Any, **options: Any) -> str | None:
        self._json = self.always_json or bool(options.get("json"))
        try:
            return super().execute(*args, **options)
        except SystemCheckError:
            raise
        except CommandError as error:
            if not self._called_from_command_line or options.get("traceback"):
                raise
            self._refuse(error)
        except DatabaseError as error:
            sentence = explain_to_operator(error)
            if not sentence or not self._called_from_command_line or options.get("traceback"):
                raise
            self._refuse(CommandError(sentence))

    def finish(self, status: int, payload: Mapping[str, Any]) -> None:
        """Write the payload where JSON was asked for, and end with ``status``."""
        if self._json:
            self.stdout.write(json.dumps(payload))
        if status != DONE:
            self.stdout.flush()
            raise SystemExit(status)

    def tell(self, text: str) -> None:
        """Progress, for a person at a terminal only."""
        if self.stderr.isatty():
            self.stderr.write(text, self.style.NOTICE)

    def _refuse(self, error: CommandError) -> NoReturn:
        sentence = " ".join(str(error).removeprefix("Error: ").split())
        self.stderr.write(sentence if sentence.endswith((".", "!", "?")) else f"{sentence}.")
        sys.exit(WRONG_USAGE)


def day(text: str) -> date:
    """An argument type: a calendar day."""
    try:
        return times.parse_day(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def moment(text: str) -> datetime:
    """An argument type: an RFC 3339 moment, as UTC."""
    try:
        return times.parse_moment(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def identifier(text: str) -> UUID:
    """An argument type: a public id."""
    try:
        return UUID(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a UUID.") from error


def find_tenant(slug: str) -> Tenant:
    """The tenant of that address; raises CommandError."""
    try:
        return Tenant.objects.get(slug=slug)
    except Tenant.DoesNotExist as error:
        raise CommandError(f"There is no tenant {slug!r}.") from error


def find_environment(public_id: UUID) -> Environment:
    """The environment of that public id, whoever's it is, with its tenant loaded; raises CommandError."""
    with wall.every_tenant("a command names an environment"):
        environment = Environment.objects.select_related("tenant").filter(public_id=public_id).first()
    if environment is None:
        raise CommandError(f"There is no environment {public_id}.")
    return environment

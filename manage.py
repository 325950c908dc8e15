#!/usr/bin/env python
"""Django's command line, with settings chosen and wrong usage told in one sentence.

Ringbook's own commands end so by themselves (portal/tenants/command.py); here it is done for Django's.
"""

import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import ManagementUtility, get_commands
from django.core.management.base import BaseCommand, CommandError, CommandParser, SystemCheckError
from django.db import DatabaseError

from portal.tenants.database import explain_to_operator


class CommandLine(ManagementUtility):
    def fetch_command(self, subcommand: str) -> BaseCommand:
        if subcommand not in get_commands():
            sys.stderr.write(f"There is no command {subcommand!r}; manage.py help lists them.\n")
            sys.exit(2)
        command = super().fetch_command(subcommand)
        command.create_parser = partial(_parser, command.create_parser)  # type: ignore[method-assign]
        command.execute = partial(_execute, command.execute)  # type: ignore[method-assign]
        return command


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    try:
        settings.DATA_DIR  # noqa: B018 - read now: without settings Django would not know our commands and say just that
        CommandLine(sys.argv).execute()
    except (ImproperlyConfigured, CommandError) as error:
        return _refused(str(error))
    except DatabaseError as error:
        sentence = explain_to_operator(error)
        if not sentence or "--traceback" in sys.argv:
            raise
        return _refused(sentence)
    return 0


def _parser(make: Callable[..., CommandParser], *args: Any, **kwargs: Any) -> CommandParser:
    """A parser that raises CommandError, where argparse would print its usage over several lines."""
    parser = make(*args, **kwargs)
    parser.called_from_command_line = False
    return parser


def _execute(execute: Callable[..., Any], *args: Any, **options: Any) -> Any:
    try:
        return execute(*args, **options)
    except SystemCheckError:  # a list, with a status of its own
        raise
    except CommandError as error:
        if options.get("traceback"):
            raise
        sys.exit(_refused(str(error)))


def _refused(text: str) -> int:
    sentence = " ".join(text.removeprefix("Error: ").split())
    sys.stderr.write(sentence if sentence.endswith((".", "!", "?")) else f"{sentence}.")
    sys.stderr.write("\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())

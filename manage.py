#!/usr/bin/env python
"""Django's command line, with settings chosen and wrong usage told in one sentence."""

import os
import sys

from django.core.management import ManagementUtility, get_commands
from django.core.management.base import BaseCommand

from portal.env import SettingError


class CommandLine(ManagementUtility):
    def fetch_command(self, subcommand: str) -> BaseCommand:
        if subcommand not in get_commands():
            sys.stderr.write(f"There is no command {subcommand!r}; manage.py help lists them.\n")
            sys.exit(2)
        return super().fetch_command(subcommand)


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    try:
        CommandLine(sys.argv).execute()
    except SettingError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

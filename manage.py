#!/usr/bin/env python
"""Django's command line, with settings chosen and setting errors told in one sentence."""

import os
import sys

from django.core.management import execute_from_command_line, get_commands

from portal.env import SettingError


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    try:
        if sys.argv[1:] and sys.argv[1] not in {"help", "version", *get_commands()} and sys.argv[1][0] != "-":
            sys.stderr.write(f"There is no command {sys.argv[1]!r}: manage.py help lists them.\n")
            return 2
        execute_from_command_line(sys.argv)
    except SettingError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
